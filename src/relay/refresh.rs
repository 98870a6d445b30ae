//! The hub's directory, kept fresh: one half of what verdicts rest on. The other, trust, is kept by [`crate::pki`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use super::Error;
use super::directories::{Directories, Written, refused};
use crate::clock::{Chance, Clock};
use crate::journal;
use crate::retry::Backoff;
use crate::tls::Grounds;
use crate::trust::directory::Directory;
use crate::trust::directory::difference::Difference;
use crate::uplink::{Fetched, Hub, Listing, wire};

/// How long a change of the directory is waited for.
const WAIT: Duration = Duration::from_secs(25);
/// Longest difference; the hub gives the whole rather than one that is nearly as long.
const LONGEST_DIFFERENCE: u64 = 4 << 20;
/// Pieces of a directory between the line and the disk.
const AHEAD: usize = 8;
/// Bytes of an entered difference that go to the disk at once.
const GATHERED: usize = 64 * 1024;

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
        let before = self.publish.borrow().directory.clone();
        let have = before.as_ref().map_or(0, |d| d.version);
        let Some(listing) = hub.directory(have, WAIT, true).await? else {
            return Ok(());
        };
        let is_difference = listing.is_difference;
        let mut taken = self.take(listing, before.clone()).await;
        if is_difference && taken.as_ref().is_err_and(Error::is_about_the_directory) {
            // A difference that does not make what the hub sealed says nothing of what it sealed.
            let Some(whole) = hub.directory(have, Duration::ZERO, false).await? else {
                return Ok(());
            };
            taken = self.take(whole, before).await;
        }
        let (directory, way) = taken?;
        journal::line(&journal::ids::DIRECTORY_UPDATED)
            .count(directory.count() as u64)
            .step(way)
            .notice(format_args!("directory version {}", directory.version));
        let directory = Some(Arc::new(directory));
        self.publish
            .send_modify(|grounds| grounds.directory = directory);
        Ok(())
    }

    /// Writes down what came and judges it; what holds has its place on the disk. Tells the way in which it came, too.
    pub(super) async fn take(
        &self,
        listing: Listing,
        before: Option<Arc<Directory>>,
    ) -> Result<(Directory, &'static str), Error> {
        let Listing {
            sealed,
            is_difference,
        } = listing;
        let grounds = self.publish.borrow().clone();
        let claim = self
            .directories
            .claim(&sealed.seal, &grounds, self.clock.now())?;
        let written = self.directories.begin(&sealed.seal)?;
        let have = before.as_ref().map_or(0, |d| d.version);
        let (written, way) = match before {
            Some(before) if is_difference => {
                let json = sealed.whole(LONGEST_DIFFERENCE).await?;
                (entered(written, json, before).await?, "difference")
            }
            _ => (copied(written, sealed, claim.record().size).await?, "whole"),
        };
        let directory = blocking(move || written.seat(claim, have)).await?;
        Ok((directory, way))
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.map_err(std::io::Error::from)?
}

/// Enters a difference.
async fn entered(
    mut written: Written,
    json: Bytes,
    before: Arc<Directory>,
) -> Result<Written, Error> {
    blocking(move || {
        let mut gathered = Vec::with_capacity(GATHERED * 2);
        Difference::read(json)?.enter(&before, |piece| {
            gathered.extend_from_slice(piece);
            if gathered.len() >= GATHERED {
                written.append(&gathered)?;
                gathered.clear();
            }
            Ok(())
        })?;
        written.append(&gathered)?;
        Ok(written)
    })
    .await
}

/// Copies a whole directory to the disk as it comes.
async fn copied(mut written: Written, sealed: Fetched, size: u64) -> Result<Written, Error> {
    let Fetched {
        seal,
        start,
        mut rest,
    } = sealed;
    // What came before the body counts, too.
    rest.limit(wire::framed(&seal).len() as u64 + size);
    let (pieces, mut come) = mpsc::channel::<Bytes>(AHEAD);
    let writing = spawn_blocking(move || {
        while let Some(piece) = come.blocking_recv() {
            written.append(&piece)?;
        }
        Ok::<_, Error>(written)
    });
    let mut next = Some(Ok(start));
    let mut broken = None;
    while let Some(piece) = next {
        match piece {
            // A writer that failed is gone and says why below.
            Ok(piece) => {
                if pieces.send(piece).await.is_err() {
                    break;
                }
            }
            Err(error) => {
                broken = Some(crate::uplink::Error::from(error));
                break;
            }
        }
        next = rest.next().await;
    }
    drop(pieces);
    let written = writing.await.map_err(std::io::Error::from)??;
    broken.map_or(Ok(written), |error| Err(error.into()))
}
