//! A spool as it stood at one moment: a copy of its store, and the bodies that the copy knows.
//!
//! A body may be taken away while the copy is made. Until all have a second name, what is taken away is put beside the
//! copy instead, so that every row of the copy finds its body, whatever the walks do meanwhile.

use std::path::Path;

use super::bodies::{Place, Shelf};
use super::row::{parsed, unsigned};
use super::{Error, Spool};
use crate::durable::Disk;
use crate::packet::Digest;
use crate::store::{self, Tx};

/// Name of the copied store.
pub const STORE: &str = "box.db";
/// Name of the directory of bodies.
pub const BODIES: &str = "bodies";

/// What a row says of a body.
#[derive(Clone, Debug)]
pub struct Known {
    /// Where its file lies; `None` where it lies in its row.
    pub place: Option<Place>,
    /// The body, where it lies in its row.
    pub inline: Option<Vec<u8>>,
    /// SHA-256 of it.
    pub digest: Digest,
    /// Bytes of it.
    pub size: u64,
}

impl Spool {
    /// Makes a copy of the store and of the bodies in `directory`, which must be new and on the disk of the spool.
    ///
    /// # Errors
    /// When another copy is being made, when the disk is full, or when a body is missing.
    pub async fn snapshot(&self, disk: &Disk, directory: &Path) -> Result<(), Error> {
        let aside = directory.join(BODIES);
        disk.make_dir(&aside)?;
        let held = self.bodies.hold(&aside);
        let held = held.ok_or_else(|| Error::Impossible("another copy is being made".into()))?;
        let copy = directory.join(STORE);
        self.store.copy_to(&copy).await?;
        let bodies = self.bodies.clone();
        tokio::task::spawn_blocking(move || {
            let _held = held;
            store::look(&copy, |tx| {
                each_body(tx, |known| match &known.place {
                    None => Ok(()),
                    Some(place) => bodies.keep_aside(place, &aside).map_err(|error| {
                        Error::Damaged(format!("body {} is missing: {error}", place.name()))
                    }),
                })
            })
        })
        .await
        .map_err(std::io::Error::other)?
    }
}

/// Shows every body that the rows know, those in rows with their bytes.
///
/// # Errors
/// What `see` says, or when a row can't be read.
pub fn each_body(
    tx: &Tx<'_>,
    mut see: impl FnMut(Known) -> Result<(), Error>,
) -> Result<(), Error> {
    for (select, shelf) in [
        (
            "SELECT packet, shelf, digest, size, body FROM outbound LEFT JOIN outbound_body USING (number)
             WHERE state = 'kept' ORDER BY number",
            Shelf::out_of as fn(&crate::packet::MemberId) -> Shelf,
        ),
        (
            "SELECT packet, member, digest, size, body FROM inbox LEFT JOIN inbox_body USING (number)
             WHERE purged = 0 ORDER BY number",
            Shelf::into,
        ),
    ] {
        let mut select = tx.prepare(select)?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| row.get::<_, String>(column);
            let inline: Option<Vec<u8>> = row.get(4)?;
            let member = parsed(&text(1)?, "member")?;
            let place = Place::new(shelf(&member), parsed(&text(0)?, "packet")?);
            see(Known {
                place: inline.is_none().then_some(place),
                inline,
                digest: parsed(&text(2)?, "digest")?,
                size: unsigned(row.get(3)?),
            })?;
        }
    }
    Ok(())
}
