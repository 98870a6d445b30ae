//! All gauges of one box or hub, for people and for monitoring.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::gauge::{Gauge, Kind, Level};
use crate::packet::MemberId;

/// How a box or hub stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its code.
    #[serde(rename = "box")]
    pub code: String,
    /// `relay` or `hub`.
    pub role: String,
    /// The version that runs.
    pub version: String,
    /// When the gauges were read, by its own clock.
    #[serde(with = "crate::clock::text")]
    pub time: Moment,
    /// The worst of them.
    pub level: Level,
    /// All of them.
    pub gauges: Vec<Gauge>,
}

impl Report {
    /// A report of what was read at `time`.
    #[must_use]
    pub fn new(code: String, role: String, time: Moment, gauges: Vec<Gauge>) -> Self {
        Self {
            code,
            role,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            time,
            level: gauges
                .iter()
                .map(|gauge| gauge.level)
                .max()
                .unwrap_or(Level::Good),
            gauges,
        }
    }

    /// The same for who is here for those members only: what other members' keys, certificates and queues do is not shown.
    #[must_use]
    pub fn only_for(self, members: &[MemberId]) -> Self {
        let (code, gauges) = (self.code, self.gauges);
        let shown = |gauge: &Gauge| {
            let of_members = matches!(gauge.kind, Kind::Seal | Kind::Queue | Kind::Certificate);
            !of_members || is_about(&gauge.subject, &code, members)
        };
        let gauges = gauges.into_iter().filter(shown).collect();
        Self::new(code, self.role, self.time, gauges)
    }

    /// Exit code for monitoring: 0 in order (declared risks included), 1 warning, 2 traffic stops soon or has stopped.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.level {
            Level::Good | Level::Risk => 0,
            Level::Warning => 1,
            Level::Stops => 2,
        }
    }
}

/// Whether a gauge's subject is the box itself or one of these members; one without a subject is of all of it.
fn is_about(subject: &str, own: &str, members: &[MemberId]) -> bool {
    let mut words = subject.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    subject.is_empty()
        || words.any(|word| word == own || members.iter().any(|member| member.as_str() == word))
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role.as_str() {
            "hub" => "Trục liên thông / hub",
            _ => "Máy chủ bảo mật / box",
        };
        let time = crate::clock::rfc3339(self.time);
        let head = match self.level {
            Level::Good => "mọi thứ bình thường / all in order",
            Level::Risk => "hoạt động, có rủi ro đã khai báo / working, with declared risks",
            Level::Warning => "cần xử lý / somebody has to act",
            Level::Stops => "LIÊN THÔNG SẮP DỪNG HOẶC ĐÃ DỪNG / TRAFFIC STOPS SOON OR HAS STOPPED",
        };
        writeln!(f, "{role} {} · {time} · {head}\n", self.code)?;
        for gauge in &self.gauges {
            line(f, gauge, self.time)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, gauge: &Gauge, now: Moment) -> fmt::Result {
    let sign = match gauge.level {
        Level::Good => "  ok ",
        Level::Risk => "  (!)",
        Level::Warning => "  !! ",
        Level::Stops => "  XX ",
    };
    write!(f, "{sign} {}", gauge.kind.name().vi)?;
    if !gauge.subject.is_empty() {
        write!(f, " {}", gauge.subject)?;
    }
    write!(f, ": {}", gauge.state.vi)?;
    if let Some(age) = gauge.age {
        write!(f, " ({} trước)", span(age).0)?;
    }
    write!(f, " / {}: {}", gauge.kind.name().en, gauge.state.en)?;
    if let Some(age) = gauge.age {
        write!(f, " ({} ago)", span(age).1)?;
    }
    writeln!(f)?;
    let Some(unless) = &gauge.unless else {
        return Ok(());
    };
    let (vi, en) = match (gauge.stops_at, gauge.level) {
        (Some(at), _) if at > now => {
            let left = u64::try_from((at - now).whole_seconds()).unwrap_or(0);
            let (vi, en) = span(left);
            (
                format!("liên thông dừng sau {vi}, trừ khi: "),
                format!("traffic stops in {en} unless: "),
            )
        }
        (_, Level::Stops) => (
            "liên thông đã dừng ở đây, cho đến khi: ".to_owned(),
            "traffic has stopped here, until: ".to_owned(),
        ),
        _ => ("việc cần làm: ".to_owned(), "what to do: ".to_owned()),
    };
    writeln!(f, "       → {vi}{}\n         {en}{}", unless.vi, unless.en)
}

/// A span of seconds in its largest whole unit, Vietnamese and English.
#[must_use]
pub fn span(seconds: u64) -> (String, String) {
    let (count, vi, en) = match seconds {
        0..120 => (seconds, "giây", "seconds"),
        120..7_200 => (seconds / 60, "phút", "minutes"),
        7_200..172_800 => (seconds / 3_600, "giờ", "hours"),
        _ => (seconds / 86_400, "ngày", "days"),
    };
    (format!("{count} {vi}"), format!("{count} {en}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_rfc3339;
    use crate::gauge::{Kind, Text};

    fn report(level: Level) -> Report {
        let now = parse_rfc3339("2026-03-01T00:00:00Z").unwrap();
        let mut gauge = Gauge::good(Kind::Certificate, "tls", Text::new("a", "b"))
            .at(level, Text::new("gia hạn", "renew"));
        gauge.stops_at = Some(now + time::Duration::days(29));
        Report::new("H41".into(), "relay".into(), now, vec![gauge])
    }

    #[test]
    fn monitoring_gets_the_worst_and_people_read_how_long_is_left() {
        for (level, code) in [
            (Level::Good, 0),
            (Level::Risk, 0),
            (Level::Warning, 1),
            (Level::Stops, 2),
        ] {
            assert_eq!(report(level).exit_code(), code);
        }
        let text = report(Level::Warning).to_string();
        assert!(
            text.contains("liên thông dừng sau 29 ngày, trừ khi: gia hạn"),
            "{text}"
        );
        assert!(
            text.contains("traffic stops in 29 days unless: renew"),
            "{text}"
        );
        let json = serde_json::to_string(&report(Level::Warning)).unwrap();
        assert_eq!(
            serde_json::from_str::<Report>(&json).unwrap(),
            report(Level::Warning)
        );
    }

    #[test]
    fn an_operator_of_one_member_sees_nothing_of_the_others() {
        let gauge = |kind, subject: &str, level| {
            let act = Text::new("làm", "act");
            Gauge::good(kind, subject, Text::new("ổn", "fine")).at(level, act)
        };
        let all = vec![
            gauge(Kind::Signer, "", Level::Risk),
            gauge(
                Kind::Seal,
                "000.00.00.H41 (seal-000.00.00.H41)",
                Level::Good,
            ),
            gauge(
                Kind::Seal,
                "000.00.00.G22 (seal-000.00.00.G22)",
                Level::Stops,
            ),
            gauge(Kind::Certificate, "TLS 00.02.W00 (tls)", Level::Warning),
            gauge(
                Kind::Certificate,
                "con dấu/seal 000.00.00.G22 (seal-000.00.00.G22)",
                Level::Stops,
            ),
            gauge(Kind::Queue, "000.00.00.G22", Level::Stops),
            gauge(Kind::Queue, "000.00.00.H41", Level::Good),
        ];
        let now = Moment::UNIX_EPOCH;
        let report = Report::new("00.02.W00".into(), "relay".into(), now, all);
        let seen = report.only_for(&["000.00.00.H41".parse().unwrap()]);
        assert_eq!(seen.level, Level::Warning);
        let subjects: Vec<_> = seen.gauges.iter().map(|gauge| &*gauge.subject).collect();
        assert_eq!(
            subjects,
            [
                "",
                "000.00.00.H41 (seal-000.00.00.H41)",
                "TLS 00.02.W00 (tls)",
                "000.00.00.H41"
            ]
        );
    }
}
