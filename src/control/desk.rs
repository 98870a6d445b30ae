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
use crate::relay::Relay;
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

    fn name(&self) -> String {
        match self {
            Self::Local(uid) => format!("uid {uid}"),
            Self::Operator(operator) => operator.name.clone(),
        }
    }
}

/// Answers operators. Shared by the local socket and the management address.
pub struct Desk {
    code: String,
    role: &'static str,
    clock: Clock,
    board: Board,
    watch: Arc<Watch>,
    agreed: Agreed,
    rehearsal: Rehearsal,
    copied: Option<Arc<Relay>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// The desk of the box or hub `code`; `role` is `relay` or `hub`.
    #[must_use]
    pub fn new(
        code: String,
        role: &'static str,
        clock: Clock,
        board: Board,
        watch: Arc<Watch>,
        agreed: Agreed,
        rehearsal: Rehearsal,
    ) -> Self {
        Self {
            code,
            role,
            clock,
            board,
            watch,
            agreed,
            rehearsal,
            copied: None,
        }
    }

    /// The same for a box of which copies may be made.
    #[must_use]
    pub fn with_copies_of(mut self, relay: Option<Arc<Relay>>) -> Self {
        self.copied = relay;
        self
    }

    /// Answers one question; what the asker may not is refused and journalled.
    pub async fn answer(&self, asker: &Asker, ask: Ask) -> Answer {
        let needed = match ask {
            Ask::Status | Ask::Drill { .. } => Role::View,
            Ask::Rehearse(_) | Ask::Backup(_) => Role::Operate,
            // By whichever way: the signatures decide.
            Ask::Proposals | Ask::Propose { .. } | Ask::Approve(_) | Ask::Claim(_) => Role::Approve,
        };
        if !asker.may(needed) {
            return refused(asker, needed);
        }
        match ask {
            Ask::Status => Answer::Status(Box::new(self.report().await)),
            Ask::Drill { days } => Answer::Status(Box::new(self.forecast(days).await)),
            Ask::Rehearse(key) => {
                let rehearsed = Box::pin(self.rehearsal.of(&key)).await;
                self.rehearsed(asker, &key, &rehearsed);
                rehearsed.map_or_else(Answer::Refused, Answer::Done)
            }
            // The copy lies in clear, for who may read this machine's disk.
            Ask::Backup(ask) => match asker {
                Asker::Local(_) => copies::answer(self.copied.as_ref(), &ask).await,
                Asker::Operator(_) => refused(asker, Role::Operate),
            },
            Ask::Proposals => Answer::Proposals {
                at: self.code.clone(),
                time: self.clock.now(),
                texts: self.agreed.list(),
            },
            Ask::Propose { signed, content } => {
                let proposed = self.agreed.propose(signed, content).await;
                proposed.map_or_else(|refused| Answer::Refused(refused.text()), Answer::Proposed)
            }
            Ask::Approve(signed) => {
                let done = self.agreed.approve(signed).await;
                done.map_or_else(|refused| Answer::Refused(refused.text()), Answer::Done)
            }
            Ask::Claim(id) => {
                let claimed = self.agreed.claim(id).await.map(Box::new);
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

    /// The gauges as they would read in so many days; the journal is told nothing of it.
    async fn forecast(&self, days: u16) -> Report {
        let then = self.clock.now() + time::Duration::days(i64::from(days));
        let gauges = self.board.read(then).await;
        Report::new(self.code.clone(), self.role.to_owned(), then, gauges)
    }

    /// Reads all gauges, and lets the journal see what they say.
    pub async fn report(&self) -> Report {
        let now = self.clock.now();
        let gauges = self.board.read(now).await;
        self.watch.see(&gauges, now);
        Report::new(self.code.clone(), self.role.to_owned(), now, gauges)
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
