//! Sources that are away: who, since when, until when what we have suffices, what then, what to do. Told when it changes.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use super::source::Source;
use crate::clock::{Moment, rfc3339};
use crate::journal;
use crate::trust::Stale;

/// How far what we have has aged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    /// Before its nextUpdate.
    #[default]
    Good,
    /// Past it, within the declared window.
    Due,
    /// Past the window: the declared mode is in force.
    Over,
}

/// What is at stake when a source is away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stake {
    /// When it is due; `None` when there is nothing yet.
    pub(super) due: Option<Moment>,
    /// When the window ends.
    pub(super) end: Option<Moment>,
    /// What is declared for then.
    pub(super) then: Stale,
}

impl Stake {
    /// Whether the declared mode is in force.
    pub(super) fn is_over(self, now: Moment) -> bool {
        self.age(now) == Age::Over
    }

    fn age(self, now: Moment) -> Age {
        match (self.due, self.end) {
            (_, Some(end)) if end < now => Age::Over,
            (Some(due), _) if due < now => Age::Due,
            (Some(_), _) => Age::Good,
            (None, _) => Age::Over,
        }
    }

    /// What the absence means, until when, in words.
    pub(super) fn words(self, now: Moment) -> String {
        let then = match self.then {
            Stale::Continue => "then all goes on with what is known (declared: continue)",
            Stale::Queue => "then connections are put off and packets wait (declared: queue)",
            Stale::Refuse => "then certificates are refused (declared: refuse)",
        };
        match (self.due, self.end) {
            (Some(_), Some(end)) if end < now => {
                format!(
                    "the declared window is over since {}, {}",
                    rfc3339(end),
                    &then[5..]
                )
            }
            (Some(_), Some(end)) => format!("traffic holds until {}, {then}", rfc3339(end)),
            _ => format!("nothing was ever fetched, {}", &then[5..]),
        }
    }
}

/// Who was told what.
#[derive(Debug, Default)]
pub(super) struct Outages {
    away: Mutex<HashMap<Source, Moment>>,
    ages: Mutex<HashMap<String, Age>>,
}

impl Outages {
    /// `source` did not give `what`, or gave what is no good.
    pub(super) fn failed(
        &self,
        source: &Source,
        what: &str,
        error: &dyn Display,
        now: Moment,
        consequence: &str,
    ) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        if away.contains_key(source) {
            return;
        }
        away.insert(source.clone(), now);
        drop(away);
        journal::line(&journal::ids::REVOCATION_SOURCE_AWAY)
            .peer(source)
            .step(what)
            .reason(error)
            .next(
                "check the line to this address and call its operator; it is asked again by itself",
            )
            .warning(format_args!(
                "a source of {what}s is away since {}; {consequence}",
                rfc3339(now)
            ));
    }

    /// `source` gave what it should.
    pub(super) fn succeeded(&self, source: &Source, what: &str) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let since = away.remove(source);
        drop(away);
        if let Some(since) = since {
            journal::line(&journal::ids::REVOCATION_SOURCE_BACK)
                .peer(source)
                .step(what)
                .notice(format_args!(
                    "a source of {what}s that was away since {} is back",
                    rfc3339(since)
                ));
        }
    }

    /// None of the sources of `what` gave anything: tells when the age of what we have changes.
    pub(super) fn aged(&self, what: &str, source: &Source, now: Moment, stake: Stake) {
        let age = stake.age(now);
        let mut ages = self.ages.lock().unwrap_or_else(PoisonError::into_inner);
        let told = ages.insert(what.to_owned(), age).unwrap_or_default();
        drop(ages);
        if age <= told {
            return;
        }
        let line = |id| {
            journal::line(id)
                .peer(source)
                .step(what)
                .reason(match stake.due {
                    Some(due) => format!("it was due at {}", rfc3339(due)),
                    None => "nothing was ever fetched".to_owned(),
                })
                .next("bring its source back or configure another one; all goes on by itself then, without a restart")
        };
        let words = stake.words(now);
        match age {
            Age::Good => {}
            Age::Due => line(&journal::ids::CRL_STALE).warning(format_args!(
                "revocation material is past its next update; {words}"
            )),
            Age::Over => line(&journal::ids::REVOCATION_WINDOW_OVER)
                .error(format_args!("revocation material is too old; {words}")),
        }
    }

    /// What we have is young again.
    pub(super) fn young(&self, what: &str) {
        self.ages
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(what);
    }
}
