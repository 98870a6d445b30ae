//! Whether the time can be relied on: what the system's time service says, and how far the hub's time is off.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::{Clock, Moment};
use crate::gauge::{Gauge, Kind, Level, Reading, Source, Text};
use crate::journal::{self, ids};
use crate::tls::Grounds;
use crate::uplink::Hub;

/// systemd-timesyncd(8) makes this file once it has synchronised.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// A difference that network delays explain.
const SLIGHT: time::Duration = time::Duration::seconds(30);
/// How often the clock is looked at.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer that tells the time is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Looks for which doubt has to last: a start knows nothing yet, and a time service takes some seconds.
const LASTING: u32 = 60;

/// Reads it.
pub struct Time {
    clock: Clock,
    hub: Option<Hub>,
    moved: bool,
    skew: time::Duration,
}

/// How far it can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trusted {
    /// It is synchronised, or agrees with the hub's.
    Good,
    /// Nobody says so, or it is off by less than declared.
    Doubtful,
    /// It is off by more than declared.
    Beyond,
}

impl Time {
    /// `hub` where there is one to compare with; `moved` when a test moves the clock. Beyond `skew` off the hub's time
    /// no certificate is judged.
    #[must_use]
    pub fn new(clock: Clock, hub: Option<Hub>, moved: bool, skew: time::Duration) -> Self {
        Self {
            clock,
            hub,
            moved,
            skew,
        }
    }

    /// A clock that a test moves is nobody's.
    fn synchronised(&self) -> bool {
        !self.moved && Path::new(SYNCHRONISED).exists()
    }

    /// How far it is off the hub's time, which goes on by the machine's own ticks between two answers: a clock that is
    /// set right is seen without one.
    fn off(&self) -> Option<time::Duration> {
        let theirs = self.hub.as_ref().and_then(Hub::time)?;
        Some(self.clock.now() - theirs)
    }

    fn trusted(&self) -> Trusted {
        // Where both are synchronised and differ, it is not for us to say whose service is wrong.
        match self.off() {
            _ if self.synchronised() => Trusted::Good,
            Some(off) if off.abs() > self.skew => Trusted::Beyond,
            Some(off) if off.abs() > SLIGHT => Trusted::Doubtful,
            Some(_) => Trusted::Good,
            None => Trusted::Doubtful,
        }
    }

    /// Looks at the clock for ever: says in `publish` whether certificates may be judged by it, and tells the journal.
    pub async fn follow(self: Arc<Self>, publish: watch::Sender<Grounds>) {
        let (mut tick, mut told, mut lasted) = (tokio::time::interval(EVERY), Trusted::Good, 0);
        loop {
            tick.tick().await;
            let mut now = self.trusted();
            if now == Trusted::Beyond {
                // The hub's clock may have been set as well, and only a new answer shows it.
                self.ask().await;
                now = self.trusted();
            }
            let sure = now != Trusted::Beyond;
            publish.send_if_modified(|one| std::mem::replace(&mut one.clock_sure, sure) != sure);
            lasted = if now == Trusted::Doubtful {
                lasted + 1
            } else {
                0
            };
            if now == told || now == Trusted::Doubtful && told == Trusted::Good && lasted < LASTING
            {
                continue;
            }
            self.tell(now);
            told = now;
        }
    }

    /// Has the hub tell its time. Where it does not, what it told last goes on to count.
    async fn ask(&self) {
        if let Some(hub) = &self.hub {
            let _ = tokio::time::timeout(PATIENCE, hub.directory(u64::MAX, Duration::ZERO, false))
                .await;
        }
    }

    fn tell(&self, trusted: Trusted) {
        let off = self.off().map_or_else(
            || "no time service says that it is synchronised".to_owned(),
            |off| format!("{} s off the hub's time", off.whole_seconds()),
        );
        let line = |id| journal::line(id).step("clock").reason(&off).next(mend().en);
        match trusted {
            Trusted::Good => line(&ids::CLOCK_BACK).notice("the clock can be relied on"),
            Trusted::Doubtful => line(&ids::CLOCK_DOUBTFUL)
                .warning("the clock may be wrong; certificates are judged by it as long as it is not known to be"),
            Trusted::Beyond => line(&ids::CLOCK_BEYOND_SKEW)
                .error("the clock is wrong: no certificate is judged by it, what is kept waits"),
        }
    }

    fn gauge(&self) -> Gauge {
        let gauge = |vi: String, en: String| Gauge::good(Kind::Clock, "", Text::new(vi, en));
        let off = self.off();
        if let Some(off) = off
            && off.abs() > SLIGHT
        {
            let seconds = off.whole_seconds();
            let level = if self.trusted() == Trusted::Beyond {
                Level::Stops
            } else {
                Level::Warning
            };
            return gauge(
                format!("lệch {seconds} giây so với Trục"),
                format!("{seconds} s off the hub's"),
            )
            .at(level, mend());
        }
        match (self.synchronised(), off) {
            _ if self.moved => gauge(
                "đang bị dời để thử nghiệm".to_owned(),
                "moved for a test".to_owned(),
            )
            .at(
                Level::Risk,
                Text::new(
                    "bỏ mục [test] khỏi cấu hình",
                    "take [test] out of the configuration",
                ),
            ),
            (true, _) => gauge("đã đồng bộ".to_owned(), "synchronised".to_owned()),
            (false, Some(_)) => gauge(
                "khớp với giờ của Trục".to_owned(),
                "agrees with the hub's".to_owned(),
            ),
            (false, None) => gauge(
                "không biết đã đồng bộ chưa".to_owned(),
                "nobody says that it is synchronised".to_owned(),
            )
            .at(Level::Risk, mend()),
        }
    }
}

fn mend() -> Text {
    Text::new(
        "kiểm tra dịch vụ đồng bộ thời gian (NTP) của máy này và của Trục",
        "check the time service (NTP) of this machine and of the hub",
    )
}

impl Source for Time {
    fn read(&self, _: Moment) -> Reading<'_> {
        Box::pin(std::future::ready(vec![self.gauge()]))
    }
}
