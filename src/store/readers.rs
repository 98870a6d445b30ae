//! A few read-only connections, opened when they are first needed.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::writer::guarded;
use super::{BUSY, Error, Tx, settle};

/// Questions answered at a time.
const READERS: usize = 3;

#[derive(Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    turns: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Pool {
            path,
            idle: Mutex::new(Vec::new()),
            turns: Arc::new(Semaphore::new(READERS)),
        }))
    }

    pub(super) fn path(&self) -> &std::path::Path {
        &self.0.path
    }

    pub(super) async fn read<T, E, F>(&self, question: F) -> Result<T, E>
    where
        F: FnOnce(&Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let turn = Arc::clone(&self.0.turns)
            .acquire_owned()
            .await
            .map_err(|_| Error::Closed)?;
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let answer = pool.ask(question);
            drop(turn);
            answer
        })
        .await
        .map_err(|_| Error::Closed)?
    }

    pub(super) fn read_blocking<T, E: From<Error>>(
        &self,
        question: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.ask(question)
    }
}

impl Pool {
    fn ask<T, E: From<Error>>(
        &self,
        question: impl FnOnce(&Tx<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let connection = self.take()?;
        run(&connection, "BEGIN DEFERRED").map_err(Error::from)?;
        let answer = guarded(|| question(&Tx(&connection)));
        // A connection that can't end its snapshot is closed instead of kept.
        if run(&connection, "ROLLBACK").is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < READERS {
                idle.push(connection);
            }
        }
        answer
    }

    fn take(&self) -> Result<Connection, Error> {
        let kept = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        kept.map_or_else(|| self.open(), Ok)
    }

    fn open(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY)?;
        connection.execute_batch(
            "PRAGMA mmap_size = 0;
             PRAGMA cache_size = -512;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;",
        )?;
        settle(&connection)?;
        Ok(connection)
    }
}

fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
