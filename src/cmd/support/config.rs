//! The box's configuration files without what is not known to be harmless.

use std::path::Path;

use zeroize::Zeroizing;

use crate::support::{Entry, redact};
use crate::systemd::Credentials;

/// Larger files are no configuration of ours.
const LARGEST: u64 = 1 << 20;
/// Files at most.
const MOST: usize = 32;

/// Configuration as it may be shown, and what may be shown nowhere.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    pub(super) entries: Vec<Entry>,
    pub(super) removed: Vec<String>,
}

/// All `*.toml` of a directory. A file that this process may not read can come to it as a credential of the same name.
pub(super) fn configuration(directory: &Path, credentials: &Credentials) -> Configuration {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|file| file.file_name().into_string().ok())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    let mut configuration = Configuration::default();
    for name in names.iter().take(MOST) {
        let text = match read(directory, name, credentials).and_then(|text| redact(&text)) {
            Ok(redacted) => {
                configuration.removed.extend(redacted.removed);
                redacted.text
            }
            Err(why) => format!("# {}\n", why.replace('\n', " ")),
        };
        let entry = Entry::new(format!("config/{name}"), text);
        configuration.entries.extend(entry);
    }
    configuration
}

fn read(
    directory: &Path,
    name: &str,
    credentials: &Credentials,
) -> Result<Zeroizing<String>, String> {
    let given = credentials.get(name).ok().flatten();
    if let Some(text) = given.filter(|given| !given.bytes().is_empty()) {
        let text = std::str::from_utf8(text.bytes()).map_err(|error| error.to_string())?;
        return Ok(Zeroizing::new(text.to_owned()));
    }
    let path = directory.join(name);
    let size = std::fs::metadata(&path).map_or(0, |found| found.len());
    if size > LARGEST {
        return Err(format!("{size} bytes"));
    }
    std::fs::read_to_string(&path)
        .map(Zeroizing::new)
        .map_err(|error| error.to_string())
}
