//! Time stamps (RFC 3161) over the newest head of each log, at a declared interval. Nothing waits for them.

use std::time::Duration;

use serde::Deserialize;

use super::outage::Outages;
use super::source::Source;
use crate::clock::{Chance, Clock, Moment};
use crate::evidence::{Head, Log};
use crate::retry::Backoff;
use crate::tls::{Error, Grounds};
use crate::trust::stamp::{LONGEST, Query, REQUEST_TYPE, Stamp};

/// `[time_stamps]`: where time stamps are asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeStamps {
    /// `http://` URLs of time-stamp authorities, the preferred one first.
    pub urls: Vec<String>,
    /// Seconds between two stamps of one log; a log that did not grow is not stamped again.
    #[serde(default = "an_hour")]
    pub every_seconds: u32,
    /// The authority's policy (dotted OID) that is demanded.
    pub policy: Option<String>,
}

fn an_hour() -> u32 {
    3_600
}

/// What the absence of a stamp means.
const MEANWHILE: &str =
    "no packet waits for it, only the time of proofs rests on the hub's receipts until it is back";

/// Stamps the heads of logs.
#[derive(Debug)]
pub struct Stamper {
    sources: Vec<Source>,
    every: Duration,
    policy: Option<String>,
    grounds: tokio::sync::watch::Receiver<Grounds>,
    clock: Clock,
    chance: Chance,
    outages: Outages,
}

impl Stamper {
    /// Asks as configured; who stamped is judged by the newest `grounds`.
    ///
    /// # Errors
    /// Names the source or policy that is wrong.
    pub fn new(
        configured: &TimeStamps,
        grounds: tokio::sync::watch::Receiver<Grounds>,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, Error> {
        let wrong = |why: String| Error::Configuration(format!("[time_stamps]: {why}"));
        let policy = configured.policy.clone();
        Query::new(&[], [1; 16], policy.as_deref()).map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            sources: Source::all(&configured.urls).map_err(wrong)?,
            every: Duration::from_secs(u64::from(configured.every_seconds.max(1))),
            policy,
            grounds,
            clock,
            chance,
            outages: Outages::default(),
        })
    }

    /// Stamps the newest head of `log` for ever, each time that it grew.
    pub async fn follow(&self, log: Log) {
        let mut heads = log.heads();
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
        // After a failed question the newest head is stamped, like after a start.
        let mut through = log
            .archive()
            .stamped_through(log.member())
            .await
            .unwrap_or(0);
        loop {
            let grown = |head: &Option<_>| {
                head.as_ref()
                    .is_some_and(|head: &std::sync::Arc<Head>| head.size > through)
            };
            let Ok(head) = heads.wait_for(grown).await.map(|head| head.clone()) else {
                return;
            };
            let Some(head) = head else {
                continue;
            };
            let kept = match self.stamp(&head.cms).await {
                Some(stamp) => log
                    .archive()
                    .keep_stamp(&head, stamp.time, stamp.token)
                    .await
                    .is_ok(),
                None => false,
            };
            if kept {
                through = head.size;
                backoff.reset();
                tokio::time::sleep(self.every).await;
            } else {
                tokio::time::sleep(backoff.next(&self.chance)).await;
            }
        }
    }

    /// A stamp over a head's CMS by the first source that gives one: judged before it is kept.
    async fn stamp(&self, cms: &[u8]) -> Option<Stamp> {
        for source in &self.sources {
            match self.ask(source, cms).await {
                Ok(stamp) => {
                    self.outages.succeeded(source, "time stamp");
                    return Some(stamp);
                }
                Err(error) => {
                    let now = self.clock.now();
                    self.outages
                        .failed(source, "time stamp", &error, now, MEANWHILE);
                }
            }
        }
        None
    }

    async fn ask(&self, source: &Source, cms: &[u8]) -> Result<Stamp, String> {
        let query = Query::new(cms, self.chance.bytes(), self.policy.as_deref())
            .map_err(|error| error.to_string())?;
        let patience = Duration::from_secs(30);
        let answer = source
            .post(REQUEST_TYPE, query.der.clone(), LONGEST as u64, patience)
            .await?;
        let stamp = query
            .answered(&answer, cms)
            .map_err(|error| error.to_string())?;
        let trust = self.grounds.borrow().trust.clone();
        stamp.judge(&trust).map_err(|refusal| refusal.to_string())?;
        let off: Moment = self.clock.now();
        if (stamp.time - off).abs() > time::Duration::minutes(10) {
            return Err(format!(
                "its clock and ours differ: it says {}",
                crate::clock::rfc3339(stamp.time)
            ));
        }
        Ok(stamp)
    }
}
