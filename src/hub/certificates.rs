//! How far each certificate has come: derived from invitations, enrolments, the register, revocation, and what is in use.
//!
//! In use is the seal certificate under a member's newest head, and of a box's the last that it showed at the hub's door.
//! Beside that one, what was registered before it retires, and what was registered after it waits to be used.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::{Error, Hub, millis};
use crate::clock::Moment;
use crate::evidence::Archive;
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::store::{OptionalExt, SqlResult, Store, Tx, params};
use crate::trust::directory::{Directory, Fingerprint, Member};
use crate::trust::{Identity, Purpose, Trust, Verdict, cms, summary};
use crate::uplink::enrolment::{Enrolment, Shown};

/// The tables of this room: certificates that boxes showed at the door.
pub(super) const SCHEMA: &str = "
CREATE TABLE hub_shown (
  print BLOB PRIMARY KEY, code TEXT NOT NULL, der BLOB NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL)
  WITHOUT ROWID;
";

/// Milliseconds after which it is noted again that a certificate is shown.
const AGAIN: i64 = 3_600_000;
/// Certificates remembered before the memory starts anew; a forgotten one is noted once more.
const REMEMBERED: usize = 16_384;

/// How far a certificate has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its owner is invited to enrol and has shown none yet.
    Requested,
    /// It was shown in an enrolment that waits for the operator.
    Issued,
    /// It is registered and not in use yet.
    Registered,
    /// It is in use.
    Active,
    /// It is registered still; a newer one is in use.
    Retiring,
    /// Its authority has revoked it.
    Revoked,
}

impl State {
    /// All of them, in the order of a certificate's life.
    pub const ALL: [Self; 6] = [
        Self::Requested,
        Self::Issued,
        Self::Registered,
        Self::Active,
        Self::Retiring,
        Self::Revoked,
    ];

    /// Its word in Vietnamese and in English.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Requested => ("đã yêu cầu", "requested"),
            Self::Issued => ("đã cấp", "issued"),
            Self::Registered => ("đã đăng ký", "registered"),
            Self::Active => ("đang dùng", "active"),
            Self::Retiring => ("sắp thay xong", "retiring"),
            Self::Revoked => ("đã thu hồi", "revoked"),
        }
    }
}

/// A certificate as operators are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The code of the member, box or hub.
    pub code: String,
    /// What it is for.
    #[serde(rename = "use")]
    pub use_: KeyUse,
    /// How far it has come.
    pub state: State,
    /// SHA-256 of it, where there is one.
    pub fingerprint: Option<Fingerprint>,
    /// Its end, where the certificate itself is known.
    #[serde(with = "crate::clock::optional_text")]
    pub ends: Option<Moment>,
}

/// What is known of certificates beside the register.
#[derive(Debug, Default)]
pub struct Known {
    chains: HashMap<Fingerprint, Vec<Vec<u8>>>,
    sealing: BTreeMap<MemberId, Fingerprint>,
    shown: HashSet<Fingerprint>,
    waiting: Vec<Enrolment>,
    invited: Vec<(MemberId, Vec<MemberId>)>,
}

impl Known {
    /// Reads it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn load(
        store: &Store,
        directory: &Arc<Directory>,
        hub: &MemberId,
        at: Moment,
    ) -> Result<Self, Error> {
        let own = Archive::new(store.clone()).newest(hub).await?;
        let (listed, hub) = (directory.clone(), hub.clone());
        store
            .read(move |tx| {
                let mut known = Self::default();
                known.enrolments(tx, millis(at))?;
                let mut select = tx.prepare("SELECT print, der FROM hub_shown")?;
                let mut rows = select.query([])?;
                while let Some(row) = rows.next()? {
                    let print = Fingerprint(row.get(0)?);
                    known.shown.insert(print);
                    known.keep(vec![row.get(1)?]);
                }
                for (member, body, cms) in newest_heads(tx, &listed)? {
                    known.seals(member, &body, &cms);
                }
                if let Some(head) = own {
                    known.seals(hub, &head.body, &head.cms);
                }
                Ok(known)
            })
            .await
    }

    fn enrolments(&mut self, tx: &Tx<'_>, now: i64) -> Result<(), Error> {
        let wrong = |error: serde_json::Error| Error::Registry(error.to_string());
        let mut select = tx.prepare("SELECT message, state FROM hub_enrolment ORDER BY at")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (message, state): (String, String) = (row.get(0)?, row.get(1)?);
            let message: Enrolment = serde_json::from_str(&message).map_err(wrong)?;
            let seals = message.members.iter().map(|member| &member.seal);
            for shown in std::iter::once(&message.tls).chain(seals) {
                self.keep(shown.chain().unwrap_or_default());
            }
            if state == "pending" {
                self.waiting.push(message);
            }
        }
        let mut select = tx.prepare(
            "SELECT box, members FROM hub_invitation WHERE used IS NULL AND expires > ?1",
        )?;
        let mut rows = select.query([now])?;
        while let Some(row) = rows.next()? {
            let (code, members): (String, String) = (row.get(0)?, row.get(1)?);
            let members = members.split(' ').filter_map(|code| code.parse().ok());
            if let Ok(code) = code.parse() {
                self.invited.push((code, members.collect()));
            }
        }
        Ok(())
    }

    /// A longer chain says more than a certificate alone.
    fn keep(&mut self, chain: Vec<Vec<u8>>) -> Option<Fingerprint> {
        let print = Fingerprint::of(chain.first()?);
        let known = self.chains.entry(print).or_default();
        if known.len() < chain.len() {
            *known = chain;
        }
        Some(print)
    }

    fn seals(&mut self, member: MemberId, body: &[u8], cms: &[u8]) {
        let signed = cms::verify(cms, body).ok();
        let print = signed.and_then(|signed| self.keep(signed.chain));
        self.sealing.extend(print.map(|print| (member, print)));
    }

    /// Members that seal.
    #[must_use]
    pub fn sealers(&self, directory: &Directory) -> Vec<Arc<Member>> {
        let all = self.sealing.keys();
        all.filter_map(|code| directory.find(code)).collect()
    }

    /// The certificates of these members, of the boxes and the hub, and of those who are on their way into the register; by
    /// their end.
    #[must_use]
    pub fn certificates(
        &self,
        directory: &Directory,
        members: impl Iterator<Item = Arc<Member>>,
        judge: Option<(&Trust, Moment)>,
    ) -> Vec<Certificate> {
        let mut all = Vec::new();
        let (tls, seal) = (KeyUse::Tls, KeyUse::Seal);
        for (box_code, members) in &self.invited {
            let one = |code: &MemberId, use_| certificate(code, use_, State::Requested);
            all.push(one(box_code, tls));
            all.extend(members.iter().map(|code| one(code, seal)));
        }
        for message in &self.waiting {
            let one = |code, use_, shown: &Shown| Certificate {
                ends: shown.chain().ok().and_then(|chain| ends(&chain)),
                fingerprint: shown.fingerprint().ok(),
                ..certificate(code, use_, State::Issued)
            };
            all.push(one(&message.box_code, tls, &message.tls));
            let members = message.members.iter();
            all.extend(members.map(|member| one(&member.code, seal, &member.seal)));
        }
        for entry in directory
            .boxes()
            .map(Arc::unwrap_or_clone)
            .chain(directory.hub.clone())
        {
            let active = entry.tls.iter().rposition(|one| self.shown.contains(one));
            self.registered(&mut all, (&entry.code, tls), &entry.tls, active, judge);
            let active = self.sealing_at(&entry.code, &entry.seal);
            self.registered(&mut all, (&entry.code, seal), &entry.seal, active, judge);
        }
        for member in members {
            let active = self.sealing_at(&member.code, &member.seal);
            self.registered(&mut all, (&member.code, seal), &member.seal, active, judge);
        }
        // Those whose end is not known stand last.
        all.sort_by(|a, b| {
            let key = |one: &Certificate| (one.ends.is_none(), one.ends, one.use_ == tls);
            (key(a), &a.code).cmp(&(key(b), &b.code))
        });
        all
    }

    fn sealing_at(&self, code: &MemberId, prints: &[Fingerprint]) -> Option<usize> {
        let print = self.sealing.get(code)?;
        prints.iter().position(|one| one == print)
    }

    fn registered(
        &self,
        all: &mut Vec<Certificate>,
        (code, use_): (&MemberId, KeyUse),
        prints: &[Fingerprint],
        active: Option<usize>,
        judge: Option<(&Trust, Moment)>,
    ) {
        for (at, print) in prints.iter().enumerate() {
            let chain = self.chains.get(print);
            let revoked = chain.zip(judge).is_some_and(|(chain, (trust, now))| {
                let purpose = match use_ {
                    KeyUse::Tls => Purpose::TlsClient,
                    KeyUse::Seal => Purpose::Seal,
                };
                let judged = trust.judge(chain, purpose, now);
                judged.is_err_and(|refusal| refusal.verdict == Verdict::Revoked)
            });
            let state = match active {
                _ if revoked => State::Revoked,
                Some(active) if at == active => State::Active,
                Some(active) if at < active => State::Retiring,
                _ => State::Registered,
            };
            all.push(Certificate {
                fingerprint: Some(*print),
                ends: chain.and_then(|chain| ends(chain)),
                ..certificate(code, use_, state)
            });
        }
    }
}

fn certificate(code: &MemberId, use_: KeyUse, state: State) -> Certificate {
    Certificate {
        code: code.to_string(),
        use_,
        state,
        fingerprint: None,
        ends: None,
    }
}

fn ends(chain: &[Vec<u8>]) -> Option<Moment> {
    Some(summary(chain.first()?).ok()?.not_after)
}

/// Member, body and signature of a member's newest head.
type Head = (MemberId, Vec<u8>, Vec<u8>);

/// Newest heads of those who are registered with a seal certificate; logs are far fewer than members may be.
fn newest_heads(tx: &Tx<'_>, directory: &Directory) -> Result<Vec<Head>, Error> {
    let mut all = tx.prepare_cached(
        "WITH RECURSIVE log (member) AS (
           SELECT min(member) FROM hub_head UNION ALL
           SELECT (SELECT min(member) FROM hub_head h WHERE h.member > log.member) FROM log
           WHERE log.member IS NOT NULL)
         SELECT member FROM log WHERE member IS NOT NULL",
    )?;
    let members: SqlResult<Vec<String>> = all.query_map([], |row| row.get(0))?.collect();
    let mut select = tx.prepare_cached(
        "SELECT body, cms FROM hub_head WHERE member = ?1 ORDER BY size DESC LIMIT 1",
    )?;
    let mut heads = Vec::new();
    for member in members?.iter().filter_map(|text| text.parse().ok()) {
        let listed = directory.find(&member);
        if listed.is_none_or(|listed| listed.seal.is_empty()) {
            continue;
        }
        let head = select
            .query_row([member.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        heads.extend(head.map(|(body, cms)| (member, body, cms)));
    }
    Ok(heads)
}

/// Certificates that were noted, and when; and those of them that no row tells of yet.
#[derive(Debug, Default)]
pub(super) struct Noted(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    last: HashMap<[u8; 32], i64>,
    due: Vec<(Arc<Identity>, i64)>,
}

impl Noted {
    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// Notes that a registered box shows this certificate; the call that shows it waits for no disk.
    pub(super) fn note_shown(&self, identity: &Arc<Identity>) {
        let (print, now) = (identity.fingerprint, self.now_ms());
        let mut notes = self.noted.lock();
        if notes
            .last
            .get(&print)
            .is_some_and(|last| now - last < AGAIN)
        {
            return;
        }
        if notes.last.len() >= REMEMBERED {
            notes.last.clear();
        }
        notes.last.insert(print, now);
        notes.due.push((identity.clone(), now));
    }

    /// Writes down what was noted since the last time.
    ///
    /// # Errors
    /// When the store fails; the next call of each box notes it anew.
    pub(super) async fn keep_shown(&self) -> Result<(), Error> {
        let due = std::mem::take(&mut self.noted.lock().due);
        if due.is_empty() {
            return Ok(());
        }
        let prints: Vec<_> = due.iter().map(|(one, _)| one.fingerprint).collect();
        let written = self.store.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO hub_shown (print, code, der, first, last) VALUES (?1, ?2, ?3, ?4, ?4)
                 ON CONFLICT (print) DO UPDATE SET last = excluded.last",
            )?;
            for (one, at) in &due {
                insert.execute(params![
                    one.fingerprint,
                    one.code.as_str(),
                    one.certificate,
                    at
                ])?;
            }
            Ok::<_, Error>(())
        });
        let written = written.await;
        if written.is_err() {
            let mut notes = self.noted.lock();
            notes.last.retain(|print, _| !prints.contains(print));
        }
        written
    }
}
