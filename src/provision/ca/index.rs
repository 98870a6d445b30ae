//! Every certificate that was issued: a line each, tabs between the columns, readable with `cat`.
//!
//! `serial status issued-at not-after revoked-at reason issuer use code key subject`; an empty column is `-`, times are
//! RFC 3339, `key` is the SHA-256 of the SubjectPublicKeyInfo.

use std::path::Path;

use super::{Layout, UseName, Which};
use crate::clock::{self, Moment};
use crate::durable::Disk;
use crate::packet::MemberId;
use crate::trust;
use crate::trust::directory::Fingerprint;
use crate::trust::issue::{Reason, Revoked};

const HEADER: &str =
    "# serial\tstatus\tissued-at\tnot-after\trevoked-at\treason\tissuer\tuse\tcode\tkey\tsubject";

/// What the CA says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// When.
        at: Moment,
        /// Why.
        reason: Reason,
    },
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Serial number, lower-case hex.
    pub serial: String,
    /// Whether it is revoked.
    pub status: Status,
    /// When it was issued.
    pub issued_at: Moment,
    /// End of its validity.
    pub not_after: Moment,
    /// Who issued it.
    pub issuer: Which,
    /// What it is for.
    pub usage: UseName,
    /// The identification code in it.
    pub code: String,
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub key: Fingerprint,
    /// Its subject (RFC 4514).
    pub subject: String,
}

/// All lines, in the order of issue.
#[derive(Clone, Debug, Default)]
pub struct Index(Vec<Line>);

impl Index {
    /// Reads the index; a CA that has issued nothing has none.
    ///
    /// # Errors
    /// Names the line that is not understood.
    pub fn read(layout: &Layout) -> Result<Self, String> {
        let path = layout.index();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            read => read.map_err(|error| format!("{}: {error}", path.display()))?,
        };
        let lines = text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.starts_with('#'))
            .map(|(at, line)| {
                parse(line).ok_or_else(|| format!("{}:{}: not understood", path.display(), at + 1))
            });
        lines.collect::<Result<_, _>>().map(Self)
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.0
    }

    /// The line of a serial number (lower-case hex).
    #[must_use]
    pub fn find(&self, serial: &str) -> Option<&Line> {
        self.0.iter().find(|line| line.serial == serial)
    }

    /// What an authority has revoked, for its list.
    #[must_use]
    pub fn revoked_by(&self, which: Which) -> Vec<Revoked> {
        let of = |line: &Line| match line.status {
            Status::Revoked { at, reason } => Some(Revoked {
                serial: line.serial.clone(),
                at,
                reason: Some(reason),
            }),
            Status::Good => None,
        };
        let lines = self.0.iter().filter(|line| line.issuer == which);
        lines.filter_map(of).collect()
    }

    pub(super) fn add(&mut self, line: Line) {
        self.0.push(line);
    }

    /// Revokes; `false` when there is no such serial. What is revoked keeps its first time and reason.
    pub(super) fn revoke(&mut self, serial: &str, at: Moment, reason: Reason) -> bool {
        let Some(line) = self.0.iter_mut().find(|line| line.serial == serial) else {
            return false;
        };
        if line.status == Status::Good {
            line.status = Status::Revoked { at, reason };
        }
        true
    }

    pub(super) fn write(&self, path: &Path, disk: &Disk) -> Result<(), String> {
        let mut text = HEADER.to_owned() + "\n";
        for line in &self.0 {
            text += &line.text();
            text.push('\n');
        }
        disk.replace(path, text.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

impl Line {
    /// The line of a certificate (DER) that is new.
    pub(super) fn of(
        der: &[u8],
        usage: UseName,
        code: Option<&MemberId>,
        issued_at: Moment,
    ) -> Result<Self, String> {
        let read = trust::summary(der).map_err(|refusal| refusal.to_string())?;
        Ok(Self {
            serial: read.serial,
            status: Status::Good,
            issued_at,
            not_after: read.not_after,
            issuer: usage.issuer(),
            usage,
            code: code.map(ToString::to_string).unwrap_or_default(),
            key: Fingerprint::of(&read.spki_der),
            subject: read.subject,
        })
    }

    /// The line as it stands in the file.
    #[must_use]
    pub fn text(&self) -> String {
        let (status, at, reason) = match self.status {
            Status::Good => ("good", "-".to_owned(), "-"),
            Status::Revoked { at, reason } => ("revoked", clock::rfc3339(at), reason.as_str()),
        };
        [
            self.serial.as_str(),
            status,
            &clock::rfc3339(self.issued_at),
            &clock::rfc3339(self.not_after),
            &at,
            reason,
            self.issuer.as_str(),
            self.usage.as_str(),
            if self.code.is_empty() {
                "-"
            } else {
                &self.code
            },
            &self.key.to_string(),
            &self.subject.replace(['\t', '\n'], " "),
        ]
        .join("\t")
    }
}

fn parse(line: &str) -> Option<Line> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [
        serial,
        status,
        issued_at,
        not_after,
        at,
        reason,
        issuer,
        usage,
        code,
        key,
        subject,
    ] = columns[..]
    else {
        return None;
    };
    let status = match status {
        "good" => Status::Good,
        "revoked" => Status::Revoked {
            at: clock::parse_rfc3339(at)?,
            reason: reason.parse().ok()?,
        },
        _ => return None,
    };
    Some(Line {
        serial: serial.to_owned(),
        status,
        issued_at: clock::parse_rfc3339(issued_at)?,
        not_after: clock::parse_rfc3339(not_after)?,
        issuer: Which::ALL.into_iter().find(|one| one.as_str() == issuer)?,
        usage: usage.parse().ok()?,
        code: if code == "-" { "" } else { code }.to_owned(),
        key: key.parse().ok()?,
        subject: subject.to_owned(),
    })
}
