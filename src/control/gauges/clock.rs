//! Whether the time can be relied on: what the system's time service says, and how far the hub's time is off.

use std::path::Path;

use crate::clock::{Clock, Moment};
use crate::gauge::{Gauge, Kind, Level, Reading, Source, Text};
use crate::uplink::Hub;

/// systemd-timesyncd(8) makes this file once it has synchronised.
const SYNCHRONISED: &str = "/run/systemd/timesync/synchronized";
/// A difference that network delays explain.
const SLIGHT: time::Duration = time::Duration::seconds(30);
/// A difference at which fresh certificates and lists look as if they were of tomorrow.
const GRAVE: time::Duration = time::Duration::minutes(10);

/// Reads it.
pub struct Time {
    clock: Clock,
    hub: Option<Hub>,
    moved: bool,
}

impl Time {
    /// `hub` where there is one to compare with; `moved` when a test moves the clock.
    #[must_use]
    pub fn new(clock: Clock, hub: Option<Hub>, moved: bool) -> Self {
        Self { clock, hub, moved }
    }

    fn gauge(&self) -> Gauge {
        let synchronised = Path::new(SYNCHRONISED).exists();
        let off = self.hub.as_ref().and_then(Hub::time);
        let off = off.map(|theirs| self.clock.now() - theirs);
        let gauge = |vi: String, en: String| Gauge::good(Kind::Clock, "", Text::new(vi, en));
        let mend = Text::new(
            "kiểm tra dịch vụ đồng bộ thời gian (NTP) của máy này và của Trục",
            "check the time service (NTP) of this machine and of the hub",
        );
        if let Some(off) = off
            && off.abs() > SLIGHT
        {
            let seconds = off.whole_seconds();
            let level = if off.abs() > GRAVE {
                Level::Stops
            } else {
                Level::Warning
            };
            return gauge(
                format!("lệch {seconds} giây so với Trục"),
                format!("{seconds} s off the hub's"),
            )
            .at(level, mend);
        }
        match (synchronised, off) {
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
            .at(Level::Risk, mend),
        }
    }
}

impl Source for Time {
    fn read(&self, _: Moment) -> Reading<'_> {
        Box::pin(std::future::ready(vec![self.gauge()]))
    }
}
