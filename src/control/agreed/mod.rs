//! Two-person control: what can't be undone needs one operator who proposes it and another who approves it, each by a
//! CMS signature of their own key over the exact action, within a window.
//!
//! | refused | because |
//! |---|---|
//! | `Stranger` | the certificate is no operator's, or its chain does not hold |
//! | `NoRole` | the operator may not approve |
//! | `Altered` | the signature is over something else, or the text is not the canonical one |
//! | `OtherMachine` | it was signed for another box or hub |
//! | `Expired` | the window is over, or the clocks differ by more than it |
//! | `SamePerson` | who proposed it can't approve it |
//! | `Replayed` | it was carried out before |
//! | `Unknown` | no such proposal waits here |
//!
//! What was agreed is kept with both signatures and joins the evidence before anything is done. A proposal that waits is
//! kept, too, until its window is over: its signature is judged when it is made and again when it is approved.

mod action;
mod act;
mod refused;
mod text;
mod waiting;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

pub use act::{Act, Acting, Anchors, AtBox, AtHub};
pub use action::{Action, head};
pub use refused::Refused;
pub(super) use text::Lines;
pub use text::{Approval, Proposal};
use waiting::{Shelf, Waiting};

use crate::clock::{Clock, Moment, rfc3339};
use crate::durable::Disk;
use crate::gauge::Text;
use crate::journal::{self, ids};
use crate::packet::{Digest, PacketId};
use crate::signer::wire::Bytes;
use crate::tls::Grounds;
use crate::trust::directory::Fingerprint;
use crate::trust::operators::{Operator, Operators, Role};
use crate::trust::{Purpose, Trust, Verdict, cms};

/// Proposals that may wait.
const WAITING: usize = 64;

/// A signed text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The canonical text.
    pub text: String,
    /// CMS SignedData over it, detached, in DER.
    pub cms: Bytes,
}

/// What two persons agreed upon, as it is kept and as it is handed to who carries it out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Who proposed it.
    pub proposed_by: String,
    /// Who approved it.
    pub approved_by: String,
    /// The proposal.
    pub proposal: Signed,
    /// The approval.
    pub approval: Signed,
    /// What the action's digest stands for, such as new anchors.
    pub content: Option<String>,
    /// Whether it was carried out; also one that failed is not carried out again.
    pub done: bool,
}

/// The one place where actions that need two persons are agreed upon and begun.
pub struct Agreed {
    parts: Parts,
    waiting: Mutex<HashMap<PacketId, Waiting>>,
    shelf: Shelf,
    /// Agreements are carried out one after the other.
    one: tokio::sync::Mutex<()>,
}

/// What it is made of.
pub struct Parts {
    /// The box's or hub's code: signatures for another one are of no use here.
    pub code: String,
    /// Who operates here.
    pub operators: Operators,
    /// How long a proposal may wait.
    pub window: time::Duration,
    /// Time.
    pub clock: Clock,
    /// What certificates are judged by.
    pub grounds: watch::Receiver<Grounds>,
    /// The disk.
    pub disk: Disk,
    /// Where agreements are kept, a file each.
    pub directory: PathBuf,
    /// Who can do it.
    pub act: Arc<dyn Act>,
}

impl std::fmt::Debug for Agreed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agreed")
            .field("code", &self.parts.code)
            .finish_non_exhaustive()
    }
}

impl Agreed {
    /// Over its parts; proposals of an earlier run whose window still runs wait on.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let shelf = Shelf::new(parts.disk.clone(), &parts.directory);
        let agreed = Self {
            parts,
            waiting: Mutex::default(),
            shelf,
            one: tokio::sync::Mutex::default(),
        };
        for waiting in agreed.shelf.all() {
            let id = waiting.proposal.id;
            if agreed.in_window(waiting.proposal.time) && agreed.kept(id).is_none() {
                agreed.lock().insert(id, waiting);
            } else {
                agreed.shelf.drop(id);
            }
        }
        agreed
    }

    /// Takes a proposal; gives its id.
    ///
    /// # Errors
    /// Why it is refused; that is journalled.
    pub async fn propose(
        &self,
        signed: Signed,
        content: Option<String>,
    ) -> Result<PacketId, Refused> {
        let taken = self.take(signed, content).await;
        taken.inspect_err(|refused| told(refused, "propose"))
    }

    async fn take(&self, signed: Signed, content: Option<String>) -> Result<PacketId, Refused> {
        let by = self.operator(&signed)?;
        let proposal = Proposal::parse(&signed.text).ok_or(Refused::Altered)?;
        self.fits(&proposal.at, proposal.time, &proposal.by, &by)?;
        if proposal.action.content() != content.as_ref().map(|c| Digest::of(c.as_bytes())) {
            return Err(Refused::Altered);
        }
        let id = proposal.id;
        if self.lock().contains_key(&id) || self.kept(id).is_some() {
            return Err(Refused::Replayed);
        }
        self.parts
            .act
            .check(&proposal.action, content.as_deref())
            .await
            .map_err(Refused::Unfit)?;
        let waiting = Waiting {
            proposal,
            signed,
            content,
        };
        let line = line(&waiting.proposal).peer(&by.name);
        let mut all = self.lock();
        all.retain(|id, one| {
            let runs = self.in_window(one.proposal.time);
            if !runs {
                self.shelf.drop(*id);
            }
            runs
        });
        if all.len() >= WAITING {
            return Err(Refused::Crowded);
        }
        // Whoever is given an id can have it approved, whatever happens to this process.
        self.shelf.keep(&waiting).map_err(failed)?;
        all.insert(id, waiting);
        line.next("another operator reads it with `trucgate agree list` and approves it, or lets it run out")
            .warning("an action that needs two persons is proposed");
        Ok(id)
    }

    /// The proposals that wait.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let mut all: Vec<_> = self
            .lock()
            .values()
            .filter(|one| self.in_window(one.proposal.time))
            .map(|one| (one.proposal.id, one.signed.text.clone()))
            .collect();
        all.sort();
        all.into_iter().map(|(_, text)| text).collect()
    }

    /// Takes an approval, puts the agreement on record and carries it out, unless that is for somebody else to do.
    ///
    /// # Errors
    /// Why it is refused, or that it was agreed and could not be done; both are journalled.
    pub async fn approve(&self, approval: Signed) -> Result<Text, Refused> {
        let done = Box::pin(self.agree(approval)).await;
        done.inspect_err(|refused| told(refused, "approve"))
    }

    async fn agree(&self, signed: Signed) -> Result<Text, Refused> {
        let _one = self.one.lock().await;
        let by = self.operator(&signed)?;
        let approval = Approval::parse(&signed.text).ok_or(Refused::Altered)?;
        if self.kept(approval.id).is_some() {
            return Err(Refused::Replayed);
        }
        let waiting = self
            .lock()
            .get(&approval.id)
            .cloned()
            .ok_or(Refused::Unknown)?;
        if approval.proposal != Digest::of(waiting.signed.text.as_bytes()) {
            return Err(Refused::Altered);
        }
        self.fits(&approval.at, approval.time, &approval.by, &by)?;
        if !self.in_window(waiting.proposal.time) {
            self.forget(approval.id);
            return Err(Refused::Expired);
        }
        let (proposal, proposer) = (&waiting.proposal, self.operator(&waiting.signed)?);
        self.fits(&proposal.at, proposal.time, &proposal.by, &proposer)?;
        if by.name == proposer.name || by.certificate == proposer.certificate {
            return Err(Refused::SamePerson(by.name));
        }
        let (action, content) = (&waiting.proposal.action, waiting.content.as_deref());
        self.parts
            .act
            .check(action, content)
            .await
            .map_err(Refused::Unfit)?;
        let mut agreement = Agreement {
            proposed_by: proposer.name.clone(),
            approved_by: by.name.clone(),
            proposal: waiting.signed.clone(),
            approval: signed,
            content: waiting.content.clone(),
            done: false,
        };
        self.keep(approval.id, &agreement)?;
        self.forget(approval.id);
        self.put_on_record(&waiting, &proposer, &by).await?;
        line(&waiting.proposal)
            .peer(format_args!("{}, {}", proposer.name, by.name))
            .warning(format_args!(
                "agreed: proposed by {}, approved by {}",
                proposer.name, by.name
            ));
        if action.is_done_elsewhere() {
            return Ok(Text::new(
                "đã thoả thuận; người làm việc trên bàn lấy thoả thuận này một lần",
                "agreed; the bench takes this agreement once",
            ));
        }
        agreement.done = true;
        self.keep(approval.id, &agreement)?;
        let both = format!("{}, {}", proposer.name, by.name);
        match self.parts.act.act(action, content, &both).await {
            Ok(done) => {
                line(&waiting.proposal)
                    .reason(&done.en)
                    .warning("carried out");
                Ok(done)
            }
            Err(why) => Err(Refused::Failed(why)),
        }
    }

    /// Hands an agreement once to who carries it out.
    ///
    /// # Errors
    /// When it was handed out before, ran out, or is for the machine itself to carry out.
    pub async fn claim(&self, id: PacketId) -> Result<Agreement, Refused> {
        let _one = self.one.lock().await;
        let claimed = (|| {
            let mut agreement = self.kept(id).ok_or(Refused::Unknown)?;
            let proposal = Proposal::parse(&agreement.proposal.text).ok_or(Refused::Altered)?;
            if agreement.done {
                return Err(Refused::Replayed);
            }
            if !proposal.action.is_done_elsewhere() {
                return Err(Refused::Unknown);
            }
            if !self.in_window(proposal.time) {
                return Err(Refused::Expired);
            }
            agreement.done = true;
            self.keep(id, &agreement)?;
            line(&proposal)
                .peer(format_args!(
                    "{}, {}",
                    agreement.proposed_by, agreement.approved_by
                ))
                .warning("handed to the bench, which carries it out");
            Ok(agreement)
        })();
        claimed.inspect_err(|refused| told(refused, "claim"))
    }

    /// Whose signature it is: chain, revocation, list of operators, role.
    fn operator(&self, signed: &Signed) -> Result<Operator, Refused> {
        let (trust, now) = (
            self.parts.grounds.borrow().trust.clone(),
            self.parts.clock.now(),
        );
        signer(signed, &trust, &self.parts.operators, now).cloned()
    }

    fn fits(&self, at: &str, time: Moment, name: &str, by: &Operator) -> Result<(), Refused> {
        if at != self.parts.code {
            return Err(Refused::OtherMachine(at.to_owned()));
        }
        if name != by.name {
            return Err(Refused::Altered);
        }
        if self.in_window(time) {
            Ok(())
        } else {
            Err(Refused::Expired)
        }
    }

    fn in_window(&self, time: Moment) -> bool {
        (self.parts.clock.now() - time).abs() <= self.parts.window
    }

    fn forget(&self, id: PacketId) {
        self.lock().remove(&id);
        self.shelf.drop(id);
    }

    async fn put_on_record(
        &self,
        waiting: &Waiting,
        proposer: &Operator,
        by: &Operator,
    ) -> Result<(), Refused> {
        let proposal = &waiting.proposal;
        let what = format!(
            "{}; proposed by {} ({}), approved by {} ({})",
            proposal.action, proposer.name, proposer.certificate, by.name, by.certificate
        );
        let text = waiting.signed.text.as_bytes();
        let digest = (Digest::of(text), text.len() as u64);
        self.parts
            .act
            .record(&proposal.action, proposal.id, digest, what)
            .await
            .map_err(|error| Refused::Failed(Text::new(error.clone(), error)))
    }

    fn file(&self, id: PacketId) -> PathBuf {
        self.parts.directory.join(format!("{id}.json"))
    }

    fn kept(&self, id: PacketId) -> Option<Agreement> {
        serde_json::from_slice(&std::fs::read(self.file(id)).ok()?).ok()
    }

    fn keep(&self, id: PacketId, agreement: &Agreement) -> Result<(), Refused> {
        serde_json::to_vec_pretty(agreement)
            .map_err(std::io::Error::other)
            .and_then(|bytes| {
                self.parts.disk.make_dir(&self.parts.directory)?;
                self.parts.disk.replace(&self.file(id), &bytes)
            })
            .map_err(failed)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PacketId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(error: std::io::Error) -> Refused {
    Refused::Failed(Text::same(error))
}

fn line(proposal: &Proposal) -> journal::Line {
    journal::line(&ids::TWO_PERSONS)
        .packet(proposal.id)
        .step(proposal.action.name())
        .reason(format_args!(
            "{} of {}",
            proposal.action,
            rfc3339(proposal.time)
        ))
}

/// The operator whose signature this is, who may approve.
///
/// # Errors
/// `Altered`, `Stranger` or `NoRole`.
pub(super) fn signer<'o>(
    signed: &Signed,
    trust: &Trust,
    operators: &'o Operators,
    now: Moment,
) -> Result<&'o Operator, Refused> {
    let found =
        cms::verify(&signed.cms.0, signed.text.as_bytes()).map_err(|refusal| {
            match refusal.verdict {
                Verdict::BadSignature => Refused::Altered,
                _ => Refused::Stranger(refusal.to_string()),
            }
        })?;
    let bearer = trust
        .judge_bearer(&found.chain, Purpose::TlsClient, now)
        .map_err(|refusal| Refused::Stranger(refusal.to_string()))?;
    let print = Fingerprint(bearer.fingerprint);
    let operator = operators
        .find(&print)
        .ok_or_else(|| Refused::Stranger(format!("{}: {print}", bearer.subject)))?;
    if operator.may(Role::Approve) {
        Ok(operator)
    } else {
        Err(Refused::NoRole(operator.name.clone()))
    }
}

fn told(refused: &Refused, step: &str) {
    let text = refused.text();
    journal::line(&ids::TWO_PERSONS_REFUSED)
        .step(step)
        .reason(&text.en)
        .next("look at who tries what; propose it anew if it is wanted")
        .say("an action that needs two persons was not done");
}

#[cfg(test)]
mod tests;
