//! A desk in memory that keeps what it is told and refuses, panics or breaks when it is told to.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::clock::{Moment, parse_rfc3339};
use crate::https::Bytes;
use crate::packet::{Digest, DocId, MemberId};
use crate::vxp::{
    Agency, Content, Desk, Document, Intake, MessageType, NewAgency, ReceivedRow, Refusal, Rows,
    SendParams, SentRow, System, Transport, Unit, Window,
};

/// Documents that were sent.
pub(super) type Taken = Arc<Mutex<Vec<(SendParams, Vec<u8>, Digest)>>>;

/// What the desk was asked, as a line of text.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

pub(super) struct Fake {
    /// A document is finished only with a permit of this; there are plenty unless a test takes them.
    pub(super) gate: Arc<Semaphore>,
    pub(super) asked: Asked,
    /// Sent documents, by their docId.
    pub(super) taken: Taken,
    /// Received documents, by whose they are.
    pub(super) waiting: Mutex<HashMap<(String, DocId), Vec<u8>>>,
    pub(super) refusal: Mutex<Option<Refusal>>,
    pub(super) panics: Mutex<bool>,
    /// Whether documents are given as files.
    pub(super) files: Mutex<bool>,
    /// Bytes that a document is shorter than it says.
    pub(super) short: Mutex<u64>,
    pub(super) rows: Mutex<usize>,
    /// The longest piece of a document that was fed.
    pub(super) longest: Arc<AtomicUsize>,
}

pub(super) fn doc(number: u16) -> DocId {
    format!("0190f5fe-9c00-7000-8000-00000000{number:04x}")
        .parse()
        .unwrap()
}

pub(super) fn at() -> Moment {
    parse_rfc3339("2026-11-23T08:00:00Z").unwrap()
}

fn member(code: &str) -> MemberId {
    code.parse().unwrap()
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            gate: Arc::new(Semaphore::new(1_000)),
            asked: Asked::default(),
            taken: Taken::default(),
            waiting: Mutex::default(),
            refusal: Mutex::default(),
            panics: Mutex::default(),
            files: Mutex::default(),
            short: Mutex::default(),
            rows: Mutex::default(),
            longest: Arc::default(),
        }
    }
}

impl Fake {
    fn asked(&self, system: &System, what: String) -> Result<(), Refusal> {
        self.may_panic();
        self.asked
            .lock()
            .unwrap()
            .push(format!("{}: {what}", system.id));
        self.refusal.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn may_panic(&self) {
        assert!(!*self.panics.lock().unwrap(), "the desk was told to panic");
    }

    fn many<T: Send + 'static>(&self, row: impl Fn(u16) -> T + Send + 'static) -> Rows<T> {
        let count = u16::try_from(*self.rows.lock().unwrap()).unwrap();
        Box::new((0..count).map(row))
    }

    pub(super) fn put(&self, owner: &str, doc: DocId, bytes: &[u8]) {
        let key = (owner.to_owned(), doc);
        self.waiting.lock().unwrap().insert(key, bytes.to_vec());
    }
}

impl Desk for Fake {
    type Intake = Taking;

    async fn begin(&self, system: &System, params: SendParams) -> Result<Taking, Refusal> {
        self.asked(system, "begin".to_owned())?;
        Ok(Taking {
            params,
            system: system.id.clone(),
            bytes: Vec::new(),
            longest: Arc::clone(&self.longest),
            gate: Arc::clone(&self.gate),
            asked: Arc::clone(&self.asked),
            taken: Arc::clone(&self.taken),
        })
    }

    async fn received(
        &self,
        system: &System,
        kind: MessageType,
        window: Window,
    ) -> Result<Rows<ReceivedRow>, Refusal> {
        self.asked(system, format!("received {} {window:?}", kind.as_str()))?;
        Ok(self.many(move |number| ReceivedRow {
            doc: doc(number),
            message_type: kind,
            created: at(),
            updated: at(),
            from: member("000.00.00.H41"),
            to: member("000.00.00.G22"),
            status: Transport::Initial,
            status_desc: "Chờ \"nhận\"".to_owned(),
        }))
    }

    async fn sent(
        &self,
        system: &System,
        kind: MessageType,
        window: Window,
    ) -> Result<Rows<SentRow>, Refusal> {
        self.asked(system, format!("sent {} {window:?}", kind.as_str()))?;
        Ok(self.many(move |number| SentRow {
            message_type: kind,
            sender_doc: doc(number),
            receiver_doc: doc(number + 1),
            from: member("000.00.00.G22"),
            to: member("000.00.00.H41"),
            title: "Quyết định".to_owned(),
            notation: "7816/VPCP-TTĐT".to_owned(),
            send_status: Transport::Done,
            send_status_desc: "Trục đã nhận".to_owned(),
            receive_status: Transport::Processing,
            receive_status_desc: "Đang xử lý".to_owned(),
            sent: at(),
            received: None,
        }))
    }

    async fn open(&self, system: &System, doc: DocId) -> Result<Document, Refusal> {
        self.asked(system, format!("open {doc}"))?;
        let waiting = self.waiting.lock().unwrap();
        let key = (system.member.to_string(), doc);
        let bytes = waiting.get(&key).ok_or_else(Refusal::no_such_document)?;
        let size = bytes.len() as u64 + *self.short.lock().unwrap();
        let content = if *self.files.lock().unwrap() {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(b"another document").unwrap();
            file.write_all(bytes).unwrap();
            Content::File {
                file: Arc::new(file),
                offset: 16,
            }
        } else {
            Content::Bytes(bytes.clone().into())
        };
        Ok(Document {
            size,
            digest: Digest::of(bytes),
            content,
        })
    }

    async fn proof(&self, system: &System, doc: DocId) -> Result<Bytes, Refusal> {
        self.asked(system, format!("proof {doc}"))?;
        Ok(Bytes::from_static(b"proof\0"))
    }

    async fn update_status(
        &self,
        system: &System,
        doc: DocId,
        status: Transport,
        description: Option<String>,
    ) -> Result<(), Refusal> {
        let said = description.unwrap_or_default();
        self.asked(system, format!("update {doc} {} {said}", status.as_str()))
    }

    async fn count(&self, system: &System, kind: MessageType) -> Result<u64, Refusal> {
        self.asked(system, format!("count {}", kind.as_str()))?;
        Ok(*self.rows.lock().unwrap() as u64)
    }

    async fn agencies(&self, system: &System, level: Option<u8>) -> Result<Rows<Agency>, Refusal> {
        self.asked(system, format!("agencies {level:?}"))?;
        Ok(self.many(|number| Agency {
            id: u64::from(number),
            pid: None,
            code: format!("H{number}"),
            name: "Ủy ban nhân dân tỉnh".to_owned(),
            mail: String::new(),
            old_code: None,
            code102: Some("000.00.00.H41".to_owned()),
        }))
    }

    async fn units(&self, system: &System, since: Option<u64>) -> Result<Rows<Unit>, Refusal> {
        self.asked(system, format!("units {since:?}"))?;
        Ok(self.many(|number| Unit {
            id: u64::from(number),
            pid: Some(1),
            code: format!("H{number}"),
            name: "Sở".to_owned(),
            mail: String::new(),
            center_code: "00.53.W00".to_owned(),
            version: 8,
            deleted: true,
            modified: at(),
            is_agency: false,
        }))
    }

    async fn register_agency(&self, system: &System, agency: NewAgency) -> Result<(), Refusal> {
        self.asked(system, format!("register {:?} {}", agency.id, agency.name))
    }

    async fn delete_agency(&self, system: &System, code: MemberId) -> Result<(), Refusal> {
        self.asked(system, format!("delete {code}"))
    }
}

pub(super) struct Taking {
    params: SendParams,
    system: String,
    bytes: Vec<u8>,
    longest: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    asked: Asked,
    taken: Taken,
}

impl Intake for Taking {
    async fn feed(&mut self, bytes: Bytes) -> Result<(), Refusal> {
        assert!(!bytes.is_empty());
        self.longest.fetch_max(bytes.len(), Ordering::Relaxed);
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self, digest: Digest, size: u64) -> Result<DocId, Refusal> {
        assert_eq!(self.bytes.len() as u64, size);
        assert_eq!(Digest::of(&self.bytes), digest);
        self.asked
            .lock()
            .unwrap()
            .push(format!("{}: finish", self.system));
        self.gate.acquire().await.unwrap().forget();
        let mut taken = self.taken.lock().unwrap();
        // The same document again has the docId it had.
        let known = taken.iter().position(|(_, _, known)| *known == digest);
        let number = known.unwrap_or(taken.len());
        if known.is_none() {
            taken.push((self.params, self.bytes, digest));
        }
        Ok(doc(u16::try_from(number).unwrap()))
    }
}
