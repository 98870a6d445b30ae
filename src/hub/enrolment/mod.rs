//! Boxes that ask to be registered: judged here, kept as pending, decided on by the hub's operator (`admin`).
//!
//! An enrolment comes over a door of its own ([`EnrolmentDoor`]), where a certificate that stands in no directory may do this
//! and nothing else, or in a file that the operator was handed. Both are judged alike: chains, codes, proofs of possession,
//! and an invitation that names this box and these members, is not over, and has not served another enrolment.

mod door;
mod rate;

pub use door::{EnrolmentDoor, Parts};

use std::fmt;

use crate::clock::Moment;
use crate::packet::MemberId;
use crate::store::{self, OptionalExt, Store, Tx, params};
use crate::trust::{Purpose, Refusal, Trust, Verdict};
use crate::uplink::enrolment::{Enrolled, Enrolment, MOST_MEMBERS};

/// The tables of enrolments.
pub const SCHEMA: &str = "
CREATE TABLE hub_invitation (
  box TEXT PRIMARY KEY, code BLOB NOT NULL, members TEXT NOT NULL, expires INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, used BLOB) WITHOUT ROWID;
CREATE TABLE hub_enrolment (
  box TEXT PRIMARY KEY, statement BLOB NOT NULL, tls BLOB NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL,
  state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
";

/// Wrong codes after which an invitation is void.
pub const TRIES: i64 = 10;

/// Why an enrolment is not taken.
#[derive(Debug)]
pub enum Refused {
    /// A certificate or the proof of its key.
    Certificate(Refusal),
    /// It is meant for another hub.
    OtherHub(MemberId),
    /// No members, too many, or one twice.
    Members(String),
    /// No invitation for this box, or another code. Which of the two is not said.
    Code(MemberId),
    /// The invitation is over.
    Expired(MemberId),
    /// The code has served another enrolment.
    Used(MemberId),
    /// A member that the invitation does not name.
    NotInvited(MemberId),
    /// Nothing is known of an enrolment with this certificate.
    Unknown,
    /// Too many tries.
    Crowded,
    /// The store failed.
    Store(store::Error),
    /// The message is none.
    Message(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(refusal) => write!(f, "{} / {refusal}", refusal.reason_vi()),
            Self::OtherHub(hub) => write!(
                f,
                "đăng ký này gửi cho Trục {hub} / this enrolment is for the hub {hub}"
            ),
            Self::Members(what) => write!(f, "danh sách đơn vị không hợp lệ / members: {what}"),
            Self::Code(code) => write!(
                f,
                "mã đăng ký của {code} không đúng hoặc chưa được cấp / no invitation for {code} with this code; ask the hub's operator for a new one"
            ),
            Self::Expired(code) => write!(
                f,
                "mã đăng ký của {code} đã hết hạn / the invitation of {code} is over; ask the hub's operator for a new one"
            ),
            Self::Used(code) => write!(
                f,
                "mã đăng ký của {code} đã dùng cho lần đăng ký khác / the code of {code} has served another enrolment; ask the hub's operator for a new one"
            ),
            Self::NotInvited(code) => write!(
                f,
                "mã đăng ký không dành cho đơn vị {code} / the invitation does not name {code}"
            ),
            Self::Unknown => write!(
                f,
                "Trục chưa nhận đăng ký nào với chứng thư này / the hub knows no enrolment with this certificate"
            ),
            Self::Crowded => write!(
                f,
                "quá nhiều lần thử, hãy chờ một phút / too many tries, wait a minute"
            ),
            Self::Store(_) => write!(
                f,
                "Trục tạm thời chưa ghi được / the hub can't keep it now, try again"
            ),
            Self::Message(what) => write!(f, "không phải bản đăng ký / not an enrolment: {what}"),
        }
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<store::SqlError> for Refused {
    fn from(error: store::SqlError) -> Self {
        Self::Store(error.into())
    }
}

/// An enrolment whose certificates and proofs hold.
#[derive(Clone, Debug)]
pub struct Judged {
    message: Enrolment,
    statement: String,
}

/// Judges all that needs no store: hub, chains, purposes, codes, proofs of possession.
///
/// # Errors
/// The first thing that is wrong.
pub fn judge(
    message: Enrolment,
    hub: &MemberId,
    trust: &Trust,
    now: Moment,
) -> Result<Judged, Refused> {
    if message.hub != *hub {
        return Err(Refused::OtherHub(message.hub));
    }
    if message.members.is_empty() || message.members.len() > MOST_MEMBERS {
        let what = format!("{} members; 1 to {MOST_MEMBERS}", message.members.len());
        return Err(Refused::Members(what));
    }
    let statement = message.statement().map_err(Refused::Certificate)?;
    let chain = message.tls.chain().map_err(Refused::Certificate)?;
    for purpose in [Purpose::TlsClient, Purpose::TlsServer] {
        let identity = trust
            .judge(&chain, purpose, now)
            .map_err(Refused::Certificate)?;
        if identity.code != message.box_code {
            return Err(another(&identity, &message.box_code));
        }
    }
    message
        .tls
        .proves(&statement)
        .map_err(Refused::Certificate)?;
    for (at, member) in message.members.iter().enumerate() {
        if message.members[..at].iter().any(|m| m.code == member.code) {
            return Err(Refused::Members(format!("{} stands twice", member.code)));
        }
        let chain = member.seal.chain().map_err(Refused::Certificate)?;
        let identity = trust
            .judge(&chain, Purpose::Seal, now)
            .map_err(Refused::Certificate)?;
        if identity.code != member.code {
            return Err(another(&identity, &member.code));
        }
        member
            .seal
            .proves(&statement)
            .map_err(Refused::Certificate)?;
    }
    Ok(Judged { message, statement })
}

fn another(identity: &crate::trust::Identity, code: &MemberId) -> Refused {
    let detail = format!("it says {}, {code} enrols", identity.code);
    Refused::Certificate(identity.refuse(Verdict::AnotherMember, detail))
}

/// Keeps a judged enrolment as pending, if its code is good; the same one again gives what became of it.
///
/// # Errors
/// When the code is wrong, over or used, or does not name a member.
pub async fn keep(store: &Store, judged: Judged, now: Moment) -> Result<Enrolled, Refused> {
    store
        .write(move |tx| Ok(keep_in(tx, &judged, super::millis(now))))
        .await
        .unwrap_or_else(|error: Refused| Err(error))
}

/// The count of wrong codes must outlive the refusal, so a refusal is no reason to roll back.
fn keep_in(tx: &Tx<'_>, judged: &Judged, now: i64) -> Result<Enrolled, Refused> {
    let Judged { message, statement } = judged;
    let (code, digest) = (&message.box_code, sha256(statement.as_bytes()));
    if let Some((kept, state)) = state_of(tx, "box", &code.as_str())?
        && kept == digest
    {
        return Ok(state);
    }
    type Invitation = (Vec<u8>, String, i64, i64, Option<Vec<u8>>);
    let invitation: Option<Invitation> = tx
        .query_row(
            "SELECT code, members, expires, tries, used FROM hub_invitation WHERE box = ?1",
            [code.as_str()],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                ))
            },
        )
        .optional()?;
    let Some((wanted, members, expires, tries, used)) = invitation else {
        return Err(Refused::Code(code.clone()));
    };
    if tries >= TRIES || wanted != sha256(plain(&message.code).as_bytes()) {
        tx.execute(
            "UPDATE hub_invitation SET tries = tries + 1 WHERE box = ?1",
            [code.as_str()],
        )?;
        return Err(Refused::Code(code.clone()));
    }
    if used.is_some_and(|used| used != digest) {
        return Err(Refused::Used(code.clone()));
    }
    if expires < now {
        return Err(Refused::Expired(code.clone()));
    }
    let invited: Vec<&str> = members.split(' ').collect();
    if let Some(other) = message
        .members
        .iter()
        .find(|member| !invited.contains(&member.code.as_str()))
    {
        return Err(Refused::NotInvited(other.code.clone()));
    }
    tx.execute(
        "UPDATE hub_invitation SET used = ?2 WHERE box = ?1",
        params![code.as_str(), digest],
    )?;
    let tls = message.tls.fingerprint().map_err(Refused::Certificate)?;
    let text = serde_json::to_string(message).map_err(|e| Refused::Message(e.to_string()))?;
    tx.execute(
        "INSERT OR REPLACE INTO hub_enrolment (box, statement, tls, message, at, state) VALUES (?1, ?2, ?3, ?4, ?5, 'pending')",
        params![code.as_str(), digest, &tls.0[..], text, now],
    )?;
    Ok(Enrolled::Pending)
}

/// The statement's digest and the state of the enrolment whose column `by` is `value`.
fn state_of(
    tx: &Tx<'_>,
    by: &str,
    value: &dyn store::ToSql,
) -> Result<Option<(Vec<u8>, Enrolled)>, Refused> {
    let found: Option<(Vec<u8>, String, String)> = tx
        .query_row(
            &format!("SELECT statement, state, reason FROM hub_enrolment WHERE {by} = ?1"),
            [value],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    Ok(found.map(|(statement, state, reason)| {
        let state = match state.as_str() {
            "approved" => Enrolled::Approved,
            "refused" => Enrolled::Refused(reason),
            _ => Enrolled::Pending,
        };
        (statement, state)
    }))
}

/// A code as it is compared: people read it aloud in groups, in small letters or great.
pub(super) fn plain(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

pub(super) fn sha256(bytes: &[u8]) -> Vec<u8> {
    crate::trust::fingerprint(bytes).to_vec()
}
