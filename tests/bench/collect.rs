//! Software that receives: lists, gets, confirms, again and again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use trucgate::https::Method;
use trucgate::vxp::client::Software;

use crate::load::Departures;
use crate::request::{Call, Documents};
use crate::wire::{Connection, Endpoint, find};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Stands for a docId in the templates.
const DOC: &str = "00000000-0000-8000-8000-00000000d0c1";
/// Beyond this the SDK's getEdoc, whole and as base64 in JSON, is no way to fetch a document.
const RAW: usize = 4 << 20;

/// The receiving software of one member.
pub(crate) struct Collector {
    endpoint: Endpoint,
    list: Call,
    get: Call,
    done: Call,
    raw: bool,
    documents: Arc<Documents>,
    departures: Arc<Departures>,
    collected: Arc<AtomicU64>,
    /// Microseconds from departure to the last byte at this software.
    times: std::sync::Mutex<Vec<u32>>,
    stop: AtomicBool,
}

impl Collector {
    pub(crate) fn new(
        endpoint: Endpoint,
        software: &Software,
        secret: &str,
        documents: Arc<Documents>,
        departures: Arc<Departures>,
    ) -> Result<Arc<Self>, Failure> {
        let kind = [("servicetype", "eDoc"), ("messagetype", "edoc")];
        let doc = [("docId", DOC), ("filePath", "/tmp/vxp")];
        let done = [("docId", DOC), ("status", "done")];
        let raw = documents.size() > RAW;
        let post = |call, params, length| {
            Call::new(software, secret, Method::POST, call, params, DOC, length)
        };
        Ok(Arc::new(Self {
            list: post("getReceivedEdocList", &kind, 0)?,
            get: if raw {
                Call::new(software, secret, Method::GET, "downloadEdoc", &doc, DOC, 0)?
            } else {
                post("getEdoc", &doc, 2)?
            },
            done: post("updateStatus", &done, 2)?,
            endpoint,
            raw,
            documents,
            departures,
            collected: Arc::default(),
            times: std::sync::Mutex::default(),
            stop: AtomicBool::new(false),
        }))
    }

    /// Documents collected so far.
    pub(crate) fn count(&self) -> Arc<AtomicU64> {
        self.collected.clone()
    }

    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Sorted microseconds from departure to the last byte here.
    pub(crate) fn times(&self) -> Vec<u32> {
        let mut times = self.lock().clone();
        times.sort_unstable();
        times
    }

    /// Collects over that many connections until it is stopped.
    pub(crate) async fn run(self: Arc<Self>, connections: usize) -> Result<(), Failure> {
        let (give, take) = mpsc::channel::<String>(4_096);
        let take = Arc::new(Mutex::new(take));
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let (own, take) = (self.clone(), take.clone());
            let connection = self.endpoint.connect().await?;
            tasks.push(tokio::spawn(
                async move { own.fetch(connection, &take).await },
            ));
        }
        let mut connection = self.endpoint.connect().await?;
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.stop.load(Ordering::Relaxed) {
            tick.tick().await;
            let before = self.collected.load(Ordering::Relaxed);
            let (_, body) = connection.ask(&[&self.list.head(DOC)]).await?;
            let docs = doc_ids(&body)?;
            let many = docs.len() as u64;
            for doc in docs {
                give.send(doc).await?;
            }
            // The next list would name again what is still on its way to here.
            while self.collected.load(Ordering::Relaxed) < before + many {
                if self.stop.load(Ordering::Relaxed)
                    || tasks.iter().any(tokio::task::JoinHandle::is_finished)
                {
                    break;
                }
                tick.tick().await;
            }
        }
        drop(give);
        for task in tasks {
            task.await??;
        }
        Ok(())
    }

    async fn fetch(
        &self,
        mut connection: Connection,
        take: &Mutex<mpsc::Receiver<String>>,
    ) -> Result<(), Failure> {
        loop {
            let Some(doc) = take.lock().await.recv().await else {
                return Ok(());
            };
            let body: &[u8] = if self.raw { b"" } else { b"{}" };
            let (status, answer) = connection.ask(&[&self.get.head(&doc), body]).await?;
            let index = self
                .index(&answer)
                .ok_or_else(|| format!("{status}: no document in the answer"))?;
            if let Some(time) = self.departures.since(index) {
                self.lock().push(time);
            }
            let (status, _) = connection.ask(&[&self.done.head(&doc), b"{}"]).await?;
            if status != 200 {
                return Err(format!("updateStatus: {status}").into());
            }
            self.collected.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u32>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, answer: &[u8]) -> Option<u32> {
        if self.raw {
            return self.documents.index_of(answer);
        }
        const DATA: &[u8] = b"\"data\":\"";
        let at = find(answer, DATA)? + DATA.len();
        let needed = self.documents.index_ends().div_ceil(3) * 4;
        let start = data_encoding::BASE64
            .decode(answer.get(at..at + needed)?)
            .ok()?;
        self.documents.index_of(&start)
    }
}

fn doc_ids(list: &[u8]) -> Result<Vec<String>, Failure> {
    let list: Value = serde_json::from_slice(list)?;
    let rows = list["data"].as_array().cloned().unwrap_or_default();
    let doc = |row: &Value| row["docId"].as_str().map(str::to_owned);
    Ok(rows.iter().filter_map(doc).collect())
}
