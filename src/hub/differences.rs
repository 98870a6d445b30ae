//! What each published directory changed: kept for a while, so that a box gets the difference from the one that it has.

use super::directory::registry_error;
use super::{Error, signed, unsigned};
use crate::store::{Tx, params};
use crate::trust::directory::Directory;
use crate::trust::directory::difference::{self, Touched};

/// The tables of this room: what a version changed of the version before it; nothing where that is too much to tell.
pub(super) const SCHEMA: &str = "
CREATE TABLE hub_directory_step (version INTEGER PRIMARY KEY, since INTEGER NOT NULL, touched TEXT);
";

/// Steps that are kept.
const KEPT: i64 = 1_000;
/// Members and boxes that a difference names at most.
const MOST: usize = 10_000;

/// How one directory followed another.
#[derive(Clone, Debug)]
pub(super) struct Step {
    since: u64,
    touched: Option<Touched>,
}

impl Step {
    /// From the directory that was in force to the one that follows.
    pub(super) fn between(before: &Directory, after: &Directory) -> Result<Self, Error> {
        let touched = Touched::between(before, after).map_err(registry_error)?;
        Ok(Self {
            since: before.version,
            touched: (touched.count() <= MOST).then_some(touched),
        })
    }
}

/// Keeps the step to `version`, and lets go of the oldest.
pub(super) fn keep(tx: &Tx<'_>, version: u64, step: &Step) -> Result<(), Error> {
    let touched = step.touched.as_ref().map(serde_json::to_string).transpose();
    let touched = touched.map_err(|error| Error::Registry(error.to_string()))?;
    tx.execute(
        "INSERT OR REPLACE INTO hub_directory_step (version, since, touched) VALUES (?1, ?2, ?3)",
        params![signed(version), signed(step.since), touched],
    )?;
    tx.execute(
        "DELETE FROM hub_directory_step WHERE version <= ?1",
        [signed(version) - KEPT],
    )?;
    Ok(())
}

/// What changed from version `have` to `version`; nothing where that is not known any more, or too much.
pub(super) fn touched(tx: &Tx<'_>, have: u64, version: u64) -> Result<Option<Touched>, Error> {
    let mut select = tx.prepare_cached(
        "SELECT version, since, touched FROM hub_directory_step
         WHERE version > ?1 AND version <= ?2 ORDER BY version",
    )?;
    let mut rows = select.query([signed(have), signed(version)])?;
    let (mut reached, mut all) = (have, Touched::default());
    while let Some(row) = rows.next()? {
        let (to, since): (i64, i64) = (row.get(0)?, row.get(1)?);
        let Some(text) = row.get::<_, Option<String>>(2)? else {
            return Ok(None);
        };
        let step: Touched =
            serde_json::from_str(&text).map_err(|error| Error::Registry(error.to_string()))?;
        all.extend(&step);
        if unsigned(since) != reached || all.count() > MOST {
            return Ok(None);
        }
        reached = unsigned(to);
    }
    Ok((reached == version).then_some(all))
}

/// The difference on the wire, unless the whole is hardly longer.
pub(super) fn written(
    have: u64,
    directory: &Directory,
    touched: &Touched,
) -> Result<Option<Vec<u8>>, Error> {
    let json = difference::write(have, directory, touched).map_err(registry_error)?;
    Ok((json.len() as u64 * 2 < directory.length()).then_some(json))
}
