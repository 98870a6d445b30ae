//! What the hub's operators are shown of the nation: figures, register, certificates, who is connected.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::bells::For;
use super::certificates::{Certificate, Known};
use super::cost::Cost;
use super::statistics::{self, Day, Picture, Window};
use super::{Config, Error, Hub};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::store::Store;
use crate::trust::Trust;
use crate::trust::directory::Directory;

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
    /// Certificates of boxes and of members that seal, and those on their way into the register; by end.
    pub certificates: Vec<Certificate>,
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
        let trust = self.grounds.borrow().trust.clone();
        let seen = (self.code(), self.clock.now(), Some(&*trust));
        let window = (first, last);
        let mut overview =
            Overview::read(&self.store, directory, seen, &self.config, window).await?;
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
    /// As [`Hub::overview`], beside a running hub or without one: who is connected is not known then, nor without `trust` what
    /// is revoked.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn read(
        store: &Store,
        directory: Arc<Directory>,
        (hub, at, trust): (&MemberId, Moment, Option<&Trust>),
        config: &Config,
        (first, last): (Option<Day>, Option<Day>),
    ) -> Result<Self, Error> {
        let earliest = statistics::earliest(store).await?;
        let last = last.unwrap_or_else(|| Day::of(at));
        let first = first.or(earliest).unwrap_or(last).min(last);
        let window = Window { first, last };
        let known = Known::load(store, &directory, hub, at).await?;
        let sealers = known.sealers(&directory).into_iter();
        let mut certificates = known.certificates(&directory, sealers, trust.map(|it| (it, at)));
        certificates.retain(|one| one.code != hub.as_str());
        Ok(Self {
            at,
            hub: hub.to_string(),
            picture: statistics::picture(store, window, Some(directory.clone())).await?,
            earliest,
            directory,
            certificates,
            connected: BTreeMap::new(),
            cost: config.cost,
            silent_days: config.silent_days,
        })
    }
}
