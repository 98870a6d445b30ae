//! Entries that stay where they are: eight bytes a key in memory, and an entry read when somebody looks it up.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ring::digest;
use serde::de::DeserializeOwned;

use super::content::twice;
use super::scan::wrong;
use super::{BoxEntry, Member, Source};
use crate::journal;
use crate::packet::MemberId;
use crate::trust::Error;

/// Entries kept as they were last read, each in the place that its number gives.
const KEPT: usize = 256;

/// What a table holds: it has a code, and may be known by others.
pub(super) trait Listed: DeserializeOwned {
    fn code(&self) -> &MemberId;
    /// Earlier and other forms of the code, in the order in which they count.
    fn forms(&self) -> [Option<&MemberId>; 2];
}

impl Listed for Member {
    fn code(&self) -> &MemberId {
        &self.code
    }

    fn forms(&self) -> [Option<&MemberId>; 2] {
        [self.code102.as_ref(), self.old_code.as_ref()]
    }
}

impl Listed for BoxEntry {
    fn code(&self) -> &MemberId {
        &self.code
    }

    fn forms(&self) -> [Option<&MemberId>; 2] {
        [None, None]
    }
}

/// A sorted list of keys: 32 bits of a hash, two of a rank, thirty of an entry's number. Sorted by the whole, so that among
/// entries of one hash the better rank and then the earlier entry comes first.
#[derive(Debug)]
pub(super) struct Keys(Vec<u64>);

impl Keys {
    pub(super) fn for_many(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    pub(super) fn add(&mut self, hash: u32, rank: u8, number: u32) {
        self.0
            .push(u64::from(hash) << 32 | u64::from(rank) << 30 | u64::from(number));
    }

    pub(super) fn sort(&mut self) {
        self.0.sort_unstable();
        self.0.shrink_to_fit();
    }

    /// Rank and number of the entries that may be meant.
    pub(super) fn of(&self, hash: u32) -> impl Iterator<Item = (u8, u32)> {
        let first = u64::from(hash) << 32;
        let from = self.0.partition_point(|key| *key < first);
        let same = self.0[from..]
            .iter()
            .take_while(move |key| **key >> 32 == first >> 32);
        same.map(|key| apart(*key))
    }

    /// Runs of more than one key with the same hash.
    pub(super) fn doubles(&self) -> impl Iterator<Item = Vec<(u8, u32)>> {
        let runs = self.0.chunk_by(|a, b| a >> 32 == b >> 32);
        runs.filter(|run| run.len() > 1)
            .map(|run| run.iter().map(|key| apart(*key)).collect())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the parts of a key, put in above"
)]
fn apart(key: u64) -> (u8, u32) {
    ((key >> 30) as u8 & 3, key as u32 & ((1 << 30) - 1))
}

/// The hash by which a code is found.
fn hash(code: &MemberId) -> u32 {
    halves(code)[0]
}

/// A hash of a code so long that no two codes share it, in two parts.
pub(super) fn halves(code: &MemberId) -> [u32; 2] {
    let mut hasher = DefaultHasher::new();
    code.hash(&mut hasher);
    let [a, b, c, d, e, f, g, h] = hasher.finish().to_le_bytes();
    [
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ]
}

/// A place for an entry that was read, with its number.
type Kept<T> = Option<(u32, Arc<T>)>;

/// Entries of one kind.
#[derive(Debug)]
pub(super) struct Table<T> {
    /// Where each begins; behind the last where the next would.
    starts: Vec<u32>,
    /// What the verified bytes of each digest to, so that a file which is changed in its place is noticed.
    sums: Vec<u32>,
    codes: Keys,
    kept: Mutex<Vec<Kept<T>>>,
}

impl<T: Listed> Table<T> {
    /// With room for as many entries.
    pub(super) fn for_many(count: usize) -> Self {
        let mut starts = Vec::with_capacity(count + 1);
        starts.push(0);
        Self {
            starts,
            sums: Vec::with_capacity(count),
            codes: Keys::for_many(count * 3),
            kept: Mutex::default(),
        }
    }

    /// Enters what stands at `at`; gives its number and the entry.
    pub(super) fn add(&mut self, at: u64, raw: &[u8]) -> Result<(u32, T), Error> {
        let entry: T = serde_json::from_slice(raw).map_err(wrong)?;
        let number = u32::try_from(self.sums.len())
            .ok()
            .filter(|number| *number < 1 << 30);
        let place = |at: u64| u32::try_from(at).ok();
        let next = at + raw.len() as u64 + 1;
        let (Some(number), Some(at), Some(next)) = (number, place(at), place(next)) else {
            return Err(wrong("too long"));
        };
        self.starts.pop();
        self.starts.extend([at, next]);
        self.sums.push(sum(raw));
        self.codes.add(hash(entry.code()), 0, number);
        for (rank, form) in (1..).zip(entry.forms()) {
            if let Some(form) = form {
                self.codes.add(hash(form), rank, number);
            }
        }
        Ok((number, entry))
    }

    /// Ends the entering: from now on they are looked up.
    pub(super) fn close(&mut self, source: &Source) -> Result<(), Error> {
        self.starts.shrink_to_fit();
        self.sums.shrink_to_fit();
        self.codes.sort();
        for run in self.codes.doubles() {
            let first: Vec<u32> = run.iter().filter(|(r, _)| *r == 0).map(|r| r.1).collect();
            let mut codes: Vec<MemberId> = Vec::with_capacity(first.len());
            for number in first {
                let code = self.get(source, number).code().clone();
                if codes.contains(&code) {
                    return Err(twice(&code));
                }
                codes.push(code);
            }
        }
        Ok(())
    }

    pub(super) fn count(&self) -> usize {
        self.sums.len()
    }

    /// The numbers of all entries.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> + use<T> {
        // Never more than 2^30, as `add` sees to.
        0..u32::try_from(self.sums.len()).unwrap_or(u32::MAX)
    }

    /// An entry as it is written.
    pub(super) fn raw(&self, source: &Source, number: u32) -> Bytes {
        let number = number as usize;
        let (at, next) = (self.starts[number], self.starts[number + 1]);
        match source.read(u64::from(at), u64::from(next) - 1) {
            Ok(raw) if sum(&raw) == self.sums[number] => raw,
            Ok(_) => lost("it was changed in its place"),
            Err(error) => lost(&error.to_string()),
        }
    }

    /// An entry.
    pub(super) fn get(&self, source: &Source, number: u32) -> Arc<T> {
        let place = number as usize % KEPT;
        let known = |kept: &Vec<Option<(u32, Arc<T>)>>| match kept.get(place) {
            Some(Some((at, entry))) if *at == number => Some(entry.clone()),
            _ => None,
        };
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = known(&lock()) {
            return entry;
        }
        let entry = self.fresh(source, number);
        let mut kept = lock();
        if kept.len() <= place {
            kept.resize_with(place + 1, || None);
        }
        kept[place] = Some((number, entry.clone()));
        entry
    }

    /// An entry, kept for nobody else: for those who go through all.
    pub(super) fn fresh(&self, source: &Source, number: u32) -> Arc<T> {
        match serde_json::from_slice(&self.raw(source, number)) {
            Ok(entry) => Arc::new(entry),
            Err(error) => lost(&error.to_string()),
        }
    }

    /// The entry that a code names, in whichever form.
    pub(super) fn find(&self, source: &Source, code: &MemberId) -> Option<(u32, Arc<T>)> {
        self.codes.of(hash(code)).find_map(|(rank, number)| {
            let entry = self.get(source, number);
            let form = match rank {
                0 => Some(entry.code()),
                rank => entry.forms()[usize::from(rank) - 1],
            };
            (form == Some(code)).then_some((number, entry))
        })
    }
}

fn sum(raw: &[u8]) -> u32 {
    let digest = digest::digest(&digest::SHA256, raw);
    let mut first = [0; 4];
    first.copy_from_slice(&digest.as_ref()[..4]);
    u32::from_le_bytes(first)
}

/// A directory that was verified and can't be read back gives no answer, neither yes nor no: the process ends before it gives
/// a wrong one, and the next start judges the file anew and asks the hub for the whole.
fn lost(why: &str) -> ! {
    journal::line(&journal::ids::DIRECTORY_REFUSED)
        .step("directory")
        .reason(why)
        .next("the service starts anew; should it happen again, look at the disk of the state directory")
        .error("the directory can't be read back, the process ends");
    journal::flush();
    std::process::abort()
}
