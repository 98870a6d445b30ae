//! How far a lengthy verb is, for whoever waits: lines, `systemctl status`, and a file that the console shows.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::run::Failure;
use crate::durable::Disk;
use crate::systemd::Notify;

/// The progress in both languages, and whether it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sign {
    pub(super) vi: String,
    pub(super) en: String,
    /// True when it has ended well, false when it has not.
    pub(super) good: Option<bool>,
}

impl Sign {
    /// Reads what a verb has left; none before the first time.
    pub(super) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }
}

/// Tells it.
pub(super) struct Progress {
    file: Option<PathBuf>,
    manager: Notify,
    last: Option<Sign>,
}

impl Progress {
    pub(super) fn to(file: Option<PathBuf>) -> Self {
        Self {
            file,
            manager: Notify::from_environment(),
            last: None,
        }
    }

    /// Tells how far it is, unless that was told last.
    pub(super) fn tell(&mut self, vi: &str, en: &str) {
        let sign = Sign {
            vi: vi.to_owned(),
            en: en.to_owned(),
            good: None,
        };
        if self.last.as_ref() == Some(&sign) {
            return;
        }
        println!("{vi} / {en}");
        self.manager.status(en);
        self.keep(&sign);
        self.last = Some(sign);
    }

    /// The last word; in both languages at once, `vi / en` or a line each.
    pub(super) fn end(&mut self, done: Result<&str, &Failure>) {
        let text = done.unwrap_or_else(Failure::reason);
        if done.is_ok() {
            println!("{text}");
        }
        let half = |part: fn((&str, &str)) -> String| {
            let halves = |line: &str| line.split_once(" / ").map(part);
            let lines = text
                .lines()
                .map(|line| halves(line).unwrap_or(line.to_owned()));
            lines.collect::<Vec<_>>().join(" ")
        };
        let (vi, en) = match text.split_once('\n') {
            Some((vi, en)) if done.is_ok() => (vi.to_owned(), en.to_owned()),
            _ => (half(|(vi, _)| vi.to_owned()), half(|(_, en)| en.to_owned())),
        };
        self.keep(&Sign {
            vi,
            en,
            good: Some(done.is_ok()),
        });
    }

    /// Nobody is to wait for a file that can't be written: the work goes on.
    fn keep(&self, sign: &Sign) {
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_vec(sign))
            && let Err(error) = Disk::real().replace(file, &text)
        {
            eprintln!("trucgate: {}: {error}", file.display());
        }
    }
}
