//! A consistent copy of a database that is at work, and questions to one that is not.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{BUSY, Error, Store, Tx, settle};

/// A copy that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its bytes.
    pub bytes: u64,
}

impl Store {
    /// Writes all that is committed now into a new database at `to`, beside readers and writer; one that is cut off leaves
    /// a file of no use. It needs as much room as the database without its gaps.
    ///
    /// # Errors
    /// When there is a file already, or what SQLite reports, a full disk among it.
    pub async fn copy_to(&self, to: &Path) -> Result<Copied, Error> {
        let (from, to) = (self.0.readers.path().to_owned(), to.to_owned());
        tokio::task::spawn_blocking(move || {
            let source = read_only(&from)?;
            let name = to.to_string_lossy().into_owned();
            source.execute("VACUUM INTO ?1", [name])?;
            let bytes = std::fs::metadata(&to).map_or(0, |found| found.len());
            Ok(Copied { bytes })
        })
        .await
        .map_err(|_| Error::Closed)?
    }
}

/// Asks a database at which no process is at work; nothing of it is changed.
///
/// # Errors
/// The closure's own, or when it can't be read.
pub fn look<T, E: From<Error>>(
    path: &Path,
    question: impl FnOnce(&Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let connection = read_only(path)?;
    let begin = connection.execute_batch("BEGIN DEFERRED");
    begin.map_err(Error::from)?;
    question(&Tx(&connection))
}

/// Whether every page, index and constraint of such a database is sound, and which schema it has.
///
/// # Errors
/// [`Error::Corrupt`] with the first thing that is not.
pub fn check(path: &Path, schema: &[&str]) -> Result<(), Error> {
    look(path, |tx| {
        let found: u32 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found as usize > schema.len() {
            return Err(Error::Newer {
                found: found as usize,
                known: schema.len(),
            });
        }
        let said: String = tx.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said == "ok" {
            Ok(())
        } else {
            Err(Error::Corrupt(said))
        }
    })
}

fn read_only(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(
        "PRAGMA mmap_size = 0;
         PRAGMA cache_size = -2048;
         PRAGMA trusted_schema = OFF;",
    )?;
    settle(&connection)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::durable::Disk;
    use crate::store::params;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_copy_made_under_load_holds_what_was_answered_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let schema = ["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL);"];
        let store = Store::open(dir.path().join("a.db"), Disk::real(), &schema).unwrap();
        let add = |n: i64| {
            let store = store.clone();
            async move {
                let written: Result<(), Error> = store
                    .write(move |tx| {
                        tx.execute(
                            "INSERT INTO note (id, text) VALUES (?1, ?2)",
                            params![n, "x".repeat(900)],
                        )?;
                        Ok(())
                    })
                    .await;
                written.unwrap();
            }
        };
        for n in 0..200 {
            add(n).await;
        }
        let load = tokio::spawn({
            let later: Vec<_> = (200..600).map(add).collect();
            async move {
                for one in later {
                    one.await;
                }
            }
        });
        let copy = dir.path().join("copy.db");
        assert!(store.copy_to(&copy).await.unwrap().bytes > 200 * 900);
        load.await.unwrap();
        let count = |path: &Path| -> (i64, i64) {
            look(path, |tx| {
                Ok::<_, Error>(
                    tx.query_row("SELECT count(*), max(id) FROM note", [], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?,
                )
            })
            .unwrap()
        };
        let (rows, last) = count(&copy);
        assert!(
            (200..=600).contains(&rows) && last == rows - 1,
            "{rows} rows up to {last}"
        );
        check(&copy, &schema).unwrap();
        assert!(
            store.copy_to(&copy).await.is_err(),
            "a file is not overwritten"
        );
        assert!(matches!(check(&copy, &[]), Err(Error::Newer { .. })));
        let mut bytes = std::fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4_096].fill(0x5a);
        let torn = dir.path().join("torn.db");
        Disk::real().replace(&torn, &bytes).unwrap();
        assert!(check(&torn, &schema).is_err());
    }
}
