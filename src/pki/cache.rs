//! What was fetched, on disk: a start with all sources away goes on with what it had.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::source::Source;
use crate::durable::{Disk, is_leftover};
use crate::journal;
use crate::trust::{Watched, fingerprint, pem};

/// The directory of one process.
#[derive(Clone, Debug)]
pub(super) struct Cache {
    disk: Disk,
    directory: PathBuf,
}

/// An answer with the certificates it belongs to.
pub(super) struct KeptAnswer {
    pub(super) certificate: Vec<u8>,
    pub(super) issuer: Vec<u8>,
    pub(super) answer: Vec<u8>,
    pub(super) file: PathBuf,
}

const ANSWER: &str = "OCSP RESPONSE";

impl Cache {
    pub(super) fn new(disk: Disk, directory: PathBuf) -> Self {
        Self { disk, directory }
    }

    /// Where the list of these sources lies.
    pub(super) fn list_file(&self, sources: &[Source]) -> PathBuf {
        let name = sources.first().map(ToString::to_string).unwrap_or_default();
        let name = HEXLOWER.encode(&fingerprint(name.as_bytes())[..16]);
        self.directory.join("lists").join(format!("{name}.crl"))
    }

    fn answer_file(&self, watched: &Watched) -> PathBuf {
        let name = HEXLOWER.encode(&watched.key());
        self.directory.join("answers").join(format!("{name}.pem"))
    }

    pub(super) fn list(&self, sources: &[Source]) -> Option<Vec<u8>> {
        std::fs::read(self.list_file(sources)).ok()
    }

    /// Lists of sources that certificates named, with their URLs' files.
    pub(super) fn answers(&self) -> Vec<KeptAnswer> {
        let Ok(files) = std::fs::read_dir(self.directory.join("answers")) else {
            return Vec::new();
        };
        files
            .filter_map(|file| {
                let file = file.ok()?.path();
                let text = std::fs::read(&file).ok()?;
                if is_leftover(&file) {
                    return None;
                }
                let mut certificates = pem::certificates(&text)?.into_iter();
                Some(KeptAnswer {
                    certificate: certificates.next()?,
                    issuer: certificates.next()?,
                    answer: pem::blocks(&text, ANSWER)?.pop()?,
                    file,
                })
            })
            .collect()
    }

    pub(super) fn keep_list(&self, sources: &[Source], der: &[u8]) {
        self.keep(&self.list_file(sources), der);
    }

    pub(super) fn keep_answer(&self, watched: &Watched, answer: &[u8]) {
        let text = [
            pem::encode("CERTIFICATE", watched.certificate()),
            pem::encode("CERTIFICATE", watched.issuer_certificate()),
            pem::encode(ANSWER, answer),
        ];
        self.keep(&self.answer_file(watched), text.concat().as_bytes());
    }

    pub(super) fn drop_answer(&self, watched: &Watched) {
        self.drop_file(&self.answer_file(watched));
    }

    /// One that is left over is swept at the next start.
    pub(super) fn drop_file(&self, file: &Path) {
        let _ = self.disk.remove(file);
    }

    fn keep(&self, path: &Path, bytes: &[u8]) {
        let above = path.parent().unwrap_or(&self.directory);
        let kept = self
            .disk
            .make_dir(above)
            .and_then(|()| self.disk.replace(path, bytes));
        if let Err(error) = kept {
            // It is in force all the same; only a start without its source would miss it.
            journal::line(&journal::ids::DISK_FAULT)
                .step("revocation")
                .reason(format_args!("{}: {error}", path.display()))
                .next("look after the disk; what was fetched is in force and is fetched again after a start")
                .error("what a source gave could not be kept");
        }
    }
}
