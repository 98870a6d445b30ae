//! Bodies that every recipient has make room after their days; records, seals and receipts stay.

use std::time::Duration;

use tokio::sync::watch;

use super::order::DONE;
use super::{Error, Hub};
use crate::journal;
use crate::packet::MemberId;
use crate::spool::{Body, Shelf};
use crate::store::params;

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(3_600);
/// Bodies taken away at once.
const BATCH: u32 = 256;

impl Hub {
    /// Takes old bodies away, hour by hour, until `stop` turns true.
    pub async fn keep_room(&self, mut stop: watch::Receiver<bool>) {
        loop {
            let days = time::Duration::days(i64::from(self.config.keep_days));
            let before = super::millis(self.clock.now() - days);
            match self.forget_bodies(before).await {
                Ok(count) if count == BATCH as usize => continue,
                Ok(_) => {}
                Err(error) => journal::line(&journal::ids::DISK_FAULT)
                    .step("retention")
                    .reason(error)
                    .next("it is tried again within the hour")
                    .warning("old bodies could not be taken away"),
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Takes away bodies kept before that moment (milliseconds) whose every delivery is done; tells how many.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn forget_bodies(&self, before: i64) -> Result<usize, Error> {
        let bodies = self.bodies.clone();
        let gone: Vec<Body> = self
            .store
            .write(move |tx| {
                let mut update = tx.prepare_cached(
                    "UPDATE hub_packet SET body = NULL, purged = 1 WHERE number IN (
                       SELECT number FROM hub_packet p WHERE purged = 0 AND kept_at < ?1 AND NOT EXISTS (
                         SELECT 1 FROM hub_mailbox m WHERE m.packet = p.id AND m.state < ?2) LIMIT ?3)
                     RETURNING sender, id",
                )?;
                let rows = update.query_map(params![before, DONE, BATCH], |row| {
                    Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
                })?;
                rows.map(|row| {
                    let (sender, packet) = row?;
                    let damaged = |_| Error::Registry(format!("packet {packet} of {sender}"));
                    let member: MemberId = sender.parse().map_err(damaged)?;
                    let id = packet
                        .parse()
                        .map_err(|_| Error::Registry(format!("packet {packet}")))?;
                    Ok::<_, Error>(bodies.locate(None, &Shelf::at_hub(&member), id))
                })
                .collect()
            })
            .await?;
        for body in &gone {
            self.bodies.remove(body).await;
        }
        Ok(gone.len())
    }
}
