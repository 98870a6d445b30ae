//! A proof taken apart: each seal in the files that a stranger is given, and back.

use std::fmt::Write;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::{Stopped, read};
use crate::merkle::Hash;
use crate::merkle::checkpoint::Checkpoint;
use crate::seal::{Bundle, Seal};

/// The file of a time stamp.
pub(in crate::cmd::evidence) const TOKEN: &str = "checkpoint.tst";

/// A seal with its receipts and revocation lists, nothing of it verified.
pub(in crate::cmd::evidence) struct Proof {
    pub(in crate::cmd::evidence) packet: Piece,
    pub(in crate::cmd::evidence) receipts: Vec<Piece>,
    pub(in crate::cmd::evidence) lists: Vec<Vec<u8>>,
    pub(in crate::cmd::evidence) answers: Vec<Vec<u8>>,
    /// The record under stamped heads, each with the time stamp.
    pub(in crate::cmd::evidence) stamps: Vec<(Piece, Vec<u8>)>,
}

/// One seal, or why its bytes are none.
pub(in crate::cmd::evidence) struct Piece {
    pub(in crate::cmd::evidence) name: String,
    pub(in crate::cmd::evidence) seal: Result<Seal, String>,
    /// The chain as written beside it, in an exported directory.
    pub(in crate::cmd::evidence) chain: Option<Vec<u8>>,
}

impl Proof {
    /// Reads a bundle.
    pub(in crate::cmd::evidence) fn of_bundle(json: &[u8]) -> Result<Self, Stopped> {
        let bundle = Bundle::from_json(json).map_err(Stopped::fails)?;
        let piece = |name: String, seal: &[u8]| Piece {
            name,
            seal: Seal::decode(seal).map_err(|error| error.to_string()),
            chain: None,
        };
        let seal = bundle.seal().map_err(Stopped::fails)?;
        let receipts = bundle.receipts().map_err(Stopped::fails)?;
        Ok(Self {
            packet: piece("packet".to_owned(), &seal),
            receipts: (1..)
                .zip(&receipts)
                .map(|(at, seal)| piece(format!("receipt-{at}"), seal))
                .collect(),
            lists: bundle.revocation().map_err(Stopped::fails)?,
            answers: bundle.answers().map_err(Stopped::fails)?,
            stamps: (1..)
                .zip(bundle.stamps().map_err(Stopped::fails)?)
                .map(|(at, (seal, token))| (piece(format!("stamp-{at}"), &seal), token))
                .collect(),
        })
    }

    /// Reads what `export` wrote.
    pub(in crate::cmd::evidence) fn of_directory(directory: &Path) -> Result<Self, Stopped> {
        let shown = |error| Stopped::unreadable(format!("{}: {error}", directory.display()));
        let mut names = Vec::new();
        for entry in std::fs::read_dir(directory).map_err(shown)? {
            names.extend(entry.map_err(shown)?.file_name().into_string());
        }
        let mut proof = Self {
            packet: Piece::of_directory(&directory.join("packet"), "packet")?,
            receipts: Vec::new(),
            lists: Vec::new(),
            answers: Vec::new(),
            stamps: Vec::new(),
        };
        for name in numbered(&names, "receipt-") {
            let piece = Piece::of_directory(&directory.join(name), name)?;
            proof.receipts.push(piece);
        }
        for name in numbered(&names, "crl-") {
            proof.lists.push(read(&directory.join(name))?);
        }
        for name in numbered(&names, "ocsp-") {
            proof.answers.push(read(&directory.join(name))?);
        }
        for name in numbered(&names, "stamp-") {
            let piece = Piece::of_directory(&directory.join(name), name)?;
            let token = read(&directory.join(name).join(TOKEN))?;
            proof.stamps.push((piece, token));
        }
        Ok(proof)
    }
}

/// Names that begin so and go on with a number, in its order.
fn numbered<'a>(names: &'a [String], prefix: &str) -> Vec<&'a str> {
    let number = |name: &str| {
        let rest = name.strip_prefix(prefix)?;
        let end = rest.find(|c: char| !c.is_ascii_digit());
        rest[..end.unwrap_or(rest.len())].parse::<u32>().ok()
    };
    let mut found: Vec<(u32, &str)> = names
        .iter()
        .filter_map(|name| Some((number(name)?, name.as_str())))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).collect()
}

impl Piece {
    fn of_directory(directory: &Path, name: &str) -> Result<Self, Stopped> {
        let file = |file: &str| read(&directory.join(file));
        let checkpoint = file("checkpoint.txt")?;
        let path = file("path.txt")?;
        let (record, cms) = (file("record.txt")?, file("checkpoint.p7s")?);
        let seal = read_path(&path, &checkpoint).and_then(|(index, path)| {
            let seal = Seal {
                record,
                index,
                path,
                checkpoint,
                cms,
            };
            // The bounds of a seal that travels hold for its files too.
            Seal::decode(&seal.encode()).map_err(|error| error.to_string())
        });
        Ok(Self {
            name: name.to_owned(),
            seal,
            chain: Some(file("chain.pem")?),
        })
    }
}

/// `path.txt`: the record's place, the tree's size, then the inclusion path, a hash a line.
pub(in crate::cmd::evidence) fn write_path(seal: &Seal, size: u64) -> String {
    let mut text = format!("index {}\nsize {size}\n", seal.index);
    for hash in &seal.path {
        // Writing to a String never fails.
        let _ = writeln!(text, "{}", HEXLOWER.encode(hash));
    }
    text
}

fn read_path(bytes: &[u8], checkpoint: &[u8]) -> Result<(u64, Vec<Hash>), String> {
    let parsed = || {
        let mut lines = std::str::from_utf8(bytes)
            .ok()?
            .strip_suffix('\n')?
            .split('\n');
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let size = lines.next()?.strip_prefix("size ")?.parse().ok()?;
        let hash = |line: &str| Hash::try_from(HEXLOWER.decode(line.as_bytes()).ok()?).ok();
        let path = lines.map(hash).collect::<Option<Vec<Hash>>>()?;
        Some((index, size, path))
    };
    let (index, size, path) = parsed().ok_or("path.txt is not an inclusion path")?;
    let seal = Seal {
        record: Vec::new(),
        index,
        path,
        checkpoint: Vec::new(),
        cms: Vec::new(),
    };
    if write_path(&seal, size).as_bytes() != bytes {
        return Err("path.txt is not in canonical form".to_owned());
    }
    match Checkpoint::parse(checkpoint) {
        Ok(head) if head.size != size => Err(format!(
            "path.txt speaks of a tree of {size}, the checkpoint of {}",
            head.size
        )),
        _ => Ok((index, seal.path)),
    }
}
