use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};

use super::*;
use crate::durable::{Faults, Verdict};
use crate::retry::Class;

const SCHEMA: &[&str] = &["CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"];

fn open(path: &Path) -> Store {
    Store::open(path, Disk::real(), SCHEMA).unwrap()
}

fn add(text: &str) -> impl FnOnce(&Tx<'_>) -> Result<i64, Error> + Send + 'static {
    let text = text.to_owned();
    move |tx| {
        tx.prepare_cached("INSERT INTO note (text) VALUES (?1)")?
            .execute(params![text])?;
        Ok(tx.last_insert_rowid())
    }
}

fn texts(store: &Store) -> Vec<String> {
    store
        .read_blocking(|tx| {
            let mut all = tx.prepare("SELECT text FROM note ORDER BY id")?;
            let rows = all.query_map([], |row| row.get(0))?;
            Ok::<_, Error>(rows.collect::<Result<_, _>>()?)
        })
        .unwrap()
}

/// Fails the commit with the given index and counts them all.
struct FailAt {
    seen: AtomicUsize,
    index: usize,
    verdict: Verdict,
}

impl Faults for FailAt {
    fn next(&self, op: Op) -> Verdict {
        if op == Op::Commit && self.seen.fetch_add(1, Ordering::Relaxed) == self.index {
            self.verdict
        } else {
            Verdict::Do
        }
    }
}

#[test]
fn every_commit_fails_once_and_tells_it_truly() {
    for verdict in [Verdict::NotDone, Verdict::DoneButFailed] {
        // Index 0 is the schema's own commit.
        for index in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("notes");
            let disk = Disk::failing(Arc::new(FailAt {
                seen: AtomicUsize::new(0),
                index,
                verdict,
            }));
            let store = Store::open(&path, disk.clone(), SCHEMA).or_else(|error| {
                assert_eq!((index, error.class()), (0, Class::Retry), "{error}");
                Store::open(&path, disk, SCHEMA)
            });
            let store = store.unwrap();
            let mut surely = Vec::new();
            let mut perhaps = Vec::new();
            for number in 0..6 {
                let text = number.to_string();
                match store.write_blocking(add(&text)) {
                    Ok(_) => surely.push(text),
                    Err(error) => {
                        assert_eq!(error.class(), Class::Retry, "{error}");
                        perhaps.push(text);
                    }
                }
            }
            assert_eq!(perhaps.len(), usize::from(index > 0));
            drop(store);
            let seen = texts(&open(&path));
            for text in &surely {
                assert!(seen.contains(text), "{verdict:?} at {index}: lost {text}");
            }
            let kept = perhaps.iter().all(|text| seen.contains(text));
            assert_eq!(
                seen.len(),
                surely.len() + if kept { perhaps.len() } else { 0 }
            );
            if let Some(first) = perhaps.first() {
                assert_eq!(seen.contains(first), verdict == Verdict::DoneButFailed);
            }
        }
    }
}

/// Holds the writer's thread inside a closure until it is let go, so that a group gathers behind it.
fn hold(store: &Store) -> (std::thread::JoinHandle<()>, mpsc::Sender<()>) {
    let (entered, inside) = mpsc::channel();
    let (go, gate) = mpsc::channel::<()>();
    let store = store.clone();
    let held = std::thread::spawn(move || {
        store
            .write_blocking(move |_| {
                entered.send(()).unwrap();
                gate.recv().unwrap();
                Ok::<_, Error>(())
            })
            .unwrap();
    });
    inside.recv().unwrap();
    (held, go)
}

#[tokio::test]
async fn those_who_wait_share_one_commit_and_fail_alone() {
    #[derive(Debug)]
    enum Refusal {
        Store(Error),
        Unwanted,
    }
    impl From<Error> for Refusal {
        fn from(error: Error) -> Self {
            Self::Store(error)
        }
    }

    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("notes"));
    let (held, go) = hold(&store);
    let good: Vec<_> = (0..20)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.write(add(&format!("good {n}"))).await })
        })
        .collect();
    let other = store.clone();
    let refused = tokio::spawn(async move {
        other
            .write(|tx| -> Result<(), Refusal> {
                add("unwanted")(tx)?;
                Err(Refusal::Unwanted)
            })
            .await
    });
    let other = store.clone();
    let panicked = tokio::spawn(async move {
        other
            .write(|tx| -> Result<(), Refusal> {
                add("half done")(tx)?;
                panic!("planned");
            })
            .await
    });
    let other = store.clone();
    let duplicate = tokio::spawn(async move {
        other
            .write(|tx| add("twice")(tx).and(add("twice")(tx)))
            .await
    });
    while store.0.writer.waiting() < 23 {
        tokio::task::yield_now().await;
    }
    go.send(()).unwrap();
    for one in good {
        one.await.unwrap().unwrap();
    }
    assert!(matches!(refused.await.unwrap(), Err(Refusal::Unwanted)));
    match panicked.await.unwrap() {
        Err(Refusal::Store(error @ Error::Panicked(_))) => {
            assert!(error.to_string().contains("planned"));
            assert_eq!(error.class(), Class::Refuse);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        duplicate.await.unwrap(),
        Err(Error::Constraint(_))
    ));
    held.join().unwrap();
    assert_eq!(texts(&store).len(), 20);
    // The held one ran past its share of work and so committed alone.
    assert!(store.commits() <= 4, "{} commits", store.commits());
}

#[tokio::test]
async fn a_reader_sees_one_snapshot_while_the_writer_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("notes"));
    store.write(add("before")).await.unwrap();
    let (entered, inside) = tokio::sync::oneshot::channel();
    let (go, gate) = mpsc::channel::<()>();
    let reader = store.clone();
    let counts = tokio::spawn(async move {
        reader
            .read(move |tx| -> Result<(i64, i64), Error> {
                let count = || tx.query_row("SELECT count(*) FROM note", [], |row| row.get(0));
                let first = count()?;
                entered.send(()).unwrap();
                gate.recv().unwrap();
                Ok((first, count()?))
            })
            .await
    });
    inside.await.unwrap();
    store.write(add("meanwhile")).await.unwrap();
    go.send(()).unwrap();
    assert_eq!(counts.await.unwrap().unwrap(), (1, 1));
    assert_eq!(texts(&store), ["before", "meanwhile"]);
    let forbidden = store.read(add("by a reader")).await;
    assert!(forbidden.is_err(), "{forbidden:?}");
}

#[test]
fn a_disk_too_full_gives_all_of_the_group_another_try() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("notes"));
    store.write_blocking(add("first")).unwrap();
    let error = store
        .write_blocking(|tx| -> Result<(), Error> {
            tx.execute_batch("PRAGMA max_page_count = 1")?;
            for n in 0..10_000 {
                add(&format!("{n:0>2000}"))(tx)?;
            }
            Ok(())
        })
        .unwrap_err();
    assert_eq!(error.class(), Class::Retry, "{error:?}");
    assert_eq!(texts(&store), ["first"]);
    store
        .write_blocking(|tx| {
            tx.execute_batch("PRAGMA max_page_count = 100000")?;
            add("room again")(tx)
        })
        .unwrap();
    assert_eq!(texts(&store), ["first", "room again"]);
}

#[test]
fn two_releases_share_a_database_until_a_batch_breaks_the_older_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    let colour = |store: &Store| -> Option<String> {
        let asked = store.read_blocking(|tx| {
            Ok::<_, Error>(
                tx.query_row("SELECT colour FROM note WHERE text = 'b'", [], |r| r.get(0))?,
            )
        });
        asked.unwrap()
    };
    drop(open(&path));
    let newer = [SCHEMA[0], "ALTER TABLE note ADD COLUMN colour TEXT;"];
    drop(Store::open(&path, Disk::real(), &newer).unwrap());
    // The newer one has failed: the older one goes on, and then the newer one again.
    let older = open(&path);
    older.write_blocking(add("b")).unwrap();
    assert_eq!(texts(&older), ["b"]);
    drop(older);
    let again = Store::open(&path, Disk::real(), &newer).unwrap();
    assert_eq!(colour(&again), None);
    drop(again);
    let breaking = format!("\n{BREAKS}\nALTER TABLE note RENAME COLUMN text TO words;");
    let newest = [newer[0], newer[1], breaking.as_str()];
    drop(Store::open(&path, Disk::real(), &newest).unwrap());
    // What only adds behind it does not make it readable again.
    let last = [
        newest[0],
        newest[1],
        newest[2],
        "CREATE TABLE extra (id INTEGER);",
    ];
    drop(Store::open(&path, Disk::real(), &last).unwrap());
    for (schema, known) in [(SCHEMA, 1), (&newer, 2)] {
        let error = Store::open(&path, Disk::real(), schema).unwrap_err();
        assert!(
            matches!(error, Error::Newer { found: 4, known: k } if k == known),
            "{error}"
        );
        assert!(error.to_string().contains("later release"), "{error}");
    }
    drop(Store::open(&path, Disk::real(), &newest).unwrap());
}

#[test]
fn the_schema_grows_with_releases_and_never_shrinks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("deep/er/notes");
    drop(open(&path));
    let breaks = format!("{BREAKS}\nALTER TABLE note ADD COLUMN colour TEXT;");
    let later = [SCHEMA[0], &breaks];
    let store = Store::open(&path, Disk::real(), &later).unwrap();
    store
        .write_blocking(|tx| {
            tx.execute("INSERT INTO note (text, colour) VALUES ('a', 'red')", [])?;
            Ok::<_, Error>(())
        })
        .unwrap();
    drop(store);
    let error = Store::open(&path, Disk::real(), SCHEMA).unwrap_err();
    assert!(matches!(error, Error::Newer { found: 2, known: 1 }));
    assert_eq!(error.class(), Class::Fatal);
    let broken = [
        later[0],
        later[1],
        "CREATE TABLE colour (id); CREATE SYNTAX;",
    ];
    assert!(Store::open(&path, Disk::real(), &broken).is_err());
    let store = Store::open(&path, Disk::real(), &later).unwrap();
    assert_eq!(texts(&store), ["a"]);
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes");
    Disk::real().replace(&path, &[7; 8192]).unwrap();
    let error = Store::open(&path, Disk::real(), SCHEMA).unwrap_err();
    assert!(matches!(error, Error::Corrupt(_)), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), [7; 8192]);
}

#[test]
fn duplicates_are_told_from_other_errors() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("notes"));
    let told = store.write_blocking(|tx| {
        add("once")(tx)?;
        let again = tx.execute("INSERT INTO note (text) VALUES ('once')", []);
        let empty = tx.execute("INSERT INTO note (text) VALUES (NULL)", []);
        Ok::<_, Error>((
            Error::is_duplicate(&again.unwrap_err()),
            Error::is_duplicate(&empty.unwrap_err()),
        ))
    });
    assert_eq!(told.unwrap(), (true, false));
}

/// Not a bar but a figure: printed by `cargo test --release --lib store:: -- --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("notes"));
    let (writers, each) = (64, if cfg!(debug_assertions) { 20 } else { 2_000 });
    let started = std::time::Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|w| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..each {
                    store.write(add(&format!("{w} {n}"))).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let (writes, seconds) = (writers * each, started.elapsed().as_secs_f64());
    println!(
        "{writes} writes in {} commits, {:.0} writes/s",
        store.commits(),
        f64::from(writes) / seconds
    );
    assert!(store.commits() < u64::try_from(writes).unwrap());
}
