//! A chunk's counts and its cursors in one transaction; the task that does it, and counting anew.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::gather::{Chunk, Cursors, gather};
use super::tally::Tally;
use crate::hub::{Error, Hub, signed};
use crate::journal;
use crate::store::{OptionalExt, Store, Tx, params};

/// Packets, and receipts, of one chunk.
const CHUNK: u32 = 512;
/// Evidence gathers for so long before it is counted, so that a busy exchange is counted in large chunks.
const GATHER: Duration = Duration::from_secs(1);
/// How often it is looked whether counting was begun anew beside this process.
const LOOK: Duration = Duration::from_secs(30);
/// Times as long as a chunk kept the writer it is left to others before the next chunk.
const REST: u32 = 12;

/// What one step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All evidence is counted.
    Done,
    /// So many packets and receipts were counted, and how long the writer was kept.
    Counted(usize, Duration),
    /// Old counts were taken away; how long the writer was kept.
    Cleared(Duration),
}

/// Counts up to `limit` packets and as many receipts; whatever is cut, counts and cursors stay of one moment.
///
/// # Errors
/// When the store fails.
pub async fn step(store: &Store, limit: u32) -> Result<Step, Error> {
    let chunk = store.read(move |tx| gather(tx, limit)).await?;
    if chunk.rows == 0 && !chunk.from.clearing {
        return Ok(Step::Done);
    }
    let rows = chunk.rows;
    store
        .write(move |tx| {
            let begun = Instant::now();
            // Another process may have counted the same, or begun anew.
            if Cursors::read(tx)? == chunk.from {
                if chunk.from.clearing {
                    clear(tx)?;
                    return Ok(Step::Cleared(begun.elapsed()));
                }
                enter(tx, &chunk)?;
            }
            Ok(Step::Counted(rows, begun.elapsed()))
        })
        .await
}

/// Counts all that is there.
///
/// # Errors
/// When the store fails.
pub async fn count(store: &Store) -> Result<(), Error> {
    while step(store, CHUNK).await? != Step::Done {}
    Ok(())
}

/// Takes all counts away and counts the evidence anew, beside a running hub or without one. What is cut goes on with the
/// next step, whoever takes it.
///
/// # Errors
/// When the store fails.
pub async fn rebuild(store: &Store) -> Result<(), Error> {
    let begun = |tx: &Tx<'_>| -> Result<(), Error> {
        Cursors {
            clearing: true,
            ..Cursors::read(tx)?
        }
        .keep(tx)
    };
    store.write(begun).await?;
    count(store).await
}

impl Hub {
    /// Counts what has come, until `stop` turns true.
    pub async fn keep_counts(&self, mut stop: watch::Receiver<bool>) {
        let mut failing = false;
        loop {
            let rest = match step(&self.store, CHUNK).await {
                Ok(Step::Done) => None,
                Ok(Step::Counted(rows, took)) if rows < CHUNK as usize => {
                    Some(GATHER.max(took * REST))
                }
                Ok(Step::Counted(_, took) | Step::Cleared(took)) => Some(took * REST),
                Err(error) => {
                    if !std::mem::replace(&mut failing, true) {
                        journal::line(&journal::ids::DISK_FAULT)
                            .step("statistics")
                            .reason(error)
                            .next("look at the disk; documents go on, and what has come is counted later")
                            .warning("evidence could not be counted");
                    }
                    Some(LOOK)
                }
            };
            let waits = async {
                match rest {
                    Some(rest) => tokio::time::sleep(rest).await,
                    None => {
                        failing = false;
                        tokio::select! {
                            () = self.uncounted.notified() => tokio::time::sleep(GATHER).await,
                            () = tokio::time::sleep(LOOK) => {}
                        }
                    }
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = waits => {}
            }
        }
    }
}

/// Takes one span of each table away; when none is left, the members and the cursors.
fn clear(tx: &Tx<'_>) -> Result<(), Error> {
    let mut empty = true;
    for table in ["stat_traffic", "stat_pair", "stat_time", "stat_word"] {
        let span: Option<(i64, i64)> = tx
            .prepare_cached(&format!("SELECT level, span FROM {table} LIMIT 1"))?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some(span) = span {
            empty = false;
            let delete = format!("DELETE FROM {table} WHERE level = ?1 AND span = ?2");
            tx.prepare_cached(&delete)?.execute(span)?;
        }
    }
    if empty {
        tx.execute("DELETE FROM stat_member WHERE number > 0", [])?;
        Cursors::default().keep(tx)?;
    }
    Ok(())
}

fn enter(tx: &Tx<'_>, chunk: &Chunk) -> Result<(), Error> {
    let mut members = Members(tx, HashMap::new());
    let tally = &chunk.tally;
    for (((level, span), member, kind), t) in &tally.traffic {
        tx.prepare_cached(
            "INSERT INTO stat_traffic (level, span, member, kind, sent, addressed, sent_bytes, voided, delivered,
             received_bytes, collected, failed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT DO UPDATE SET sent = sent + ?5, addressed = addressed + ?6, sent_bytes = sent_bytes + ?7,
               voided = voided + ?8, delivered = delivered + ?9, received_bytes = received_bytes + ?10,
               collected = collected + ?11, failed = failed + ?12",
        )?
        .execute(params![
            level,
            span,
            members.number(member)?,
            *kind as i64,
            signed(t.sent),
            signed(t.addressed),
            signed(t.sent_bytes),
            signed(t.voided),
            signed(t.delivered),
            signed(t.received_bytes),
            signed(t.collected),
            signed(t.failed),
        ])?;
    }
    for (((level, span), sender, recipient), packets) in &tally.pairs {
        let (sender, recipient) = (members.number(sender)?, members.number(recipient)?);
        tx.prepare_cached(
            "INSERT INTO stat_pair (level, span, sender, recipient, packets) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET packets = packets + ?5",
        )?
        .execute(params![level, span, sender, recipient, signed(*packets)])?;
    }
    for (((level, span), member, stage, bucket), count) in &tally.times {
        let (member, stage) = (members.number(member)?, *stage as i64);
        tx.prepare_cached(
            "INSERT INTO stat_time (level, span, member, stage, bucket, count) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT DO UPDATE SET count = count + ?6",
        )?
        .execute(params![level, span, member, stage, bucket, signed(*count)])?;
    }
    for (((level, span), member, word), count) in &tally.words {
        tx.prepare_cached(
            "INSERT INTO stat_word (level, span, member, word, count) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET count = count + ?5",
        )?
        .execute(params![
            level,
            span,
            members.number(member)?,
            word,
            signed(*count)
        ])?;
    }
    seen(tx, tally, &mut members)?;
    for (name, number) in &chunk.names {
        tx.prepare_cached("INSERT OR IGNORE INTO hub_name (name, number) VALUES (?1, ?2)")?
            .execute(params![name, number])?;
    }
    chunk.to.keep(tx)
}

fn seen(tx: &Tx<'_>, tally: &Tally, members: &mut Members<'_>) -> Result<(), Error> {
    for (member, seen) in &tally.seen {
        let number = members.number(member)?;
        for (first, last, span) in [
            ("first_sent", "last_sent", seen.sent),
            ("first_received", "last_received", seen.received),
        ] {
            let Some((begun, ended)) = span else { continue };
            tx.prepare_cached(&format!(
                "UPDATE stat_member SET {first} = min(ifnull({first}, ?2), ?2), {last} = max(ifnull({last}, ?3), ?3)
                 WHERE number = ?1",
            ))?
            .execute((number, begun, ended))?;
        }
    }
    Ok(())
}

/// Codes by number.
struct Members<'t>(&'t Tx<'t>, HashMap<String, i64>);

impl Members<'_> {
    fn number(&mut self, code: &str) -> Result<i64, Error> {
        if let Some(number) = self.1.get(code) {
            return Ok(*number);
        }
        let known = self
            .0
            .prepare_cached("SELECT number FROM stat_member WHERE code = ?1")?
            .query_row([code], |row| row.get(0))
            .optional()?;
        let number = match known {
            Some(number) => number,
            None => {
                self.0
                    .prepare_cached("INSERT INTO stat_member (code) VALUES (?1)")?
                    .execute([code])?;
                self.0.last_insert_rowid()
            }
        };
        self.1.insert(code.to_owned(), number);
        Ok(number)
    }
}
