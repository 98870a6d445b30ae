//! Bodies that no row knows: a power cut came between a body and its row, or between a row's end and its body's.

use std::path::PathBuf;

use super::bodies::Shelf;
use super::{Error, Spool};
use crate::packet::PacketId;
use crate::store::{Tx, params};

/// A whole body as it lies on its shelf.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) shelf: Shelf,
    pub(super) packet: PacketId,
    pub(super) path: PathBuf,
}

impl Spool {
    /// Takes stray bodies away and tells how many. Only for the start: what is coming in has no row yet.
    ///
    /// # Errors
    /// When the shelves or the store can't be read.
    pub async fn sweep(&self) -> Result<usize, Error> {
        let bodies = self.bodies.clone();
        let standing = tokio::task::spawn_blocking(move || bodies.standing())
            .await
            .map_err(std::io::Error::other)??;
        let strays: Vec<PathBuf> = self
            .store
            .read(move |tx| {
                let mut strays = Vec::new();
                for body in standing {
                    if !is_known(tx, &body)? {
                        strays.push(body.path);
                    }
                }
                Ok::<_, Error>(strays)
            })
            .await?;
        let count = strays.len();
        for path in strays {
            self.bodies.remove(&super::Body::File(path)).await;
        }
        Ok(count)
    }
}

fn is_known(tx: &Tx<'_>, body: &Standing) -> Result<bool, Error> {
    let select = if body.shelf.outgoing().is_some() {
        "SELECT 1 FROM outbound o WHERE packet = ?1 AND shelf = ?2 AND state = 'kept' \
         AND NOT EXISTS (SELECT 1 FROM outbound_body b WHERE b.number = o.number)"
    } else {
        "SELECT 1 FROM inbox i WHERE packet = ?1 AND member = ?2 AND purged = 0 \
         AND NOT EXISTS (SELECT 1 FROM inbox_body b WHERE b.number = i.number)"
    };
    let Some(member) = body.shelf.outgoing().or_else(|| body.shelf.incoming()) else {
        return Ok(true);
    };
    Ok(tx
        .prepare_cached(select)?
        .exists(params![body.packet.to_string(), member])?)
}
