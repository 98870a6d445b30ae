//! How far an update is, for whoever waits: lines, `systemctl status`, and a file that the console shows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::super::run::Failure;
use crate::durable::Disk;
use crate::systemd::Notify;
use crate::update::{Phase, Stage, Trial};

/// The progress of an update in both languages, and whether it has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::cmd) struct Sign {
    pub(in crate::cmd) vi: String,
    pub(in crate::cmd) en: String,
    /// True when it has ended well, false when it has not.
    pub(in crate::cmd) good: Option<bool>,
}

/// Tells the progress.
pub(super) struct Told {
    file: Option<PathBuf>,
    manager: Notify,
    last: Option<Sign>,
}

impl Told {
    pub(super) fn to(file: Option<PathBuf>) -> Self {
        Self {
            file,
            manager: Notify::from_environment(),
            last: None,
        }
    }

    pub(super) fn at(&mut self, phase: Phase) {
        // Ten lines are enough for a person, and for a serial line.
        let tenths = |read: u64, all: u64| read.saturating_mul(10) / all.max(1);
        let (vi, en) = match phase {
            Phase::Fetching(read, all) => {
                let tenths = tenths(read, all);
                (
                    format!("đang tải gói: {tenths}0 %"),
                    format!("fetching the bundle: {tenths}0 %"),
                )
            }
            Phase::Reading(read, all) => {
                let tenths = tenths(read, all);
                (
                    format!("đang kiểm tra gói: {tenths}0 %"),
                    format!("checking the bundle: {tenths}0 %"),
                )
            }
            Phase::Writing => (
                "gói tốt, đang ghi khe trống".to_owned(),
                "the bundle is good, writing the idle slot".to_owned(),
            ),
        };
        self.tell(Sign { vi, en, good: None });
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

    fn tell(&mut self, sign: Sign) {
        if self.last.as_ref() == Some(&sign) {
            return;
        }
        println!("{} / {}", sign.vi, sign.en);
        self.manager.status(&sign.en);
        self.keep(&sign);
        self.last = Some(sign);
    }

    /// Nobody is to wait for a file that can't be written: the update goes on.
    fn keep(&self, sign: &Sign) {
        if let (Some(file), Ok(text)) = (&self.file, serde_json::to_vec(sign))
            && let Err(error) = Disk::real().replace(file, &text)
        {
            eprintln!("trucgate: {}: {error}", file.display());
        }
    }
}

/// A trial in words.
pub(super) fn trial(trial: &Trial) -> String {
    let (version, previous) = (trial.version, trial.previous);
    match trial.stage {
        Stage::Writing => format!(
            "Ghi phiên bản {version} chưa xong: cập nhật lại / the writing of {version} did not end: update again"
        ),
        Stage::Written => format!(
            "Lần khởi động sau dùng thử {version}, không đạt thì trở lại {previous} / \
             the next start tries {version}; should it fail, {previous} comes back"
        ),
    }
}
