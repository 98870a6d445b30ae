//! The hub's directory, kept fresh: one half of what verdicts rest on. The other, trust, is kept by [`crate::pki`].

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Error;
use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::evidence::RecordKind;
use crate::journal;
use crate::packet::{Digest, MemberId};
use crate::retry::Backoff;
use crate::seal::{Opener, Sealer};
use crate::tls::Grounds;
use crate::trust::Trust;
use crate::trust::directory::Directory;
use crate::uplink::{Hub, wire};

/// How long a change of the directory is waited for.
const WAIT: Duration = Duration::from_secs(25);

/// The directory as it lies on disk, so that a start needs no hub.
#[derive(Clone, Debug)]
pub struct Directories {
    disk: Disk,
    file: PathBuf,
    hub: MemberId,
}

impl Directories {
    /// The directory of `hub`, kept in `file`.
    #[must_use]
    pub fn new(disk: Disk, file: PathBuf, hub: MemberId) -> Self {
        Self { disk, file, hub }
    }

    /// The grounds to start from: trust as configured, and the directory of the last run where it still verifies.
    ///
    #[must_use]
    pub fn grounds(&self, trust: Trust, clock: &Clock) -> Grounds {
        let mut grounds = Grounds::new(Arc::new(trust), None);
        if let Ok(bytes) = std::fs::read(&self.file) {
            // It was verified when it came, and a start takes nothing away that was in force: it is judged as of its day.
            let issued = issued(&bytes).map_or(clock.now(), |at| at.min(clock.now()));
            match self.verify(&bytes, &grounds, issued) {
                Ok(directory) => grounds.directory = Some(Arc::new(directory)),
                Err(error) => refused(&error),
            }
        }
        grounds
    }

    /// A directory holds when the hub sealed exactly these bytes as one.
    fn verify(&self, bytes: &[u8], grounds: &Grounds, at: Moment) -> Result<Directory, Error> {
        let (seal, json) = wire::SealFirst::default()
            .feed(bytes)
            .map_err(crate::uplink::Error::from)?
            .ok_or(crate::uplink::Error::Malformed("cut off".to_owned()))?;
        let sealer = Sealer::NewHub(&self.hub);
        let claim = Opener::default().claim(&seal, &grounds.trust, sealer, at)?;
        if claim.record().kind != RecordKind::Directory {
            return Err(Error::Contradiction(format!(
                "a {} where a directory belongs",
                claim.record().kind.as_str()
            )));
        }
        let opened = claim.complete(Digest::of(&json), json.len() as u64)?;
        let directory = Directory::from_json(&json)?;
        let named = directory.registered_hub_seal(opened.identity());
        named.map_err(crate::seal::Refused::Signer)?;
        Ok(directory)
    }
}

/// When a directory says that it was issued, unverified.
fn issued(bytes: &[u8]) -> Option<Moment> {
    let (_, json) = wire::SealFirst::default().feed(bytes).ok()??;
    Some(Directory::from_json(&json).ok()?.issued)
}

/// Publishes the directory in the grounds.
pub struct Refresher {
    directories: Directories,
    clock: Clock,
    chance: Chance,
    publish: watch::Sender<Grounds>,
}

impl Refresher {
    /// Over what [`Directories::grounds`] gave.
    #[must_use]
    pub fn new(
        directories: Directories,
        clock: Clock,
        chance: Chance,
        publish: watch::Sender<Grounds>,
    ) -> Self {
        Self {
            directories,
            clock,
            chance,
            publish,
        }
    }

    /// Follows the hub's directory for ever.
    pub async fn follow(self: Arc<Self>, hub: Hub) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        loop {
            match self.next(&hub).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    if !matches!(error, Error::Hub(_)) {
                        refused(&error);
                    }
                    tokio::time::sleep(backoff.next(&self.chance)).await;
                }
            }
        }
    }

    async fn next(&self, hub: &Hub) -> Result<(), Error> {
        let grounds = self.publish.borrow().clone();
        let have = grounds.directory.as_ref().map_or(0, |d| d.version);
        let Some((seal, json)) = hub.directory(have, WAIT).await? else {
            return Ok(());
        };
        let mut bytes = wire::framed(&seal);
        bytes.extend_from_slice(&json);
        let directory = self
            .directories
            .verify(&bytes, &grounds, self.clock.now())?;
        if directory.version <= have {
            return Err(Error::Contradiction(format!(
                "version {} after version {have}",
                directory.version
            )));
        }
        self.directories
            .disk
            .replace(&self.directories.file, &bytes)?;
        journal::line(&journal::ids::DIRECTORY_UPDATED)
            .count(directory.members.len() as u64)
            .notice(format_args!("directory version {}", directory.version));
        let directory = Some(Arc::new(directory));
        self.publish
            .send_modify(|grounds| grounds.directory = directory);
        Ok(())
    }
}

fn refused(error: &Error) {
    journal::line(&journal::ids::DIRECTORY_REFUSED)
        .step("directory")
        .reason(error)
        .next("the last good directory stays in force; call the hub's operator")
        .error("a directory is refused");
}
