//! Watches the hub's own log: each head must continue the one before, and the heads that other boxes saw must be of the
//! same log. A hub that shows two histories is found out by the first box that compares.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use data_encoding::BASE64;

use super::{Error, Relay};
use crate::durable::Disk;
use crate::evidence::Extensions;
use crate::journal;
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Hash, empty_root, verify_consistency};
use crate::seal::Sealer;
use crate::uplink;

/// How often the hub is asked for its newest head.
const EVERY: Duration = Duration::from_secs(30);
/// The word before the hub's head among a checkpoint's extension lines.
const WORD: &str = "hub";
/// Heads of others that wait to be compared.
const WAITING: usize = 1_024;

/// A cheap handle to what this box knows of the hub's log.
#[derive(Clone, Debug)]
pub struct Witness {
    disk: Disk,
    file: PathBuf,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    newest: Seen,
    /// What other members' checkpoints say of the hub, by the member that says it.
    told: HashMap<String, Seen>,
}

/// A head, without its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    root: Hash,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            size: 0,
            root: empty_root(),
        }
    }
}

impl Seen {
    fn line(self) -> String {
        format!("{WORD} {} {}", self.size, BASE64.encode(&self.root))
    }

    fn parse(line: &str) -> Option<Self> {
        let (size, root) = line
            .strip_prefix(WORD)?
            .strip_prefix(' ')?
            .split_once(' ')?;
        Some(Self {
            size: size.parse().ok()?,
            root: BASE64.decode(root.as_bytes()).ok()?.try_into().ok()?,
        })
    }
}

impl Witness {
    /// Goes on from the head in `file`, where there is one.
    #[must_use]
    pub fn open(disk: Disk, file: PathBuf) -> Self {
        let newest = std::fs::read_to_string(&file)
            .ok()
            .and_then(|text| Seen::parse(text.trim_end()))
            .unwrap_or_default();
        let known = Known {
            newest,
            told: HashMap::new(),
        };
        Self {
            disk,
            file,
            known: Arc::new(Mutex::new(known)),
        }
    }

    /// The extension line with the hub's head, for every checkpoint of this box's members.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        let witness = self.clone();
        Arc::new(move || {
            let newest = witness.lock().newest;
            if newest.size == 0 {
                Vec::new()
            } else {
                vec![newest.line()]
            }
        })
    }

    /// Takes note of what another member's checkpoint says of the hub.
    pub(super) fn told(&self, checkpoint: &Checkpoint) {
        let Some(seen) = checkpoint
            .extensions
            .iter()
            .find_map(|line| Seen::parse(line))
        else {
            return;
        };
        let mut known = self.lock();
        if known.told.len() < WAITING {
            known.told.insert(checkpoint.origin.clone(), seen);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Compares for ever.
pub(super) async fn run(relay: Arc<Relay>) {
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        relay.gate.pass().await;
        let witness = &relay.witness;
        let (newest, told) = {
            let mut known = witness.lock();
            (known.newest, std::mem::take(&mut known.told))
        };
        match follow(&relay, newest).await {
            Ok(head) => keep(witness, head),
            Err(error) => failed(&error, "this box before"),
        }
        for (member, seen) in told {
            if let Err(error) = follow(&relay, seen).await {
                failed(&error, &member);
            }
        }
    }
}

/// Asks for the newest head with the proof that it continues `seen`.
async fn follow(relay: &Relay, seen: Seen) -> Result<Seen, Error> {
    let answer = relay.hub.head(seen.size).await?;
    let decode = |text: &str| {
        BASE64
            .decode(text.as_bytes())
            .map_err(|error| uplink::Error::Malformed(error.to_string()))
    };
    let (body, cms) = (decode(&answer.checkpoint)?, decode(&answer.cms)?);
    let grounds = relay.grounds.borrow().clone();
    let directory = relay.directory()?;
    let sealer = Sealer::Hub(&directory);
    let now = relay.clock.now();
    let head = relay
        .opener
        .head(&body, &cms, &grounds.trust, sealer, now)
        .map_err(Error::Receipt)?;
    let mut proof = Vec::with_capacity(answer.proof.len());
    for hash in &answer.proof {
        let hash: Hash = decode(hash)?
            .try_into()
            .map_err(|_| uplink::Error::Malformed("a hash is not 32 bytes".to_owned()))?;
        proof.push(hash);
    }
    if verify_consistency(seen.size, &seen.root, head.size, &head.root, &proof) {
        Ok(Seen {
            size: head.size,
            root: head.root,
        })
    } else {
        Err(Error::Contradiction(format!(
            "the hub's head of {} records does not continue the one of {} records",
            head.size, seen.size
        )))
    }
}

fn keep(witness: &Witness, head: Seen) {
    if witness.lock().newest == head {
        return;
    }
    match witness
        .disk
        .replace(&witness.file, format!("{}\n", head.line()).as_bytes())
    {
        Ok(()) => witness.lock().newest = head,
        Err(error) => journal::line(&journal::ids::DISK_FAULT)
            .step("witness")
            .reason(error)
            .next("it is tried again by itself")
            .warning("the hub's head could not be kept"),
    }
}

/// Only a contradiction is an alarm; of a hub that is away the gate tells.
fn failed(error: &Error, to_whom: &str) {
    if matches!(error, Error::Contradiction(_)) {
        journal::line(&journal::ids::CHECKPOINT_REFUSED)
            .step("witness")
            .reason(error)
            .next("keep this box's state, call the hub's operator and the other agency: one of the two heads is false")
            .error(format_args!("the hub shows another history than it showed {to_whom}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_reads_back_from_its_line_and_nothing_else_does() {
        let seen = Seen {
            size: 7,
            root: [3; 32],
        };
        assert_eq!(Seen::parse(&seen.line()), Some(seen));
        for line in [
            "",
            "hub",
            "hub 7",
            "hub x AAAA",
            "hub 7 AAAA",
            "crl sha256:00",
        ] {
            assert_eq!(Seen::parse(line), None, "{line:?}");
        }
    }

    #[test]
    fn what_was_kept_is_known_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("hub-head");
        let witness = Witness::open(Disk::real(), file.clone());
        assert!(witness.extensions()().is_empty());
        let head = Seen {
            size: 9,
            root: [1; 32],
        };
        keep(&witness, head);
        let again = Witness::open(Disk::real(), file);
        assert_eq!(again.extensions()(), vec![head.line()]);
    }
}
