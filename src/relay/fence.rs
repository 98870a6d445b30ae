//! The fence behind which a restored box starts: nothing is sealed, sent, fetched or offered before it has come to terms
//! with the hub ([`super::terms`]).

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::backup::LogHead;
use crate::clock::Moment;
use crate::durable::Disk;
use crate::evidence::{SealKey, Signing, Turn};
use crate::gauge::Text;
use crate::merkle::Hash;
use crate::packet::{MemberId, PacketId};

/// Name of the file in a state directory; it stands from before anything is put in place until the box has come to terms.
const NAME: &str = "fence";

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// The backup.
    pub backup: PacketId,
    /// When it was made.
    #[serde(with = "crate::clock::text")]
    pub made: Moment,
    /// When it was put in place.
    #[serde(with = "crate::clock::text")]
    pub restored: Moment,
    /// Id of this restore.
    pub id: PacketId,
    /// Ids of the packets by which members give up places in the orders.
    pub voids: Vec<(MemberId, PacketId)>,
    /// The heads that the logs must have.
    pub logs: Vec<LogHead>,
}

/// How far a box is let.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Nothing.
    Shut,
    /// Its logs go on, nothing else.
    Sealing,
    /// Everything.
    Open,
}

/// A cheap handle.
#[derive(Clone)]
pub struct Fence {
    disk: Disk,
    file: PathBuf,
    restored: Option<Arc<Restored>>,
    stage: Arc<watch::Sender<Stage>>,
    waits: Arc<Mutex<Option<Waits>>>,
}

/// What the box waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    /// Why.
    pub(super) reason: Text,
    /// What is to be done.
    pub(super) next: Text,
}

impl Fence {
    /// The fence of that state directory, standing or not.
    ///
    /// # Errors
    /// When it stands and can't be read.
    pub fn open(disk: Disk, state: &Path) -> std::io::Result<Self> {
        let file = state.join(NAME);
        let restored = match std::fs::read(&file) {
            Ok(bytes) => Some(Arc::new(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let stage = if restored.is_some() {
            Stage::Shut
        } else {
            Stage::Open
        };
        Ok(Self {
            disk,
            file,
            restored,
            stage: Arc::new(watch::Sender::new(stage)),
            waits: Arc::default(),
        })
    }

    /// Puts the fence up before anything is put in place; gives its file.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn raise(disk: &Disk, state: &Path, restored: &Restored) -> std::io::Result<PathBuf> {
        let file = state.join(NAME);
        let json = serde_json::to_vec_pretty(restored)?;
        disk.replace(&file, &json)?;
        Ok(file)
    }

    /// The seal key as the box may use it: behind the fence its turn does not come.
    #[must_use]
    pub fn before(&self, key: Arc<dyn SealKey>) -> Arc<dyn SealKey> {
        if self.is_open() {
            return key;
        }
        let fence = self.clone();
        Arc::new(Behind { fence, key })
    }

    /// Whether all is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self.stage.borrow() == Stage::Open
    }

    /// Whether it stands for that backup.
    #[must_use]
    pub fn stands_for(&self, backup: PacketId) -> bool {
        self.restored()
            .is_some_and(|restored| restored.backup == backup)
    }

    /// What was restored, while the fence stands.
    pub(super) fn restored(&self) -> Option<Arc<Restored>> {
        self.restored.clone().filter(|_| !self.is_open())
    }

    /// Waits until so much is let.
    pub(super) async fn reached(&self, stage: Stage) {
        // The sender lives in self.
        let _ = self.stage.subscribe().wait_for(|now| *now >= stage).await;
    }

    /// Lets the logs go on.
    pub(super) fn let_seal(&self) {
        self.stage.send_replace(Stage::Sealing);
    }

    /// Takes the fence down, for good.
    pub(super) fn take_down(&self) -> std::io::Result<()> {
        self.disk.remove(&self.file)?;
        self.stage.send_replace(Stage::Open);
        Ok(())
    }

    /// Notes what is waited for; whether that is news.
    pub(super) fn waits_for(&self, waits: Waits) -> bool {
        let mut told = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        let news = told.as_ref() != Some(&waits);
        *told = Some(waits);
        news
    }

    /// What is waited for, while the fence stands.
    pub(super) fn waiting_for(&self) -> Option<Waits> {
        let waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        (!self.is_open()).then(|| {
            waits.clone().unwrap_or_else(|| Waits {
                reason: Text::new(
                    "đang đối chiếu với Trục",
                    "it is coming to terms with the hub",
                ),
                next: Text::new("chờ", "wait"),
            })
        })
    }
}

struct Behind {
    fence: Fence,
    key: Arc<dyn SealKey>,
}

impl SealKey for Behind {
    fn turn(&self) -> Pin<Box<dyn Future<Output = Turn> + Send + '_>> {
        Box::pin(async {
            self.fence.reached(Stage::Sealing).await;
            self.key.turn().await
        })
    }

    fn seal(&self, body: Vec<u8>, from: u64, proof: Vec<Hash>) -> Signing<'_> {
        self.key.seal(body, from, proof)
    }
}
