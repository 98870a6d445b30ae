//! The signed list of members and boxes: published when the registry has changed, and anew before it runs out.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout_at;

use super::bells::For;
use super::differences::{self, Step};
use super::door::Asker;
use super::intake::SEALED;
use super::{Error, Hub, admin, signed, unsigned};
use crate::clock::Moment;
use crate::evidence::{Entry, Record, RecordKind};
use crate::https::{Bytes, Content, Response, StatusCode};
use crate::journal::{self, ids};
use crate::packet::{Digest, PacketId};
use crate::seal::Seal;
use crate::store::{OptionalExt, Tx, params};
use crate::trust::directory::{Directory, Header};
use crate::uplink::{DIFFERENCE, wire};

/// How often a running hub looks for changes that were made beside it.
const LOOK: Duration = Duration::from_millis(500);
/// Published directories that are kept whole; of each older one the seal stays in the hub's log.
const KEPT: i64 = 3;

/// A directory as it was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The indexed list over the bytes that are sealed.
    pub directory: Arc<Directory>,
    /// The hub's seal over them.
    pub seal: Bytes,
    /// Which state of the registry it shows.
    change: i64,
}

impl Hub {
    /// The newest published directory, as it changes.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.published.subscribe()
    }

    /// Publishes as often as needed until `stop` turns true. Failures are journalled and tried again.
    pub async fn keep_directory(&self, mut stop: watch::Receiver<bool>) {
        let mut look = tokio::time::interval(LOOK);
        let mut failing = false;
        loop {
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = look.tick() => {}
            }
            // Who fails loudest at a broken store is not this.
            let _ = self.keep_shown().await;
            match self.refresh_directory().await {
                Ok(_) => failing = false,
                Err(error) if !std::mem::replace(&mut failing, true) => {
                    journal::line(&ids::DIRECTORY_REFUSED)
                        .reason(&error)
                        .next("correct the registry with `trucgate hub admin`")
                        .say("the directory is not published; the last one stays in force");
                }
                Err(_) => {}
            }
        }
    }

    /// Publishes if the registry has changed or half of the directory's time is over; gives the version in force.
    ///
    /// # Errors
    /// When the registry contradicts itself, or the store fails.
    pub async fn refresh_directory(&self) -> Result<u64, Error> {
        let change = self.store.read(admin::change).await?;
        let newest = self.published.borrow().clone();
        match newest {
            Some(p) if p.change == change && !half_over(&p.directory, self.clock.now()) => {
                Ok(p.directory.version)
            }
            _ => self.publish().await,
        }
    }

    /// Publishes the registry as it is now, under the next version; gives that.
    ///
    /// # Errors
    /// When the registry contradicts itself, or the store fails.
    pub async fn publish(&self) -> Result<u64, Error> {
        let _one = self.publishing.lock().await;
        let now = self.clock.now();
        let (change, registry, last) = self
            .store
            .read(|tx| {
                let last = newest_version(tx)?;
                Ok::<_, Error>((admin::change(tx)?, admin::registry(tx)?, last))
            })
            .await?;
        self.record_entered().await?;
        let valid_until = now + time::Duration::days(i64::from(self.config.directory_days));
        let before = self.published.borrow().clone();
        let made = spawn_blocking(move || {
            let before = before.as_ref().map(|published| &*published.directory);
            let directory = registry.directory(last + 1, now, valid_until, before)?;
            // What the last run of another release published, or did not, is no step.
            let before = before.filter(|before| before.version == last);
            let step = before.map(|before| Step::between(before, &directory));
            Ok::<_, Error>((directory, step.transpose()?))
        });
        let (directory, step) = made.await.map_err(|_| given_up())??;
        let json = directory.json().map_err(registry_error)?;
        let packet = PacketId::new(now, &self.chance);
        let record = Record::new(
            RecordKind::Directory,
            packet,
            (Digest::of(&json), json.len() as u64),
            self.log.member().clone(),
            now,
        );
        let entry = Entry {
            key: format!("directory:{packet}"),
            record,
        };
        let seal = Seal::from(&self.log.append(entry).await?).encode();
        let version = directory.version;
        let published = Published {
            directory: Arc::new(directory),
            seal: seal.into(),
            change,
        };
        let kept = published.clone();
        self.store
            .write(move |tx| {
                step.iter()
                    .try_for_each(|step| differences::keep(tx, version, step))?;
                insert(tx, version, (&kept, &json))
            })
            .await?;
        self.enforce(published);
        journal::line(&ids::DIRECTORY_UPDATED).say(format_args!("directory {version} is in force"));
        Ok(version)
    }

    pub(super) async fn load_directory(&self) -> Result<(), Error> {
        if let Some(published) = self.store.read(newest).await? {
            self.enforce(published);
        }
        Ok(())
    }

    fn enforce(&self, published: Published) {
        let directory = published.directory.clone();
        self.grounds
            .send_modify(|grounds| grounds.directory = Some(directory));
        self.published.send_replace(Some(Arc::new(published)));
    }
}

fn given_up() -> Error {
    Error::Registry("the making of the directory was given up".to_owned())
}

fn half_over(listed: &Header, now: Moment) -> bool {
    now - listed.issued > (listed.valid_until - listed.issued) / 2
}

/// Gives the newest directory if it is newer than the one that the box has; waits for that up to `wait` milliseconds. A box
/// that understands differences gets one where the hub still knows what changed.
///
/// # Errors
/// [`Error::Crowded`] when too many polls of the box wait already.
pub(super) async fn get(
    hub: &Hub,
    asker: &Asker,
    (have, differences): (u64, bool),
    wait: u64,
) -> Result<Response, Error> {
    let _seat = hub.bells.seat(&asker.code, For::Directory)?;
    let deadline = hub.poll_until(wait);
    let (mut published, mut stop) = (hub.published(), hub.stop.subscribe());
    let is_newer = |p: &Option<Arc<Published>>| {
        p.as_ref()
            .is_some_and(|published| published.directory.version > have)
    };
    let waiting = async {
        tokio::select! {
            found = published.wait_for(is_newer) => found.ok().and_then(|p| p.clone()),
            _ = stop.wait_for(|stop| *stop) => None,
        }
    };
    let Ok(Some(published)) = timeout_at(deadline, waiting).await else {
        return Ok(Response::empty(StatusCode::NO_CONTENT));
    };
    let seal = Content::new().then_bytes(wire::framed(&published.seal));
    let directory = &published.directory;
    if differences && have > 0 {
        let version = directory.version;
        let touched = hub
            .store
            .read(move |tx| differences::touched(tx, have, version))
            .await?;
        if let Some(touched) = touched
            && let Some(json) = differences::written(have, directory, &touched)?
        {
            return Ok(Response::new(
                StatusCode::OK,
                DIFFERENCE,
                seal.then_bytes(json),
            ));
        }
    }
    let json = directory.json().map_err(registry_error)?;
    Ok(Response::new(StatusCode::OK, SEALED, seal.then_bytes(json)))
}

fn insert(tx: &Tx<'_>, version: u64, (published, json): (&Published, &Bytes)) -> Result<(), Error> {
    tx.execute(
        "INSERT OR REPLACE INTO hub_directory (version, change, json, seal) VALUES (?1, ?2, ?3, ?4)",
        params![
            signed(version),
            published.change,
            &json[..],
            &published.seal[..]
        ],
    )?;
    tx.execute(
        "DELETE FROM hub_directory WHERE version <= ?1",
        [signed(version) - KEPT],
    )?;
    Ok(())
}

fn newest_version(tx: &Tx<'_>) -> Result<u64, Error> {
    let newest: Option<i64> =
        tx.query_row("SELECT max(version) FROM hub_directory", [], |row| {
            row.get(0)
        })?;
    Ok(newest.map_or(0, unsigned))
}

fn newest(tx: &Tx<'_>) -> Result<Option<Published>, Error> {
    let found: Option<(i64, Vec<u8>, Vec<u8>)> = tx
        .query_row(
            "SELECT change, json, seal FROM hub_directory ORDER BY version DESC LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    found
        .map(|(change, json, seal)| {
            Ok(Published {
                directory: Arc::new(Directory::from_json(json).map_err(registry_error)?),
                seal: seal.into(),
                change,
            })
        })
        .transpose()
}

pub(super) fn registry_error(error: crate::trust::Error) -> Error {
    Error::Registry(error.to_string())
}
