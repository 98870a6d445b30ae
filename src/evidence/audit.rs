//! All logs of a store read from their first record to their head, each record hashed, each head and signature compared.

use super::archive::{signed, unsigned};
use super::{Error, Record};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Frontier, Hash, leaf_hash};
use crate::packet::MemberId;
use crate::store::{Tx, params};
use crate::trust::cms;

/// A log that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Whose.
    pub log: MemberId,
    /// Records in it.
    pub records: u64,
    /// Heads over them.
    pub heads: u64,
    /// Size and root of the newest head; 0 records before the first.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

/// Newest head of each log, by what the store says of itself.
///
/// # Errors
/// When the store can't be read.
pub fn sizes(tx: &Tx<'_>) -> Result<Vec<(MemberId, Checkpoint)>, Error> {
    let mut select = tx.prepare(
        "SELECT log, body FROM evidence_head h WHERE size = (SELECT max(size) FROM evidence_head WHERE log = h.log)
         ORDER BY log",
    )?;
    let rows = select.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    rows.map(|row| {
        let (log, body) = row?;
        let head = Checkpoint::parse(&body).map_err(|error| damaged(&log, error))?;
        Ok((member(&log)?, head))
    })
    .collect()
}

/// Root over the first `size` records of a log; `None` when it has fewer.
///
/// # Errors
/// When the store can't be read.
pub fn root_at(tx: &Tx<'_>, log: &MemberId, size: u64) -> Result<Option<Hash>, Error> {
    let edge = super::archive::edge_at(tx, log, size)?;
    Ok((edge.size() == size).then(|| edge.root()))
}

/// Reads all logs; whose certificates signed the heads is for others to judge.
///
/// # Errors
/// [`Error::Damaged`] names the log and the first thing that does not hold.
pub fn audit(tx: &Tx<'_>) -> Result<Vec<Audited>, Error> {
    let mut select = tx.prepare(
        "SELECT log FROM evidence_record UNION SELECT log FROM evidence_head ORDER BY 1",
    )?;
    let logs: Vec<String> = select
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    logs.iter().map(|log| one(tx, member(log)?)).collect()
}

fn one(tx: &Tx<'_>, log: MemberId) -> Result<Audited, Error> {
    let mut audited = Audited {
        log,
        records: 0,
        heads: 0,
        size: 0,
        root: Frontier::empty().root(),
    };
    let (log, mut tree) = (audited.log.clone(), Frontier::empty());
    let mut heads =
        tx.prepare("SELECT size, body, cms FROM evidence_head WHERE log = ?1 ORDER BY size")?;
    let mut heads = heads.query([log.as_str()])?;
    let mut records =
        tx.prepare("SELECT idx, body FROM evidence_record WHERE log = ?1 ORDER BY idx")?;
    let mut records = records.query([log.as_str()])?;
    loop {
        let head: Option<(u64, Vec<u8>, Vec<u8>)> = match heads.next()? {
            Some(row) => Some((unsigned(row.get(0)?), row.get(1)?, row.get(2)?)),
            None => None,
        };
        // All records after the last head are read, too.
        let until = head.as_ref().map_or(u64::MAX, |(size, _, _)| *size);
        while tree.size() < until {
            let Some(row) = records.next()? else { break };
            let body = row
                .get_ref(1)?
                .as_blob()
                .map_err(crate::store::SqlError::from)?;
            if unsigned(row.get(0)?) != tree.size() {
                return Err(damaged(
                    &log,
                    format_args!("record {} is missing", tree.size()),
                ));
            }
            let record = Record::parse(body)
                .map_err(|error| damaged(&log, format_args!("record {}: {error}", tree.size())))?;
            if record.from != log {
                return Err(damaged(
                    &log,
                    format_args!("record {} is of {}", tree.size(), record.from),
                ));
            }
            tree.push(leaf_hash(body));
        }
        let Some((size, body, signature)) = head else {
            audited.records = tree.size();
            return Ok(audited);
        };
        holds(tx, &log, (size, &tree), &body, signature)?;
        audited.heads += 1;
        (audited.size, audited.root) = (size, tree.root());
    }
}

/// The head says what the records give, and each signature over it holds.
fn holds(
    tx: &Tx<'_>,
    log: &MemberId,
    (size, tree): (u64, &Frontier),
    body: &[u8],
    signature: Vec<u8>,
) -> Result<(), Error> {
    let head = Checkpoint::parse(body).map_err(|error| damaged(log, error))?;
    if head.origin != log.as_str()
        || head.size != size
        || tree.size() != size
        || head.root != tree.root()
    {
        return Err(damaged(
            log,
            format_args!("the records do not give the root of head {size}"),
        ));
    }
    let mut later =
        tx.prepare_cached("SELECT cms FROM evidence_resealed WHERE log = ?1 AND size = ?2")?;
    let later = later.query_map(params![log.as_str(), signed(size)], |row| row.get(0))?;
    for one in std::iter::once(Ok(signature)).chain(later) {
        cms::verify(&one?, body)
            .map_err(|refusal| damaged(log, format_args!("signature of head {size}: {refusal}")))?;
    }
    Ok(())
}

fn member(log: &str) -> Result<MemberId, Error> {
    log.parse().map_err(|_| damaged(log, "no member code"))
}

fn damaged(log: impl std::fmt::Display, what: impl std::fmt::Display) -> Error {
    Error::Damaged(format!("{log}: {what}"))
}
