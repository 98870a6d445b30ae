//! SQLite behind one room: one writer that groups commits, a few readers with snapshots, nothing else names it.
//!
//! [`Store::write`] hands a closure to the writer's thread. The writer runs all that wait in one transaction, each
//! behind a savepoint of its own, commits once and answers all; while one commit runs, the next group gathers. A lone
//! write waits for nobody; after a large group the next one waits a millisecond for more, since each commit writes the
//! same hot pages again. A slow disk makes the groups larger instead of the queue longer.

mod copy;
mod error;
mod readers;
mod writer;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use copy::{Copied, check, look};
pub use error::Error;
pub use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
pub use rusqlite::{
    Connection, Error as SqlError, OptionalExtension as OptionalExt, Result as SqlResult, Row,
    Statement, named_params, params, params_from_iter,
};

use rusqlite::config::DbConfig;

use crate::durable::{Disk, Op};
use readers::Readers;
use writer::Writer;

/// How long a lock held by another process is waited for.
const BUSY: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log before it is copied back (16 MiB).
const WAL_PAGES: u32 = 4_000;
/// Bytes to which a write-ahead log is cut down after a burst.
const WAL_BYTES: u32 = 32 << 20;
/// Statements kept prepared in each connection.
const PREPARED: usize = 64;

/// First line of a batch of SQL after which releases that do not know it can no longer work with the database. Batches
/// without it only add: tables, indexes, columns that may be left out.
///
/// Two versions of an appliance share one store, and the older one comes back when the newer one fails. So a batch that bears
/// this line also raises `floor` in Cargo.toml to the release that first knew it, and comes one release after that.
pub const BREAKS: &str = "-- breaks older releases";

/// What a closure sees: a [`Connection`] inside a transaction that the store opens and ends.
///
/// Closures never begin, commit or roll back; deferred foreign keys are not used, since they would fail a whole group.
#[derive(Debug)]
pub struct Tx<'c>(&'c Connection);

impl Deref for Tx<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}

/// A cheap handle to one database. The last one dropped finishes what is queued and closes it.
#[derive(Clone, Debug)]
pub struct Store(Arc<Rooms>);

#[derive(Debug)]
struct Rooms {
    // Dropped in this order: readers go before the writer, so that the writer's close can tidy the log up.
    readers: Readers,
    writer: Writer,
}

impl Store {
    /// Opens the database at `path`, makes it when it is missing, and brings its schema up to date.
    ///
    /// `schema` holds one batch of SQL a version, oldest first: entries are appended and never edited, and the
    /// database remembers in `user_version` how many it has had, and in `application_id` how many of them a release has to know
    /// to work with it (see [`BREAKS`]). A database of a later release is opened as it is where that is not more than
    /// `schema` holds. Blocks; called at start.
    ///
    /// # Errors
    /// [`Error::Newer`] when a later release has made it unreadable for this one; else what SQLite reports.
    pub fn open(path: impl AsRef<Path>, disk: Disk, schema: &[&str]) -> Result<Self, Error> {
        let path: PathBuf = path.as_ref().to_owned();
        if let Some(directory) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            disk.make_dir(directory).map_err(|error| Error::Open {
                path: path.clone(),
                reason: error.to_string(),
            })?;
        }
        let connection = open_writer(&path).map_err(|error| error.opening(&path))?;
        migrate(&connection, &disk, schema).map_err(|error| error.opening(&path))?;
        Ok(Self(Arc::new(Rooms {
            writer: Writer::start(connection, disk)?,
            readers: Readers::new(path),
        })))
    }

    /// Runs `change` in a transaction and returns when it is durable.
    ///
    /// An `Err` of `change`, of whatever type, undoes only what this closure did. A closure that panics undoes only
    /// itself too. A future dropped before its answer may still be carried out.
    ///
    /// # Errors
    /// The closure's own, or a [`store::Error`](Error) turned into it: of class Retry when the commit failed, after
    /// which the change may or may not be there, as with any answer that got lost.
    pub async fn write<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.writer.write(change).await
    }

    /// [`Store::write`] for threads outside the runtime.
    ///
    /// # Errors
    /// As [`Store::write`].
    ///
    /// # Panics
    /// Inside an asynchronous task, which it would block.
    pub fn write_blocking<T, E, F>(&self, change: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.writer.write_blocking(change)
    }

    /// Runs `question` on one consistent snapshot, beside the writer. Keep it short: a snapshot held open keeps the
    /// write-ahead log from shrinking.
    ///
    /// # Errors
    /// The closure's own, or a [`store::Error`](Error) turned into it.
    pub async fn read<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.0.readers.read(question).await
    }

    /// [`Store::read`] on the calling thread.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T, E>(
        &self,
        question: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Error>,
    {
        self.0.readers.read_blocking(question)
    }

    /// Groups committed since the start; with the writes counted by the caller it tells how well they group.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.writer.commits()
    }
}

fn open_writer(path: &Path) -> Result<Connection, Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = {WAL_PAGES};
         PRAGMA journal_size_limit = {WAL_BYTES};
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -2048;
         PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF;"
    ))?;
    settle(&connection)?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode == "wal" {
        Ok(connection)
    } else {
        Err(Error::Io(format!(
            "the file system has no write-ahead log (journal mode {mode})"
        )))
    }
}

/// What holds for every connection.
fn settle(connection: &Connection) -> Result<(), Error> {
    // Else a statement whose parameters were weighed against a partial index is compiled anew at each run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(())
}

fn migrate(connection: &Connection, disk: &Disk, schema: &[&str]) -> Result<(), Error> {
    let number = |pragma: &str| -> Result<usize, Error> {
        let sql = format!("PRAGMA {pragma}");
        let found: u32 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok(found as usize)
    };
    let known = schema.len();
    // Whether there is nothing to do.
    let is_settled = |found: usize| -> Result<bool, Error> {
        if found > known && number("application_id")? > known {
            return Err(Error::Newer { found, known });
        }
        Ok(found >= known)
    };
    if is_settled(number("user_version")?)? {
        return Ok(());
    }
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let migrated = number("user_version").and_then(|found| {
        if is_settled(found)? {
            return Ok(());
        }
        for batch in &schema[found..] {
            connection.execute_batch(batch)?;
        }
        let breaks = |batch: &&str| batch.trim_start().starts_with(BREAKS);
        let needed = schema.iter().rposition(breaks).map_or(0, |at| at + 1);
        connection.execute_batch(&format!(
            "PRAGMA user_version = {known}; PRAGMA application_id = {needed}"
        ))?;
        commit(connection, disk)
    });
    // After a commit there is nothing left to roll back.
    roll_back(connection);
    migrated
}

/// Ends the open transaction durably, or fails it as the disk's plan says.
fn commit(connection: &Connection, disk: &Disk) -> Result<(), Error> {
    disk.step(Op::Commit, || {
        connection
            .prepare_cached("COMMIT")
            .and_then(|mut commit| commit.execute([]))
            .map_err(std::io::Error::other)
    })
    .map(drop)
    .map_err(Error::of_commit)
}

/// Ends the open transaction, if one is left, without its changes.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // SQLite drops an unfinished transaction at the next start, so a failure here loses nothing.
        let _ = connection.execute_batch("ROLLBACK");
    }
}

#[cfg(test)]
mod tests;
