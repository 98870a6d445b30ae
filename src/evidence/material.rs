//! What is kept beside the logs for those who judge them years later: revocation material as it was known when, and time
//! stamps over heads. None of it travels with a packet.

use super::archive::{find, prove_under, signed};
use super::{Archive, Error, Proof};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::store::{OptionalExt, params};

/// The tables of this part.
pub const MATERIAL_SCHEMA: &str = "
CREATE TABLE evidence_material (
  about TEXT NOT NULL, known_at INTEGER NOT NULL, der BLOB NOT NULL,
  PRIMARY KEY (about, known_at)) WITHOUT ROWID;
CREATE TABLE evidence_stamp (
  log TEXT NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL, token BLOB NOT NULL,
  PRIMARY KEY (log, size)) WITHOUT ROWID;
";

/// Seconds for which newer material about the same is not kept as well.
const EVERY: i64 = 86_400;

const LIST: &str = "crl ";

/// What a piece of revocation material is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum About {
    /// The revocation list of the authority of that name.
    List(String),
    /// The status of the certificate whose DER has this SHA-256.
    Certificate([u8; 32]),
}

impl About {
    fn text(&self) -> String {
        match self {
            Self::List(issuer) => format!("{LIST}{issuer}"),
            Self::Certificate(print) => {
                format!("ocsp {}", data_encoding::HEXLOWER.encode(print))
            }
        }
    }
}

/// A record under a head that is stamped, and the stamp.
#[derive(Clone, Debug)]
pub struct Stamped {
    /// The record's proof under that head.
    pub proof: Proof,
    /// TimeStampToken (RFC 3161) in DER, over the head's CMS.
    pub token: Vec<u8>,
}

impl Archive {
    /// Keeps what became known `at` that time, at most one piece about the same a day.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn keep_material(
        &self,
        about: &About,
        at: Moment,
        der: Vec<u8>,
    ) -> Result<(), Error> {
        let (about, at) = (about.text(), at.unix_timestamp());
        self.store()
            .write(move |tx| {
                let known: Option<i64> = tx
                    .prepare_cached("SELECT known_at FROM evidence_material WHERE about = ?1 ORDER BY known_at DESC LIMIT 1")?
                    .query_row([&about], |row| row.get(0))
                    .optional()?;
                if known.is_none_or(|known| known + EVERY <= at) {
                    tx.prepare_cached("INSERT INTO evidence_material (about, known_at, der) VALUES (?1, ?2, ?3)")?
                        .execute(params![about, at, der])?;
                }
                Ok(())
            })
            .await
    }

    /// What was known about each at a time, and the first that became known after it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn material(&self, about: Vec<About>, at: Moment) -> Result<Vec<Vec<u8>>, Error> {
        let at = at.unix_timestamp();
        self.store()
            .read(move |tx| {
                let mut found: Vec<Vec<u8>> = Vec::new();
                for one in &about {
                    for half in [
                        "known_at <= ?2 ORDER BY known_at DESC",
                        "known_at > ?2 ORDER BY known_at",
                    ] {
                        let select = format!(
                            "SELECT der FROM evidence_material WHERE about = ?1 AND {half} LIMIT 1"
                        );
                        let der: Option<Vec<u8>> = tx
                            .prepare_cached(&select)?
                            .query_row(params![one.text(), at], |row| row.get(0))
                            .optional()?;
                        found.extend(der.filter(|der| !found.contains(der)));
                    }
                }
                Ok(found)
            })
            .await
    }

    /// The authorities of which lists were kept.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn lists(&self) -> Result<Vec<About>, Error> {
        self.store()
            .read(move |tx| {
                let mut select = tx.prepare_cached(
                    "SELECT DISTINCT about FROM evidence_material WHERE about LIKE 'crl %'",
                )?;
                let rows = select.query_map([], |row| row.get::<_, String>(0))?;
                let names: Vec<String> = rows.collect::<Result<_, _>>()?;
                let issuer = |about: String| About::List(about[LIST.len()..].to_owned());
                Ok(names.into_iter().map(issuer).collect())
            })
            .await
    }

    /// Keeps a time stamp over the head of that many records.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn keep_stamp(
        &self,
        log: &MemberId,
        size: u64,
        at: Moment,
        token: Vec<u8>,
    ) -> Result<(), Error> {
        let (log, at) = (log.clone(), at.unix_timestamp());
        self.store()
            .write(move |tx| {
                tx.prepare_cached("INSERT OR IGNORE INTO evidence_stamp (log, size, at, token) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![log.as_str(), signed(size), at, token])?;
                Ok(())
            })
            .await
    }

    /// The size of the largest stamped head of a log, 0 before the first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn stamped_through(&self, log: &MemberId) -> Result<u64, Error> {
        let log = log.clone();
        self.store()
            .read(move |tx| {
                let size: Option<i64> = tx
                    .prepare_cached("SELECT max(size) FROM evidence_stamp WHERE log = ?1")?
                    .query_row([log.as_str()], |row| row.get(0))?;
                Ok(u64::try_from(size.unwrap_or(0)).unwrap_or(0))
            })
            .await
    }

    /// The record with that key under the first stamped head that covers it; `None` while there is none.
    ///
    /// # Errors
    /// When the store can't be read or contradicts itself.
    pub async fn stamped(&self, log: &MemberId, key: &str) -> Result<Option<Stamped>, Error> {
        let (log, key) = (log.clone(), key.to_owned());
        self.store()
            .read(move |tx| {
                let Some(stored) = find(tx, &log, &key)? else {
                    return Ok(None);
                };
                let first: Option<(i64, Vec<u8>)> = tx
                    .prepare_cached("SELECT size, token FROM evidence_stamp WHERE log = ?1 AND size > ?2 ORDER BY size LIMIT 1")?
                    .query_row(params![log.as_str(), signed(stored.index)], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()?;
                let Some((size, token)) = first else {
                    return Ok(None);
                };
                let size = u64::try_from(size).unwrap_or(0);
                let proof = prove_under(tx, &log, stored, size)?;
                Ok(Some(Stamped { proof, token }))
            })
            .await
    }
}
