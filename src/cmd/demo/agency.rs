//! One agency's software: it sends, lists, takes and confirms through the VXP calls and knows nothing else.

use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};

use ring::digest::{Context, SHA256};

use super::cast;
use super::screen::Fault;
use crate::https::{Body, Bytes, Content};
use crate::packet::{Digest, DocId, Envelope, Limits, MemberId, Reader};
use crate::retry::Class;
use crate::vxp::client::{Error, Reply, Sending, Software};
use crate::vxp::{MessageType, Transport};

/// How long an event is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(40);
/// How often lists are asked for.
const TICK: Duration = Duration::from_millis(25);

/// An agency with its software.
#[derive(Debug)]
pub(super) struct Agency {
    pub(super) code: MemberId,
    pub(super) software: Software,
    /// What it was given, by its own docId.
    pub(super) taken: HashMap<DocId, Taken>,
}

/// A packet that came out at an agency.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) doc: DocId,
    pub(super) message_type: MessageType,
    pub(super) envelope: Envelope,
    pub(super) digest: Digest,
    pub(super) size: u64,
}

/// The answer to a sending.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) doc: DocId,
    /// How long the software waited for it, without repetitions.
    pub(super) time: Duration,
    /// How often the connection broke before.
    pub(super) repeated: u32,
}

/// Which call fetches documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// `getEdoc`: base64 in JSON.
    Get,
    /// `downloadEdoc`: the raw bytes, in flat memory.
    Download,
}

impl Agency {
    pub(super) fn short(&self) -> &str {
        cast::short(self.code.as_str())
    }

    /// Takes `count` packets that it has not seen, each exactly once.
    pub(super) async fn take(
        &mut self,
        kind: MessageType,
        count: usize,
        by: By,
    ) -> Result<Vec<Taken>, Fault> {
        let what = format!(
            "{} nhận được {count} gói tin mới / {} gets {count} new packets",
            self.short(),
            self.short()
        );
        let mut new = Vec::new();
        let mut tick = tokio::time::interval(TICK);
        let end = Instant::now() + PATIENCE;
        while new.len() < count {
            tick.tick().await;
            if Instant::now() > end {
                return Err(Fault::new(what, format!("{} sau / after 40 s", new.len())));
            }
            for doc in self.offered(kind).await? {
                if self.taken.contains_key(&doc) {
                    continue;
                }
                let taken = self.fetch(doc, kind, by).await?;
                self.taken.insert(doc, taken.clone());
                new.push(taken);
            }
        }
        if new.len() > count {
            return Err(Fault::new(what, new.len().to_string()));
        }
        Ok(new)
    }

    /// The docIds of `getReceivedEdocList`.
    pub(super) async fn offered(&self, kind: MessageType) -> Result<Vec<DocId>, Fault> {
        let reply = again(|| self.software.received(kind)).await?;
        let reply = fine("getReceivedEdocList", reply)?;
        let ids = reply.rows().iter().map(|row| {
            let id = row["docId"].as_str().unwrap_or_default();
            id.parse().map_err(|_| Fault::new("docId", row.to_string()))
        });
        ids.collect()
    }

    async fn fetch(&self, doc: DocId, kind: MessageType, by: By) -> Result<Taken, Fault> {
        let id = doc.to_string();
        let mut reading = Reading::new();
        match by {
            By::Get => {
                let reply = fine("getEdoc", again(|| self.software.get(&id)).await?)?;
                let bytes = reply
                    .document()
                    .ok_or_else(|| Fault::new("getEdoc: data", "không có / none"))?;
                reading.feed(&bytes)?;
            }
            By::Download => {
                let answer = again(|| self.software.download(&id, None)).await?;
                reading.drain(answer.body).await?;
            }
        }
        reading.finish(doc, kind)
    }

    /// `updateStatus`.
    pub(super) async fn confirm(
        &self,
        doc: DocId,
        status: Transport,
        reason: Option<&str>,
    ) -> Result<(), Fault> {
        let id = doc.to_string();
        let reply = again(|| self.software.update_status(&id, status, reason)).await?;
        fine("updateStatus", reply).map(drop)
    }

    /// Takes `count` documents and confirms each with *done*.
    pub(super) async fn collect(
        &mut self,
        kind: MessageType,
        count: usize,
        by: By,
    ) -> Result<Vec<Taken>, Fault> {
        let taken = self.take(kind, count, by).await?;
        for one in &taken {
            self.confirm(one.doc, Transport::Done, None).await?;
        }
        Ok(taken)
    }

    /// The proof that the box gives for a document that this agency sent or got.
    pub(super) async fn proof(&self, doc: DocId) -> Result<Bytes, Fault> {
        let id = doc.to_string();
        let mut answer = again(|| self.software.proof(&id)).await?;
        let proof = answer.body.read_all(16 << 20).await;
        proof.map_err(|error| Fault::new("proofEdoc", error.to_string()))
    }
}

/// `sendEdoc`, repeated as software does when the connection breaks, until an answer comes.
pub(super) async fn send(
    software: &Software,
    kind: MessageType,
    content: &Content,
    digest: &Digest,
) -> Result<Answer, Fault> {
    let sending = Sending {
        from: None,
        to: None,
        message_type: kind,
    };
    let mut repeated = 0;
    let end = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tick.tick().await;
        let began = Instant::now();
        match software
            .send_content(&sending, content.clone(), digest)
            .await
        {
            Ok(reply) => {
                let reply = fine("sendEdoc", reply)?;
                let doc = reply.doc_id().and_then(|id| id.parse().ok());
                return Ok(Answer {
                    doc: doc.ok_or_else(|| Fault::new("DocId", format!("{reply:?}")))?,
                    time: began.elapsed(),
                    repeated,
                });
            }
            Err(error) if error.class() == Class::Retry && Instant::now() < end => repeated += 1,
            Err(error) => return Err(Fault::new("sendEdoc trả DocId", error.to_string())),
        }
    }
}

/// Asks once more while the connection breaks.
async fn again<T, F: Future<Output = Result<T, Error>>>(ask: impl Fn() -> F) -> Result<T, Fault> {
    let end = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(100));
    loop {
        tick.tick().await;
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error.class() == Class::Retry && Instant::now() < end => {}
            Err(error) => {
                return Err(Fault::new(
                    "máy chủ bảo mật trả lời / the box answers",
                    error.to_string(),
                ));
            }
        }
    }
}

pub(super) fn fine(call: &str, reply: Reply) -> Result<Reply, Fault> {
    if reply.is_ok() {
        Ok(reply)
    } else {
        let came = format!("ErrorCode {}: {}", reply.code, reply.desc);
        Err(Fault::new(format!("{call}: OK"), came))
    }
}

/// Hashes and reads a packet on its way out, whatever its size.
struct Reading {
    hash: Context,
    size: u64,
    reader: Reader,
}

impl Reading {
    fn new() -> Self {
        Self {
            hash: Context::new(&SHA256),
            size: 0,
            reader: Reader::new(Limits::default()),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.reader.feed(bytes).map_err(|error| not_edxml(&error))
    }

    async fn drain(&mut self, mut body: Body) -> Result<(), Fault> {
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|error| Fault::new("downloadEdoc", error.to_string()))?;
            self.feed(&piece)?;
        }
        Ok(())
    }

    fn finish(self, doc: DocId, message_type: MessageType) -> Result<Taken, Fault> {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.hash.finish().as_ref());
        Ok(Taken {
            doc,
            message_type,
            envelope: self.reader.finish().map_err(|error| not_edxml(&error))?,
            digest: Digest::from_bytes(digest),
            size: self.size,
        })
    }
}

fn not_edxml(error: &crate::packet::Invalid) -> Fault {
    Fault::new("edXML", error.reason_vi())
}
