//! Who asks, what they may ask, and the answer.

use std::sync::Arc;

use super::agreed::Agreed;
use super::copies;
use super::message::{Answer, Ask};
use super::rehearsal::Rehearsal;
use super::report::Report;
use super::watch::Watch;
use crate::clock::Clock;
use crate::gauge::{Board, Text};
use crate::journal::{self, ids};
use crate::packet::MemberId;
use crate::relay::Relay;
use crate::trace::{LEGS, Trace, Tracer};
use crate::trust::operators::{Operator, Role};

/// Who asks.
#[derive(Clone, Debug)]
pub enum Asker {
    /// A user of this machine that the socket lets in.
    Local(u32),
    /// An operator at the management address.
    Operator(Operator),
}

impl Asker {
    fn may(&self, role: Role) -> bool {
        match self {
            Self::Local(_) => true,
            Self::Operator(operator) => operator.may(role),
        }
    }

    /// The only members of whom the asker sees anything.
    #[must_use]
    pub fn members(&self) -> Option<&[MemberId]> {
        match self {
            Self::Local(_) => None,
            Self::Operator(operator) => operator.members.as_deref(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Local(uid) => format!("uid {uid}"),
            Self::Operator(operator) => operator.name.clone(),
        }
    }
}

/// What a desk is made of.
pub struct Parts {
    /// Code of the box or hub.
    pub code: String,
    /// `relay` or `hub`.
    pub role: &'static str,
    /// Time.
    pub clock: Clock,
    /// All gauges.
    pub board: Board,
    /// Tells the journal what they say.
    pub watch: Arc<Watch>,
    /// What two operators agree upon.
    pub agreed: Agreed,
    /// Renewed keys are tried by it.
    pub rehearsal: Rehearsal,
    /// Who knows where packets are.
    pub tracer: Arc<dyn Tracer>,
    /// The box of which copies may be made.
    pub copied: Option<Arc<Relay>>,
}

/// Answers operators. Shared by the local socket and the management address.
pub struct Desk(Parts);

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("code", &self.0.code)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// The desk of a box or hub.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(parts)
    }

    /// Answers one question; what the asker may not is refused and journalled.
    pub async fn answer(&self, asker: &Asker, ask: Ask) -> Answer {
        let needed = match ask {
            Ask::Status | Ask::Drill { .. } | Ask::Trace(_) => Role::View,
            Ask::Rehearse(_) | Ask::Backup(_) | Ask::Attest { .. } => Role::Operate,
            // By whichever way: the signatures decide.
            Ask::Proposals | Ask::Propose { .. } | Ask::Approve(_) | Ask::Claim(_) => Role::Approve,
        };
        if !asker.may(needed) {
            return refused(asker, needed);
        }
        match ask {
            Ask::Status => Answer::Status(Box::new(self.report_to(asker).await)),
            Ask::Drill { days } => {
                Answer::Status(Box::new(seen_by(asker, self.forecast(days).await)))
            }
            Ask::Trace(what) => match self.traces(asker, &what).await {
                Ok(traces) => Answer::Traces(traces),
                Err(reason) => Answer::Refused(Text::new(
                    format!("không tra cứu được: {reason}"),
                    format!("it can't be traced: {reason}"),
                )),
            },
            Ask::Rehearse(key) => {
                let rehearsed = Box::pin(self.0.rehearsal.of(&key)).await;
                self.rehearsed(asker, &key, &rehearsed);
                rehearsed.map_or_else(Answer::Refused, Answer::Done)
            }
            // The copy lies in clear, for who may read this machine's disk.
            Ask::Backup(_) | Ask::Attest { .. } if matches!(asker, Asker::Operator(_)) => {
                refused(asker, Role::Operate)
            }
            Ask::Backup(ask) => copies::answer(self.0.copied.as_ref(), &ask).await,
            Ask::Attest { paper, digest } => {
                copies::attest(self.0.copied.as_ref(), paper, digest).await
            }
            Ask::Proposals => Answer::Proposals {
                at: self.0.code.clone(),
                time: self.0.clock.now(),
                texts: self.0.agreed.list(),
            },
            Ask::Propose { signed, content } => {
                let proposed = self.0.agreed.propose(signed, content).await;
                proposed.map_or_else(|refused| Answer::Refused(refused.text()), Answer::Proposed)
            }
            Ask::Approve(signed) => {
                let done = self.0.agreed.approve(signed).await;
                done.map_or_else(|refused| Answer::Refused(refused.text()), Answer::Done)
            }
            Ask::Claim(id) => {
                let claimed = self.0.agreed.claim(id).await.map(Box::new);
                claimed.map_or_else(|refused| Answer::Refused(refused.text()), Answer::Claimed)
            }
        }
    }

    fn rehearsed(&self, asker: &Asker, key: &str, outcome: &Result<Text, Text>) {
        let line = journal::line(&ids::REHEARSED).peer(asker.name()).step(key);
        match outcome {
            Ok(passed) => line
                .reason(&passed.en)
                .notice("the rehearsal of a renewed key passed"),
            Err(why) => line
                .reason(&why.en)
                .next("mend what the reason names and rehearse again; the old key goes on")
                .warning("a renewed key is not fit to take over"),
        }
    }

    /// Where a document is, as far as the asker may see; what is not the asker's is as if it were not there.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn traces(&self, asker: &Asker, what: &str) -> Result<Vec<Trace>, String> {
        let mut traces = self.0.tracer.trace(what, asker.members()).await?;
        // The answer has a bound, and an asker has eyes.
        let mut room = LEGS;
        for trace in &mut traces {
            trace.told_by.clone_from(&self.0.code);
            trace.left_off += trace.legs.len().saturating_sub(room) as u64;
            trace.legs.truncate(room);
            room -= trace.legs.len();
        }
        Ok(traces)
    }

    /// The gauges as they would read in so many days; the journal is told nothing of it.
    async fn forecast(&self, days: u16) -> Report {
        let then = self.0.clock.now() + time::Duration::days(i64::from(days));
        let gauges = self.0.board.read(then).await;
        Report::new(self.0.code.clone(), self.0.role.to_owned(), then, gauges)
    }

    /// What of it is for this asker.
    pub async fn report_to(&self, asker: &Asker) -> Report {
        seen_by(asker, self.report().await)
    }

    /// Reads all gauges, and lets the journal see what they say.
    pub async fn report(&self) -> Report {
        let now = self.0.clock.now();
        let gauges = self.0.board.read(now).await;
        self.0.watch.see(&gauges, now);
        Report::new(self.0.code.clone(), self.0.role.to_owned(), now, gauges)
    }
}

fn seen_by(asker: &Asker, report: Report) -> Report {
    match asker.members() {
        Some(members) => report.only_for(members),
        None => report,
    }
}

fn refused(asker: &Asker, needed: Role) -> Answer {
    let name = asker.name();
    journal::line(&ids::OPERATOR_REFUSED)
        .peer(&name)
        .reason(format_args!("the role {needed:?} is missing"))
        .next("give this operator the role in the configuration, if it is to have it")
        .say("an operator asked for what it may not");
    Answer::Refused(Text::new(
        format!("{name} không có vai trò {needed:?}; thêm vai trò vào cấu hình nếu cần"),
        format!("{name} lacks the role {needed:?}; add it to the configuration if needed"),
    ))
}
