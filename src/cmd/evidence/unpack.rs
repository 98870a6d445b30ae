//! A proof as files that openssl, sha256sum and a reader's eyes understand.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::Stopped;
use super::pieces::{Piece, Proof, TOKEN, write_path};
use crate::clock::rfc3339;
use crate::durable::Disk;
use crate::evidence::Record;
use crate::merkle::checkpoint::Checkpoint;
use crate::seal::{Bundle, Seal};
use crate::trust::{cms, pem};

/// Writes the files of a proof below `directory`; gives their names. Only what can be read and whose signatures hold is
/// written, nothing is judged beyond that.
pub(super) fn unpack(
    bundle: &Bundle,
    directory: &Path,
    disk: &Disk,
) -> Result<Vec<PathBuf>, Stopped> {
    let proof = Proof::of_bundle(&bundle.to_json())?;
    let mut files = Vec::new();
    let mut readme = Readme::default();
    let stamped = proof.stamps.iter().map(|(piece, _)| piece);
    let pieces = std::iter::once(&proof.packet).chain(&proof.receipts);
    for piece in pieces.chain(stamped) {
        let parts = Parts::of(piece)?;
        let name = if piece.name.starts_with("receipt-") {
            format!("{}-{}", piece.name, word(&parts.record))
        } else {
            piece.name.clone()
        };
        readme.part(&name, &parts);
        let Seal {
            record,
            checkpoint,
            cms,
            ..
        } = parts.seal;
        let path = write_path(parts.seal, parts.head.size).into_bytes();
        for (file, bytes) in [
            ("record.txt", record),
            ("checkpoint.txt", checkpoint),
            ("checkpoint.p7s", cms),
            ("path.txt", &path),
            ("chain.pem", &parts.chain),
        ] {
            files.push((directory.join(&name).join(file), bytes.clone()));
        }
    }
    for (number, list) in (1..).zip(&proof.lists) {
        files.push((directory.join(format!("crl-{number}.der")), list.clone()));
    }
    for (number, answer) in (1..).zip(&proof.answers) {
        files.push((directory.join(format!("ocsp-{number}.der")), answer.clone()));
    }
    for (piece, token) in &proof.stamps {
        files.push((directory.join(&piece.name).join(TOKEN), token.clone()));
    }
    files.push((directory.join("README.txt"), readme.text().into_bytes()));
    write(&files, directory, disk)?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Leftovers of another proof would count as parts of this one, so the directory must be new or empty.
fn write(files: &[(PathBuf, Vec<u8>)], directory: &Path, disk: &Disk) -> Result<(), Stopped> {
    let failed = |path: &Path, error: &dyn Display| {
        Stopped::unreadable(format!("{}: {error}", path.display()))
    };
    disk.make_dir(directory)
        .map_err(|error| failed(directory, &error))?;
    let mut entries = std::fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    if entries.next().is_some() {
        return Err(failed(
            directory,
            &"thư mục không trống / the directory is not empty",
        ));
    }
    for (path, bytes) in files {
        let above = path.parent().unwrap_or(directory);
        disk.make_dir(above)
            .and_then(|()| disk.replace(path, bytes))
            .map_err(|error| failed(path, &error))?;
    }
    Ok(())
}

struct Parts<'a> {
    seal: &'a Seal,
    record: Record,
    head: Checkpoint,
    chain: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(piece: &'a Piece) -> Result<Self, Stopped> {
        let named = |error: &dyn Display| Stopped::fails(format!("[{}] {error}", piece.name));
        let seal = piece.seal.as_ref().map_err(|error| named(error))?;
        let record = Record::parse(&seal.record).map_err(|error| named(&error))?;
        let head = Checkpoint::parse(&seal.checkpoint).map_err(|error| named(&error))?;
        let signed = cms::verify(&seal.cms, &seal.checkpoint).map_err(|error| named(&error))?;
        let chain: String = signed
            .chain
            .iter()
            .map(|one| pem::encode("CERTIFICATE", one))
            .collect();
        Ok(Self {
            seal,
            record,
            head,
            chain: chain.into_bytes(),
        })
    }
}

/// What a receipt says, as a part of a file's name.
fn word(record: &Record) -> &str {
    let said = record.status.as_deref().unwrap_or(record.kind.as_str());
    let plain = said.len() <= 16 && said.bytes().all(|byte| byte.is_ascii_lowercase());
    if plain && !said.is_empty() {
        said
    } else {
        "other"
    }
}

#[derive(Default)]
struct Readme {
    parts: String,
}

impl Readme {
    fn part(&mut self, name: &str, parts: &Parts<'_>) {
        let record = &parts.record;
        let said = record.status.as_deref().unwrap_or(record.kind.as_str());
        self.parts += &format!(
            "  {name}/  {said}, {}, {}\n",
            record.from,
            rfc3339(record.time)
        );
    }

    fn text(&self) -> String {
        include_str!("README.txt").replace("@PARTS@\n", &self.parts)
    }
}
