//! A copy of what this box keeps, made beside the walks for whoever writes a backup of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};

use super::{Error, Relay};
use crate::durable::Disk;
use crate::evidence::Head;
use crate::spool;

/// How long one question waits for a copy; whoever wants it asks again.
const PATIENCE: Duration = Duration::from_secs(10);
/// Name of the directory of the copy.
const NAME: &str = "snapshot";

/// How the making went: `None` while it is made.
type Made = Option<Result<(), Arc<spool::Error>>>;

/// Where copies are made, and the one that there is.
pub(super) struct Snapshots {
    disk: Disk,
    directory: PathBuf,
    made: Mutex<Option<watch::Receiver<Made>>>,
}

impl Snapshots {
    /// In the box's state directory; a copy of an earlier run is of no use to anybody.
    pub(super) fn open(disk: Disk, state: &std::path::Path) -> std::io::Result<Self> {
        let directory = state.join(NAME);
        if directory.exists() {
            disk.remove_tree(&directory)?;
        }
        Ok(Self {
            disk,
            directory,
            made: Mutex::default(),
        })
    }

    /// The box's state directory.
    pub(super) fn state(&self) -> &std::path::Path {
        self.directory.parent().unwrap_or(&self.directory)
    }
}

impl Relay {
    /// A consistent copy of spool and evidence; begun by the first question, there when one is answered with its directory.
    ///
    /// # Errors
    /// When the disk has no room for it, or it could not be made.
    pub async fn snapshot(self: &Arc<Self>) -> Result<Option<PathBuf>, Error> {
        let mut standing = self.snapshots.made.lock().await;
        let mut made = match &*standing {
            Some(made) => made.clone(),
            None => standing.insert(self.begin()?).clone(),
        };
        // A sender that is gone has panicked; the next question begins anew.
        let waited = tokio::time::timeout(PATIENCE, async {
            let outcome = made.wait_for(Option::is_some).await;
            outcome.map_or(None, |outcome| outcome.clone())
        });
        let Ok(outcome) = waited.await else {
            return Ok(None);
        };
        match outcome {
            Some(Ok(())) => Ok(Some(self.snapshots.directory.clone())),
            failed => {
                *standing = None;
                drop(standing);
                self.snapshots.disk.remove_tree(&self.snapshots.directory)?;
                Err(match failed {
                    Some(Err(error)) => Error::Copy(error.to_string()),
                    _ => Error::Copy("given up".to_owned()),
                })
            }
        }
    }

    fn begin(self: &Arc<Self>) -> Result<watch::Receiver<Made>, Error> {
        let room = &self.snapshots;
        room.disk.remove_tree(&room.directory)?;
        let (tell, made) = watch::channel(None);
        let relay = self.clone();
        tokio::spawn(async move {
            let room = &relay.snapshots;
            let outcome = relay.spool.snapshot(&room.disk, &room.directory).await;
            tell.send_replace(Some(outcome.map_err(Arc::new)));
        });
        Ok(made)
    }

    /// Takes the copy away.
    ///
    /// # Errors
    /// When it can't be removed.
    pub async fn end_snapshot(&self) -> Result<(), Error> {
        let mut standing = self.snapshots.made.lock().await;
        if let Some(made) = &mut *standing {
            // What is still being made can't be taken away under the hand that makes it.
            let _ = made.wait_for(Option::is_some).await;
        }
        *standing = None;
        Ok(self.snapshots.disk.remove_tree(&self.snapshots.directory)?)
    }

    /// The word of one of this box's members on what `line` names: its newest head signed once with that line.
    ///
    /// # Errors
    /// What the signer says; or that no member has a signed head yet.
    pub async fn attest(&self, line: &str) -> Result<Head, Error> {
        let mut members: Vec<_> = self.logs.keys().collect();
        members.sort();
        for member in members {
            if let Some(head) = self.log_of(member)?.attest(line.to_owned()).await? {
                return Ok(head);
            }
        }
        let what = "no member of this box has sealed anything yet".to_owned();
        Err(crate::evidence::Error::Missing(what).into())
    }
}
