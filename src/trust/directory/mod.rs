//! The hub-signed list of members and boxes: who has which certificates. A valid certificate that is not in it
//! opens nothing.
//!
//! A directory may name every unit of a state. What is in memory is an index of some fifty bytes a member (`table`); an
//! entry is read where it lies when somebody looks it up. A newer one comes whole or as a difference ([`difference`]).

mod content;
pub mod difference;
mod entry;
mod registered;
mod scan;
mod source;
mod table;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

pub use content::{Content, Header};
pub use entry::{BoxEntry, Changed, Fingerprint, Member, State};
pub use source::Source;

use super::Error;
pub use super::agency::{Date, Domain, Stage};
use crate::packet::{Digest, MemberId};
use registered::Prints;
use scan::{Scanner, wrong};
use table::Table;

/// A directory with its index; immutable.
#[derive(Debug)]
pub struct Directory {
    header: Header,
    source: Source,
    members: Table<Member>,
    boxes: Table<BoxEntry>,
    prints: Prints,
    /// Members by the box that they name: its code's hash and the member's number.
    behind: Vec<[u32; 3]>,
    agencies: Vec<u32>,
    homes: Mutex<HashMap<MemberId, Arc<[MemberId]>>>,
}

impl Deref for Directory {
    type Target = Header;

    fn deref(&self) -> &Header {
        &self.header
    }
}

impl Directory {
    /// Writes and indexes `content`. A code in use wins over the same text as somebody's QCVN 102 or earlier code.
    ///
    /// # Errors
    /// When a code, or a certificate, is registered twice.
    pub fn new(content: Content) -> Result<Self, Error> {
        let json = serde_json::to_vec(&content).map_err(wrong)?;
        drop(content);
        Self::from_json(json)
    }

    /// Indexes the JSON of a directory.
    ///
    /// # Errors
    /// When it is not one, or contradicts itself.
    pub fn from_json(json: impl Into<Bytes>) -> Result<Self, Error> {
        Self::read(Source::Memory(json.into())).map(|(directory, _)| directory)
    }

    /// Indexes a directory in one pass over its bytes; gives their digest, too.
    ///
    /// # Errors
    /// When it is not one, or contradicts itself.
    pub fn read(source: Source) -> Result<(Self, Digest), Error> {
        let mut index = Index::for_bytes(source.length());
        let mut scanner = Scanner::new(&source);
        let (mut header, mut value) = (vec![b'{'], Vec::new());
        let (mut members, mut boxes) = (false, false);
        let mut first = true;
        while let Some(name) = scanner.name(first)? {
            first = false;
            match name.as_str() {
                "members" if !members => {
                    members = true;
                    scanner.list(|at, raw| index.member(at, raw))?;
                }
                "boxes" if !boxes => {
                    boxes = true;
                    scanner.list(|at, raw| index.box_(at, raw))?;
                }
                _ => {
                    scanner.value(&mut value)?;
                    if header.len() > 1 {
                        header.push(b',');
                    }
                    header.extend(serde_json::to_vec(&name).map_err(wrong)?);
                    header.push(b':');
                    header.extend_from_slice(&value);
                }
            }
        }
        let digest = scanner.end()?;
        header.push(b'}');
        if !(members && boxes) {
            return Err(wrong("it lists no members or no boxes"));
        }
        let header = serde_json::from_slice(&header).map_err(wrong)?;
        Ok((index.close(header, source)?, digest))
    }

    /// Its JSON, whose bytes are what gets signed.
    ///
    /// # Errors
    /// When it lies in a file that can't be read.
    pub fn json(&self) -> Result<Bytes, Error> {
        self.source.read(0, self.source.length()).map_err(wrong)
    }

    /// How long its JSON is.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.source.length()
    }

    /// All of it at hand.
    #[must_use]
    pub fn content(&self) -> Content {
        let header = self.header.clone();
        Content {
            version: header.version,
            issued: header.issued,
            valid_until: header.valid_until,
            hub: header.hub,
            members: self.members().map(Arc::unwrap_or_clone).collect(),
            boxes: self.boxes().map(Arc::unwrap_or_clone).collect(),
        }
    }

    /// How many members there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.members.count()
    }

    /// The member at a place of the list, which is below [`Directory::count`].
    #[must_use]
    pub fn member(&self, place: usize) -> Option<Arc<Member>> {
        let number = u32::try_from(place).ok()?;
        (place < self.count()).then(|| self.members.fresh(&self.source, number))
    }

    /// All members in the order of the list, each read as it is come to.
    pub fn members(&self) -> impl Iterator<Item = Arc<Member>> {
        let numbers = self.members.numbers();
        numbers.map(|number| self.members.fresh(&self.source, number))
    }

    /// The members that count as agencies of their own: of a part of the state, or of the first level.
    pub fn agencies(&self) -> impl Iterator<Item = Arc<Member>> {
        let numbers = self.agencies.iter();
        numbers.map(|number| self.members.fresh(&self.source, *number))
    }

    /// How many boxes there are.
    #[must_use]
    pub fn box_count(&self) -> usize {
        self.boxes.count()
    }

    /// All boxes in the order of the list, each read as it is come to.
    pub fn boxes(&self) -> impl Iterator<Item = Arc<BoxEntry>> {
        let numbers = self.boxes.numbers();
        numbers.map(|number| self.boxes.fresh(&self.source, number))
    }

    /// The member that `code` names in any of its three forms.
    #[must_use]
    pub fn find(&self, code: &MemberId) -> Option<Arc<Member>> {
        Some(self.members.find(&self.source, code)?.1)
    }

    /// The box registered under `code`, or under another form of that member's code.
    #[must_use]
    pub fn find_box(&self, code: &MemberId) -> Option<Arc<BoxEntry>> {
        let found = self.boxes.find(&self.source, code).or_else(|| {
            let member = self.find(code)?;
            self.boxes.find(&self.source, &member.code)
        });
        Some(found?.1)
    }

    /// The box through which `member` is reached, whichever form of the code names it.
    #[must_use]
    pub fn box_of(&self, member: &Member) -> Option<Arc<BoxEntry>> {
        self.find_box(member.box_code.as_ref()?)
    }

    /// The members reached through a box.
    pub fn members_of_box(&self, code: &MemberId) -> impl Iterator<Item = Arc<Member>> {
        let names = self.names_of_box(code);
        let mut numbers: Vec<u32> = names.iter().flat_map(|name| self.behind(name)).collect();
        numbers.sort_unstable();
        let members = numbers
            .into_iter()
            .map(|number| self.members.get(&self.source, number));
        members.filter(move |one| one.box_code.as_ref().is_some_and(|it| names.contains(it)))
    }

    /// The codes of the members reached through a box: read once, since a hub asks again and again.
    #[must_use]
    pub fn codes_of_box(&self, code: &MemberId) -> Arc<[MemberId]> {
        let homes = || self.homes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(codes) = homes().get(code) {
            return codes.clone();
        }
        let members = self.members_of_box(code);
        let codes: Arc<[MemberId]> = members.map(|member| member.code.clone()).collect();
        // What is asked for and is no box is not kept: anybody may ask.
        if !codes.is_empty() {
            homes().insert(code.clone(), codes.clone());
        }
        codes
    }

    /// How many members are reached through a box.
    #[must_use]
    pub fn count_of_box(&self, code: &MemberId) -> usize {
        let names = self.names_of_box(code);
        names.iter().map(|name| self.behind(name).count()).sum()
    }

    /// The codes by which members may name the box.
    fn names_of_box(&self, code: &MemberId) -> Vec<MemberId> {
        let Some(entry) = self.find_box(code) else {
            return Vec::new();
        };
        let mut names = vec![entry.code.clone()];
        if let Some(owner) = self.find(&entry.code).filter(|it| it.code == entry.code) {
            for form in [&owner.code102, &owner.old_code].into_iter().flatten() {
                let same = self.find_box(form).is_some_and(|it| it.code == entry.code);
                if same && !names.contains(form) {
                    names.push(form.clone());
                }
            }
        }
        names
    }

    fn behind(&self, box_code: &MemberId) -> impl Iterator<Item = u32> {
        let [low, high] = table::halves(box_code);
        let from = self
            .behind
            .partition_point(|key| [key[0], key[1]] < [low, high]);
        let same = self.behind[from..].iter();
        same.take_while(move |key| [key[0], key[1]] == [low, high])
            .map(|key| key[2])
    }
}

/// The least that an entry takes which has whatever is indexed.
const SHORTEST: u64 = 250;

/// An index as it grows.
struct Index {
    members: Table<Member>,
    boxes: Table<BoxEntry>,
    prints: Prints,
    behind: Vec<[u32; 3]>,
    agencies: Vec<u32>,
}

impl Index {
    fn for_bytes(length: u64) -> Self {
        let many = usize::try_from(length / SHORTEST).unwrap_or(0);
        Self {
            members: Table::for_many(many),
            boxes: Table::for_many(0),
            prints: Prints::for_many(many),
            behind: Vec::with_capacity(many),
            agencies: Vec::new(),
        }
    }

    fn member(&mut self, at: u64, raw: &[u8]) -> Result<(), Error> {
        let (number, member) = self.members.add(at, raw)?;
        for print in &member.seal {
            self.prints.add(registered::MEMBER_SEAL, print, number);
        }
        if let Some(code) = &member.box_code {
            let [low, high] = table::halves(code);
            self.behind.push([low, high, number]);
        }
        if member.domain.is_some() || member.level == 1 {
            self.agencies.push(number);
        }
        Ok(())
    }

    fn box_(&mut self, at: u64, raw: &[u8]) -> Result<(), Error> {
        let (number, entry) = self.boxes.add(at, raw)?;
        for print in &entry.tls {
            self.prints.add(registered::BOX_TLS, print, number);
        }
        for print in &entry.seal {
            self.prints.add(registered::BOX_SEAL, print, number);
        }
        Ok(())
    }

    fn close(mut self, header: Header, source: Source) -> Result<Directory, Error> {
        self.members.close(&source)?;
        self.boxes.close(&source)?;
        self.prints.sort();
        self.behind.sort_unstable();
        self.behind.shrink_to_fit();
        self.agencies.shrink_to_fit();
        let directory = Directory {
            header,
            source,
            members: self.members,
            boxes: self.boxes,
            prints: self.prints,
            behind: self.behind,
            agencies: self.agencies,
            homes: Mutex::default(),
        };
        directory.each_has_one_owner()?;
        Ok(directory)
    }
}
