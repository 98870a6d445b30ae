//! How the exchange stands: room on the disk, its directory, what waits in mailboxes.

use super::order::DONE;
use super::{Error, Hub, unsigned};
use crate::clock::{Moment, local};
use crate::gauge::{End, Gauge, Kind, Level, Reading, Source, Text};

/// Below this intake is in danger: records and receipts need room, too.
const SCARCE: u64 = 512 << 20;

impl Source for Hub {
    fn read(&self, now: Moment) -> Reading<'_> {
        Box::pin(async move {
            vec![
                self.room(),
                self.listed(now),
                self.waiting().await.unwrap_or_else(|error| {
                    let state = Text::new(format!("không đọc được: {error}"), error.to_string());
                    let mend = Text::new("kiểm tra ổ đĩa", "check the disk");
                    Gauge::good(Kind::Queue, "", state).at(Level::Stops, mend)
                }),
            ]
        })
    }
}

impl Hub {
    fn room(&self) -> Gauge {
        let mend = Text::new("dọn ổ đĩa của Trục", "free space on the hub's disk");
        let free = self.bodies.free_bytes().unwrap_or(0);
        let state = Text::new(
            format!("còn {} MiB", free >> 20),
            format!("{} MiB free", free >> 20),
        );
        let gauge = Gauge::good(Kind::Disk, "", state);
        match free {
            free if free < SCARCE => gauge.at(Level::Stops, mend),
            free if free < SCARCE * 4 => gauge.at(Level::Warning, mend),
            _ => gauge,
        }
    }

    fn listed(&self, now: Moment) -> Gauge {
        let published = self.published.borrow().clone();
        let mend = Text::new(
            "xem khoá con dấu của Trục và sổ đăng ký: Trục không phát hành được danh bạ mới",
            "look at the hub's seal key and register: it publishes no newer directory",
        );
        let Some(published) = published else {
            let state = Text::new(
                "chưa phát hành danh bạ nào",
                "no directory is published yet",
            );
            return Gauge::good(Kind::Directory, "", state).at(Level::Stops, mend);
        };
        let directory = &published.directory;
        let until = local(directory.valid_until);
        let state = Text::new(
            format!("bản {} có hiệu lực đến {until}", directory.version),
            format!("version {} is valid until {until}", directory.version),
        );
        let mut gauge = Gauge::good(Kind::Directory, "", state);
        gauge.end = Some(End {
            id: format!("directory {}", directory.version),
            begun: directory.issued,
            at: directory.valid_until,
        });
        // It is published anew when half of its time is over.
        let life = directory.valid_until - directory.issued;
        if now > directory.valid_until {
            gauge.stops_at = Some(directory.valid_until);
            gauge.at(Level::Stops, mend)
        } else if directory.valid_until - now < life / 3 {
            gauge.stops_at = Some(directory.valid_until);
            gauge.at(Level::Warning, mend)
        } else {
            gauge
        }
    }

    async fn waiting(&self) -> Result<Gauge, Error> {
        let (count, members) = self
            .store
            .read(|tx| {
                let counted = tx.query_row(
                    "SELECT count(*), count(DISTINCT recipient) FROM hub_mailbox WHERE state < ?1",
                    [DONE],
                    |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))),
                )?;
                Ok::<_, Error>(counted)
            })
            .await?;
        Ok(Gauge::good(
            Kind::Queue,
            "",
            Text::new(
                format!("{count} gói tin chờ ở hộp thư của {members} đơn vị"),
                format!("{count} packets wait in the mailboxes of {members} members"),
            ),
        ))
    }
}
