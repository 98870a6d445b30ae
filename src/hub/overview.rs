//! What the hub's operators are shown of the nation: figures, register, certificates, who is connected.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::bells::For;
use super::cost::Cost;
use super::statistics::{self, Day, Picture, Window};
use super::{Config, Error, Hub};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::store::{OptionalExt, SqlResult, Store, Tx};
use crate::trust::directory::{Directory, Fingerprint};
use crate::trust::{Summary, cms, summary};

/// A member's seal certificate, as the newest head that it signed shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The member's code.
    pub member: String,
    /// SHA-256 of the certificate.
    pub fingerprint: String,
    /// Its end.
    #[serde(with = "crate::clock::text")]
    pub ends: Moment,
}

/// Everything that a board shows.
#[derive(Clone, Debug)]
pub struct Overview {
    /// When it was put together.
    pub at: Moment,
    /// The hub's code.
    pub hub: String,
    /// Figures of the window.
    pub picture: Picture,
    /// The first day that has any.
    pub earliest: Option<Day>,
    /// The register in force.
    pub directory: Arc<Directory>,
    /// Seal certificates in use, by end.
    pub certificates: Vec<Shown>,
    /// Boxes that wait at the hub's door for mail, by code.
    pub connected: BTreeMap<String, bool>,
    /// Assumptions about paper.
    pub cost: Cost,
    /// Days after which an agency that sent before counts as silent.
    pub silent_days: u16,
}

impl Hub {
    /// Puts together what a board shows of a window; until today and from the first day on unless it is said.
    ///
    /// # Errors
    /// When the store can't be read, or no directory is published yet.
    pub async fn overview(&self, first: Option<Day>, last: Option<Day>) -> Result<Overview, Error> {
        let directory = self.directory()?;
        let seen = (self.code(), self.clock.now());
        let mut overview =
            Overview::read(&self.store, directory, seen, &self.config, (first, last)).await?;
        let connected = overview.directory.boxes().map(|entry| {
            let here = self.bells.is_waiting(&entry.code, For::Mail);
            (entry.code.to_string(), here)
        });
        let connected = connected.collect();
        overview.connected = connected;
        Ok(overview)
    }
}

impl Overview {
    /// As [`Hub::overview`], beside a running hub or without one: who is connected is not known then.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn read(
        store: &Store,
        directory: Arc<Directory>,
        (hub, at): (&MemberId, Moment),
        config: &Config,
        (first, last): (Option<Day>, Option<Day>),
    ) -> Result<Self, Error> {
        let earliest = statistics::earliest(store).await?;
        let last = last.unwrap_or_else(|| Day::of(at));
        let first = first.or(earliest).unwrap_or(last).min(last);
        let window = Window { first, last };
        let listed = directory.clone();
        let heads = store.read(move |tx| newest_heads(tx, &listed)).await?;
        Ok(Self {
            at,
            hub: hub.to_string(),
            picture: statistics::picture(store, window, Some(directory.clone())).await?,
            earliest,
            directory,
            certificates: certificates(heads),
            connected: BTreeMap::new(),
            cost: config.cost,
            silent_days: config.silent_days,
        })
    }
}

/// Member, body and signature of a member's newest head.
type Head = (String, Vec<u8>, Vec<u8>);

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
    let seals = |member: &String| {
        let found = member.parse().ok().and_then(|code| directory.find(&code));
        found.is_some_and(|found| !found.seal.is_empty())
    };
    let mut select = tx.prepare_cached(
        "SELECT body, cms FROM hub_head WHERE member = ?1 ORDER BY size DESC LIMIT 1",
    )?;
    let mut heads = Vec::new();
    for member in members?.iter().filter(|member| seals(member)) {
        let head = select
            .query_row([member], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        heads.extend(head.map(|(body, cms)| (member.clone(), body, cms)));
    }
    Ok(heads)
}

fn certificates(heads: Vec<Head>) -> Vec<Shown> {
    let mut shown: Vec<Shown> = heads
        .into_iter()
        .filter_map(|(member, body, cms)| {
            let signed = cms::verify(&cms, &body).ok()?;
            let leaf = signed.chain.first()?;
            let Summary { not_after, .. } = summary(leaf).ok()?;
            Some(Shown {
                member,
                fingerprint: Fingerprint::of(leaf).to_string(),
                ends: not_after,
            })
        })
        .collect();
    shown.sort_by(|a, b| (a.ends, &a.member).cmp(&(b.ends, &b.member)));
    shown
}
