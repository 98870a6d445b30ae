//! The certificates that lie in the box's directory: what they say of themselves, never more.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::trust::{fingerprint, pem, summary};

/// Larger files hold none.
const LARGEST: u64 = 1 << 20;
/// Files that are looked at.
const MOST: usize = 500;

/// All of them, by file.
pub(super) fn certificates(directory: &Path) -> Value {
    let mut files = Vec::new();
    files_below(directory, 2, &mut files);
    files.sort();
    let all = files.iter().take(MOST).flat_map(|file| {
        let bytes = std::fs::read(file).unwrap_or_default();
        let name = file.strip_prefix(directory).unwrap_or(file);
        let certificates = pem::certificates(&bytes).unwrap_or_default();
        let told = certificates.into_iter().filter_map(|der| told(name, &der));
        told.collect::<Vec<_>>()
    });
    all.collect()
}

fn files_below(directory: &Path, depth: u32, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(found) = entry.metadata() else {
            continue;
        };
        let named = path
            .extension()
            .is_some_and(|ending| ["pem", "crt", "cer"].iter().any(|one| ending == *one));
        if found.is_dir() && depth > 1 {
            files_below(&path, depth - 1, files);
        } else if found.is_file() && named && found.len() <= LARGEST {
            files.push(path);
        }
    }
}

fn told(file: &Path, der: &[u8]) -> Option<Value> {
    let read = summary(der).ok()?;
    Some(json!({
        "file": file.display().to_string(),
        "subject": read.subject,
        "issuer": read.issuer,
        "serial": read.serial,
        "sha256": HEXLOWER.encode(&fingerprint(der)),
        "not_before": rfc3339(read.not_before),
        "not_after": rfc3339(read.not_after),
        "authority": read.ca,
        "key": read.key,
    }))
}
