//! The evidence behind the cursors, a chunk at a time.

use std::collections::HashMap;

use super::tally::Tally;
use crate::evidence::Record;
use crate::hub::{Error, trace};
use crate::seal;
use crate::store::{OptionalExt, Tx};

/// Where counting goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursors {
    /// The last counted packet's number.
    pub(super) packet: i64,
    /// The last counted receipt's position.
    pub(super) receipt: i64,
    /// Whether what was counted is being taken away, to be counted anew.
    pub(super) clearing: bool,
}

impl Cursors {
    pub(super) fn read(tx: &Tx<'_>) -> Result<Self, Error> {
        let value = |name: &str| -> Result<i64, Error> {
            let kept = tx
                .prepare_cached("SELECT value FROM stat_cursor WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?;
            Ok(kept.unwrap_or(0))
        };
        Ok(Self {
            packet: value("packet")?,
            receipt: value("receipt")?,
            clearing: value("clearing")? != 0,
        })
    }

    pub(super) fn keep(self, tx: &Tx<'_>) -> Result<(), Error> {
        for (name, value) in [
            ("packet", self.packet),
            ("receipt", self.receipt),
            ("clearing", i64::from(self.clearing)),
        ] {
            tx.prepare_cached("INSERT OR REPLACE INTO stat_cursor (name, value) VALUES (?1, ?2)")?
                .execute((name, value))?;
        }
        Ok(())
    }
}

/// Counts to be entered where the cursors still stand at `from`.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) from: Cursors,
    pub(super) to: Cursors,
    pub(super) rows: usize,
    /// What people call the packets, by number: read on the same walk, for whoever traces one.
    pub(super) names: Vec<(String, i64)>,
    pub(super) tally: Tally,
}

/// Reads up to `limit` packets and as many receipts behind the cursors.
pub(super) fn gather(tx: &Tx<'_>, limit: u32) -> Result<Chunk, Error> {
    let from = Cursors::read(tx)?;
    let mut chunk = Chunk {
        from,
        to: from,
        rows: 0,
        names: Vec::new(),
        tally: Tally::default(),
    };
    if !from.clearing {
        packets(tx, limit, &mut chunk)?;
        receipts(tx, limit, &mut chunk)?;
    }
    Ok(chunk)
}

fn packets(tx: &Tx<'_>, limit: u32, chunk: &mut Chunk) -> Result<(), Error> {
    let mut select = tx.prepare_cached(
        "SELECT number, void, sender, kept_at, seal, unreached FROM hub_packet
         WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = select.query((chunk.from.packet, limit))?;
    while let Some(row) = rows.next()? {
        let (void, at): (bool, i64) = (row.get(1)?, row.get(3)?);
        let number = row.get(0)?;
        let record = seal::record_of(row.get_ref(4)?.as_blob().unwrap_or_default());
        if let Ok(record) = &record {
            let names = trace::names(record).into_iter();
            chunk.names.extend(names.map(|name| (name, number)));
        }
        match record {
            Ok(record) if void => chunk.tally.void(at, &record),
            Ok(record) => {
                let unreached: Option<String> = row.get(5)?;
                chunk.tally.packet(at, &record, unreached.as_deref());
            }
            Err(_) => chunk.tally.damaged(at, &row.get::<_, String>(2)?),
        }
        chunk.to.packet = number;
        chunk.rows += 1;
    }
    Ok(())
}

fn receipts(tx: &Tx<'_>, limit: u32, chunk: &mut Chunk) -> Result<(), Error> {
    let mut select = tx.prepare_cached(
        "SELECT position, packet, member, at, seal, status = 'failed' AND EXISTS (
           SELECT 1 FROM hub_receipt d
             WHERE d.packet = r.packet AND d.member = r.member AND d.status = 'delivered' AND d.position < r.position)
         FROM hub_receipt r WHERE position > ?1 ORDER BY position LIMIT ?2",
    )?;
    let mut rows = select.query((chunk.from.receipt, limit))?;
    // Receipts of one packet come together, and its record may name hundreds.
    let mut known: HashMap<String, Option<Record>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let packet: String = row.get(1)?;
        let at: i64 = row.get(3)?;
        let receipt = seal::record_of(row.get_ref(4)?.as_blob().unwrap_or_default());
        let about = match known.get(&packet) {
            Some(about) => about,
            None => {
                let about = record(tx, &packet)?;
                known.entry(packet).or_insert(about)
            }
        };
        match (receipt, about) {
            (Ok(receipt), Some(about)) => chunk.tally.receipt(at, &receipt, about, row.get(5)?),
            _ => chunk.tally.damaged(at, &row.get::<_, String>(2)?),
        }
        chunk.to.receipt = row.get(0)?;
        chunk.rows += 1;
    }
    Ok(())
}

fn record(tx: &Tx<'_>, packet: &str) -> Result<Option<Record>, Error> {
    let front: Option<Vec<u8>> = tx
        .prepare_cached("SELECT seal FROM hub_packet WHERE id = ?1")?
        .query_row([packet], |row| row.get(0))
        .optional()?;
    Ok(front.and_then(|front| seal::record_of(&front).ok()))
}
