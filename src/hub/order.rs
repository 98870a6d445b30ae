//! Chains: a recall, update, replacement or status is listed only after everything before it between the same two
//! members has come (or was given up), and after what shares a DocumentId with it was delivered. All else is listed
//! at once.

use super::signed;
use crate::store::{OptionalExt, SqlResult, Tx, params};

/// Waits for something before it.
pub(super) const HIDDEN: i64 = 0;
/// May be listed.
pub(super) const READY: i64 = 1;
/// Listed by a box that has not answered yet.
pub(super) const LEASED: i64 = 2;
/// Delivered, or refused for good.
pub(super) const DONE: i64 = 3;

/// Rows before a chained one that are looked at; behind more of them it waits without a look.
const LOOKED_AT: i64 = 256;

/// Notes that the place `sequence` between two members is taken or given up; gives the number of the last place up to
/// which none is missing.
pub(super) fn arrived(tx: &Tx<'_>, sender: &str, addressed: &str, sequence: u64) -> SqlResult<i64> {
    let sequence = signed(sequence);
    let (before, mut ahead): (i64, i64) = tx
        .prepare_cached("SELECT through, ahead FROM hub_pair WHERE sender = ?1 AND addressed = ?2")?
        .query_row(params![sender, addressed], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?
        .unwrap_or((0, 0));
    if sequence <= before {
        return Ok(before);
    }
    let mut through = before;
    if sequence == before + 1 {
        through = sequence;
        while ahead > 0 && take_ahead(tx, sender, addressed, through + 1)? {
            through += 1;
            ahead -= 1;
        }
    } else {
        let added = tx
            .prepare_cached(
                "INSERT OR IGNORE INTO hub_ahead (sender, addressed, sequence) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![sender, addressed, sequence])?;
        ahead += i64::from(added > 0);
    }
    tx.prepare_cached(
        "INSERT OR REPLACE INTO hub_pair (sender, addressed, through, ahead) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![sender, addressed, through, ahead])?;
    Ok(through)
}

fn take_ahead(tx: &Tx<'_>, sender: &str, addressed: &str, sequence: i64) -> SqlResult<bool> {
    let taken = tx
        .prepare_cached(
            "DELETE FROM hub_ahead WHERE sender = ?1 AND addressed = ?2 AND sequence = ?3",
        )?
        .execute(params![sender, addressed, sequence])?;
    Ok(taken > 0)
}

/// Makes ready what waits between two members and has nothing left to wait for; whether there was any.
pub(super) fn release(tx: &Tx<'_>, sender: &str, addressed: &str) -> SqlResult<bool> {
    let through: Option<i64> = tx
        .prepare_cached("SELECT through FROM hub_pair WHERE sender = ?1 AND addressed = ?2")?
        .query_row(params![sender, addressed], |row| row.get(0))
        .optional()?;
    let waiting: Vec<(i64, i64, String)> = tx
        .prepare_cached(
            "SELECT m.position, m.sequence, p.names FROM hub_mailbox m JOIN hub_packet p ON p.id = m.packet
             WHERE m.sender = ?1 AND m.addressed = ?2 AND m.state = 0 AND m.sequence <= ?3 ORDER BY m.sequence",
        )?
        .query_map(params![sender, addressed, through.unwrap_or(0)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<SqlResult<_>>()?;
    let mut any = false;
    for (position, sequence, names) in waiting {
        if !is_behind(tx, sender, addressed, sequence, &names)? {
            tx.prepare_cached("UPDATE hub_mailbox SET state = ?2 WHERE position = ?1")?
                .execute(params![position, READY])?;
            any = true;
        }
    }
    Ok(any)
}

/// Whether something that shares a name was sent before and is not delivered yet.
fn is_behind(
    tx: &Tx<'_>,
    sender: &str,
    addressed: &str,
    sequence: i64,
    names: &str,
) -> SqlResult<bool> {
    let before: Vec<String> = tx
        .prepare_cached(
            "SELECT p.names FROM hub_mailbox m JOIN hub_packet p ON p.id = m.packet
             WHERE m.sender = ?1 AND m.addressed = ?2 AND m.state < 3 AND m.sequence < ?3 LIMIT ?4",
        )?
        .query_map(params![sender, addressed, sequence, LOOKED_AT], |row| {
            row.get(0)
        })?
        .collect::<SqlResult<_>>()?;
    let share = |other: &String| {
        other
            .lines()
            .any(|name| names.lines().any(|own| own == name))
    };
    Ok(signed(before.len() as u64) >= LOOKED_AT || before.iter().any(share))
}
