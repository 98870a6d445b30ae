//! A maintenance permit: with it the console opens a shell on one machine, once, for some minutes. Whoever stands there
//! has no right of their own to it; an operator elsewhere has signed who may, when, and what for.

use std::path::Path;

use crate::clock::{Moment, parse_rfc3339, rfc3339};
use crate::durable::Disk;
use crate::gauge::Text;
use crate::packet::PacketId;
use crate::trust::Trust;
use crate::trust::operators::Operators;

use super::agreed::{self, Lines, Refused, Signed};

const FIRST: &str = "trucgate-maintenance 1";

/// What the operator signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Its id, of use once.
    pub id: PacketId,
    /// Code of the box or hub.
    pub at: String,
    /// Until when a session may begin; not before [`Permit::time`].
    pub until: Moment,
    /// How long a session lasts at most, in minutes.
    pub minutes: u16,
    /// What for, on one line.
    pub reason: String,
    /// Name of the operator.
    pub by: String,
    /// When it was signed.
    pub time: Moment,
}

impl Permit {
    /// The longest session.
    pub const MINUTES: u16 = 120;
    /// The longest time between signature and session.
    pub const VALID: time::Duration = time::Duration::days(7);

    /// The text.
    #[must_use]
    pub fn encode(&self) -> String {
        format!(
            "{FIRST}\nid: {}\nat: {}\nuntil: {}\nminutes: {}\nreason: {}\nby: {}\ntime: {}\n",
            self.id,
            self.at,
            rfc3339(self.until),
            self.minutes,
            self.reason,
            self.by,
            rfc3339(self.time)
        )
    }

    /// Reads the canonical text and no other.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = Lines::of(text, FIRST)?;
        let read = Self {
            id: lines.next("id")?,
            at: lines.next("at")?,
            until: parse_rfc3339(&lines.next::<String>("until")?)?,
            minutes: lines.next("minutes")?,
            reason: lines.next("reason")?,
            by: lines.next("by")?,
            time: parse_rfc3339(&lines.next::<String>("time")?)?,
        };
        (read.encode() == text).then_some(read)
    }

    /// Judges one at the machine `at`.
    ///
    /// # Errors
    /// Whose signature it is not, or that it is for another machine or another time.
    pub fn judge(
        signed: &Signed,
        at: &str,
        (trust, operators): (&Trust, &Operators),
        now: Moment,
    ) -> Result<Self, Refused> {
        let by = agreed::signer(signed, trust, operators, now)?;
        let permit = Self::parse(&signed.text).ok_or(Refused::Altered)?;
        if permit.by != by.name {
            return Err(Refused::Altered);
        }
        if permit.at != at {
            return Err(Refused::OtherMachine(permit.at));
        }
        let valid = permit.until - permit.time <= Self::VALID && permit.minutes <= Self::MINUTES;
        if !valid || now > permit.until || now < permit.time {
            return Err(Refused::Expired);
        }
        Ok(permit)
    }

    /// Uses it up: of those who try at once one gets it.
    ///
    /// # Errors
    /// `Replayed` when it was used before.
    pub fn use_up(&self, disk: &Disk, used: &Path) -> Result<(), Refused> {
        let failed = |error: std::io::Error| {
            Refused::Failed(Text::same(format_args!("{}: {error}", used.display())))
        };
        disk.make_dir(used).or_else(|error| match used.is_dir() {
            true => Ok(()),
            false => Err(failed(error)),
        })?;
        let draft = used.join("draft");
        disk.replace(&draft, self.encode().as_bytes())
            .map_err(failed)?;
        let kept = disk.link(&draft, &used.join(self.id.to_string()));
        disk.remove(&draft).map_err(failed)?;
        kept.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Refused::Replayed,
            _ => failed(error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Chance;

    fn permit() -> Permit {
        let time = parse_rfc3339("2026-03-01T02:00:00Z").unwrap();
        Permit {
            id: PacketId::new(time, &Chance::system()),
            at: "00.02.W00".into(),
            until: time + time::Duration::hours(8),
            minutes: 30,
            reason: "thay cáp mạng".into(),
            by: "an".into(),
            time,
        }
    }

    #[test]
    fn a_permit_reads_back_to_the_same_bytes_or_not_at_all() {
        let permit = permit();
        assert_eq!(Permit::parse(&permit.encode()), Some(permit.clone()));
        let longer = permit.encode().replace("minutes: 30", "minutes: 030");
        assert_eq!(Permit::parse(&longer), None);
        let two = Permit {
            reason: "một\nminutes: 120".into(),
            ..permit
        };
        assert_eq!(Permit::parse(&two.encode()), None);
    }

    #[test]
    fn a_permit_is_of_use_once() {
        let (room, disk, permit) = (tempfile::tempdir().unwrap(), Disk::real(), permit());
        let used = room.path().join("used");
        permit.use_up(&disk, &used).unwrap();
        assert_eq!(permit.use_up(&disk, &used), Err(Refused::Replayed));
        let other = Permit {
            id: PacketId::new(permit.time, &Chance::system()),
            ..permit
        };
        other.use_up(&disk, &used).unwrap();
    }
}
