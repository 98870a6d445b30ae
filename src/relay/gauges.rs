//! How a box's walks stand: the line to the hub, room on the disk, the directory, what waits.

use std::sync::Arc;
use std::time::Duration;

use super::Relay;
use crate::clock::{Moment, local};
use crate::gauge::{End, Gauge, Kind, Level, Reading, Source, Text};
use crate::packet::MemberId;
use crate::spool::Queue;
use crate::trust::Stale;

/// A packet that waits longer than this for the hub is worth a look.
const OUTBOUND: time::Duration = time::Duration::minutes(15);
/// Software asks once a day at least; a document that lies longer has nobody who takes it.
const OFFERED: time::Duration = time::Duration::days(2);
/// A call of the hub comes back at least that often, since polls end after 25 s.
const HEARD: Duration = Duration::from_secs(90);

impl Source for Arc<Relay> {
    fn read(&self, now: Moment) -> Reading<'_> {
        Box::pin(async move {
            let mut all = vec![self.line(), self.room(), self.listed(now)];
            all.extend(self.fenced());
            all.extend(self.last_backup(now).await);
            all.extend(self.waiting(now).await);
            all
        })
    }
}

impl Relay {
    fn line(&self) -> Gauge {
        let last = self.hub.last();
        let good = |state| Gauge::good(Kind::Hub, "", state);
        let mend = Text::new(
            "kiểm tra đường truyền, địa chỉ của Trục và chứng thư của máy này; văn bản đã nhận được giữ và tự đi tiếp",
            "check the line, the hub's address and this box's certificate; what is kept waits and goes on by itself",
        );
        match (last.failing, last.good) {
            (Some((_, why)), since) => good(Text::new(
                format!("không gọi được: {why}"),
                format!("can't be called: {why}"),
            ))
            .at(Level::Stops, mend)
            .aged(since),
            (None, Some(age)) if age > HEARD => good(Text::new(
                "lâu không có câu trả lời nào",
                "no answer for a long time",
            ))
            .at(Level::Warning, mend)
            .aged(Some(age)),
            (None, Some(age)) => {
                good(Text::new("Trục đã trả lời", "the hub answered")).aged(Some(age))
            }
            (None, None) => {
                good(Text::new("chưa có câu trả lời nào", "no answer yet")).at(Level::Warning, mend)
            }
        }
    }

    fn fenced(&self) -> Option<Gauge> {
        let waits = self.fence.waiting_for()?;
        let state = Text::new(
            format!("vừa khôi phục, chưa liên thông: {}", waits.reason.vi),
            format!("restored and fenced: {}", waits.reason.en),
        );
        Some(Gauge::good(Kind::Fence, "", state).at(Level::Stops, waits.next))
    }

    /// Only where backups are configured.
    async fn last_backup(&self, now: Moment) -> Option<Gauge> {
        if !self.backed_up {
            return None;
        }
        let state = self.snapshots.state().to_owned();
        let last = tokio::task::spawn_blocking(move || crate::backup::Last::read(&state)).await;
        Some(backup(last.ok()?.map_err(|error| error.to_string()), now))
    }

    fn room(&self) -> Gauge {
        disk(self.spool.free_bytes(), self.config.reserve_bytes)
    }

    fn listed(&self, now: Moment) -> Gauge {
        let directory = self.grounds.borrow().directory.clone();
        let Some(directory) = directory else {
            return Gauge::good(
                Kind::Directory,
                "",
                Text::new("chưa có danh bạ của Trục", "no directory of the hub yet"),
            )
            .at(
                Level::Stops,
                Text::new("nối được tới Trục một lần", "reach the hub once"),
            );
        };
        let ends = self.config.directory_ends(&directory);
        let until = local(directory.valid_until);
        let mut gauge = Gauge::good(
            Kind::Directory,
            "",
            Text::new(
                format!(
                    "bản {}, {} đơn vị, có hiệu lực đến {until}",
                    directory.version,
                    directory.count()
                ),
                format!(
                    "version {}, {} members, valid until {until}",
                    directory.version,
                    directory.count()
                ),
            ),
        );
        gauge.end = Some(End {
            id: format!("directory {}", directory.version),
            begun: directory.issued,
            at: directory.valid_until,
        });
        if now <= directory.valid_until {
            return gauge;
        }
        let mend = Text::new(
            "nối lại tới Trục để lấy danh bạ mới",
            "reach the hub again: it gives a newer one",
        );
        if self.config.directory_then == Stale::Continue {
            return gauge.at(Level::Warning, mend);
        }
        gauge.stops_at = Some(ends);
        gauge.at(
            if now > ends || ends - now <= time::Duration::DAY {
                Level::Stops
            } else {
                Level::Warning
            },
            mend,
        )
    }

    async fn waiting(&self, now: Moment) -> Vec<Gauge> {
        let queues = match self.spool.queues().await {
            Ok(queues) => queues,
            Err(error) => {
                let state = Text::new(format!("không đọc được: {error}"), error.to_string());
                let mend = Text::new("kiểm tra ổ đĩa", "check the disk");
                return vec![Gauge::good(Kind::Queue, "", state).at(Level::Stops, mend)];
            }
        };
        let mut members: Vec<&MemberId> = self.logs.keys().collect();
        members.sort();
        members
            .into_iter()
            .map(|member| queue(member, queues.get(member).copied().unwrap_or_default(), now))
            .collect()
    }
}

/// A night may be missed; two are one too many.
const BACKUP: time::Duration = time::Duration::hours(50);

fn backup(last: Result<Option<crate::backup::Last>, String>, now: Moment) -> Gauge {
    let good = |state| Gauge::good(Kind::Backup, "", state);
    let make = Text::new(
        "sao lưu rồi diễn tập: trucgate backup --out, trucgate backup rehearse; thiết bị không có dòng lệnh: cắm đĩa nhãn TRUC-BAK; xem nhật ký",
        "back up and rehearse: trucgate backup --out, trucgate backup rehearse; an appliance has no shell: plug in a medium labelled TRUC-BAK; see the journal",
    );
    let last = match last {
        Err(error) => return good(Text::new(error.clone(), error)).at(Level::Warning, make),
        Ok(None) => {
            let state = Text::new("chưa có bản sao lưu nào", "there is no backup yet");
            return good(state).at(Level::Warning, make);
        }
        Ok(Some(last)) => last,
    };
    let made = local(last.header.made);
    let age = (now - last.header.made).try_into().ok();
    let old = now - last.header.made > BACKUP;
    let (vi, en, holds) = match &last.rehearsal {
        None => ("chưa diễn tập".to_owned(), "not rehearsed".to_owned(), true),
        Some(done) => match &done.failed {
            None => (
                "diễn tập đạt".to_owned(),
                "rehearsed, holds".to_owned(),
                true,
            ),
            Some(why) => (
                format!("diễn tập không đạt: {why}"),
                format!("its rehearsal failed: {why}"),
                false,
            ),
        },
    };
    let state = Text::new(format!("bản {made}, {vi}"), format!("of {made}, {en}"));
    let gauge = good(state).aged(age);
    if holds && !old {
        gauge
    } else {
        gauge.at(Level::Warning, make)
    }
}

/// Room on a disk that keeps `reserve` bytes for finishing what it has.
pub(crate) fn disk(free: std::io::Result<u64>, reserve: u64) -> Gauge {
    let mend = Text::new(
        "dọn ổ đĩa hoặc rút ngắn thời gian giữ văn bản đã giao (keep_days)",
        "free disk space or keep delivered documents for fewer days (keep_days)",
    );
    let free = match free {
        Ok(free) => free,
        Err(error) => {
            let state = Text::new(format!("không hỏi được: {error}"), error.to_string());
            return Gauge::good(Kind::Disk, "", state).at(Level::Stops, mend);
        }
    };
    let mib = |bytes: u64| bytes >> 20;
    let state = Text::new(
        format!("còn {} MiB, dừng nhận dưới {} MiB", mib(free), mib(reserve)),
        format!(
            "{} MiB free, intake stops below {} MiB",
            mib(free),
            mib(reserve)
        ),
    );
    let gauge = Gauge::good(Kind::Disk, "", state);
    if free < reserve {
        gauge.at(Level::Stops, mend)
    } else if free < reserve.saturating_mul(4) {
        gauge.at(Level::Warning, mend)
    } else {
        gauge
    }
}

fn queue(member: &MemberId, queue: Queue, now: Moment) -> Gauge {
    let state = Text::new(
        format!(
            "{} văn bản chờ đi, {} văn bản chờ phần mềm lấy",
            queue.outbound, queue.offered
        ),
        format!(
            "{} on their way out, {} offered to software",
            queue.outbound, queue.offered
        ),
    );
    let gauge = Gauge::good(Kind::Queue, member.to_string(), state);
    let older = |since: Option<Moment>, than| since.is_some_and(|since| now - since > than);
    if older(queue.outbound_since, OUTBOUND) {
        let age = queue.outbound_since.map(|since| now - since);
        return gauge
            .at(
                Level::Warning,
                Text::new(
                    "xem đường tới Trục, khoá con dấu và nhật ký của đơn vị này",
                    "look at the line to the hub, the seal key and the journal of this member",
                ),
            )
            .aged(age.and_then(|age| age.try_into().ok()));
    }
    if older(queue.offered_since, OFFERED) {
        let age = queue.offered_since.map(|since| now - since);
        return gauge
            .at(
                Level::Warning,
                Text::new(
                    "kiểm tra phần mềm của đơn vị: nó không lấy văn bản",
                    "check the member's software: it takes no documents",
                ),
            )
            .aged(age.and_then(|age| age.try_into().ok()));
    }
    gauge
}
