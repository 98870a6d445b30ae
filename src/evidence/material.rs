//! What is kept beside the logs for those who judge them years later: revocation material as it was known when, and time
//! stamps over heads. None of it travels with a packet.

use super::archive::{find, prove_by, signed};
use super::{Archive, Error, Head, Proof, resealed};
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

    /// Keeps a time stamp over the signature of `head`.
    ///
    /// # Errors
    /// When the store can't be written, or has no such signature.
    pub async fn keep_stamp(&self, head: &Head, at: Moment, token: Vec<u8>) -> Result<(), Error> {
        let (head, at) = (head.clone(), at.unix_timestamp());
        self.store()
            .write(move |tx| {
                let (log, size) = (&head.origin, head.size);
                let number = resealed::number_of(tx, log, size, &head.cms)?
                    .ok_or_else(|| Error::Missing(format!("{log}: signature of head {size}")))?;
                tx.prepare_cached("INSERT OR IGNORE INTO evidence_stamp (log, size, at, token, number) VALUES (?1, ?2, ?3, ?4, ?5)")?
                    .execute(params![log.as_str(), signed(size), at, token, number])?;
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

    /// The record with that key under the first stamped head that covers it and is not signed before what proves the
    /// record; `None` while there is none.
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
                let from = resealed::moved(tx, &log, stored.index)?
                    .unwrap_or((signed(stored.index) + 1, 0));
                let first: Option<(resealed::Signature, Vec<u8>)> = tx
                    .prepare_cached(
                        "SELECT size, number, token FROM evidence_stamp
                         WHERE log = ?1 AND (size, number) >= (?2, ?3) ORDER BY size LIMIT 1",
                    )?
                    .query_row(params![log.as_str(), from.0, from.1], |row| {
                        Ok(((row.get(0)?, row.get(1)?), row.get(2)?))
                    })
                    .optional()?;
                let Some((signature, token)) = first else {
                    return Ok(None);
                };
                let head = resealed::head(tx, &log, signature)?
                    .ok_or_else(|| Error::Damaged(format!("{log}: a stamp over no head")))?;
                let proof = prove_by(tx, &log, stored, head)?;
                Ok(Some(Stamped { proof, token }))
            })
            .await
    }
}
