//! A test's own exchange in a throw-away directory, and what its software does all the time.

pub mod authority;
pub mod boxes;
pub mod vxp;
pub mod desks;
pub mod inside;
pub mod machines;
pub mod operators;
pub mod token;
pub mod volatile;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use trucgate::clock::{Clock, Moment};
use trucgate::cmd::demo::documents::Draft;
use trucgate::cmd::demo::exchange::Exchange;
use trucgate::durable::Disk;
use trucgate::packet::MemberId;
use trucgate::provision::lab::{BoxPlan, MemberPlan, Plan};
use trucgate::provision::token::Kind;
use trucgate::vxp::client::{Sending, Software};
use trucgate::vxp::{MessageType, Transport};

/// The member of the first box.
pub const SENDER: &str = "000.00.00.G22";
/// The members of the second box.
pub const RECEIVERS: [&str; 3] = ["000.00.00.H41", "000.00.00.H14", "000.00.00.H17"];
/// How long an event is waited for.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// A running exchange that goes away with the test.
pub struct World {
    pub exchange: Exchange,
    pub directory: TempDir,
}

impl World {
    /// One box with [`SENDER`], one with [`RECEIVERS`].
    pub fn start() -> Self {
        Self::with(&plan())
    }

    pub fn with(plan: &Plan) -> Self {
        Self::run_by(executable(), plan, tempfile::tempdir().unwrap())
    }

    /// All processes are started by `executable`, which may lie in `directory`.
    pub fn run_by(executable: &Path, plan: &Plan, directory: TempDir) -> Self {
        let exchange = Exchange::start(plan, &directory.path().join("lab"), executable).unwrap();
        Self {
            exchange,
            directory,
        }
    }

    pub fn software(&self, code: &str) -> Software {
        self.exchange.software(&member(code)).unwrap()
    }

    /// Software that knows no TLS.
    pub fn plain_software(&self, code: &str) -> Software {
        let (machine, tenant) = self.exchange.tenant(&member(code)).unwrap();
        let endpoint = format!("http://{}/XrdAdapter/adapter", machine.plain);
        let (systemid, secret) = (&tenant.systemid, &tenant.secret);
        Software::new(&endpoint, systemid, secret, None, &Clock::system()).unwrap()
    }
}

/// The program under test.
pub fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_trucgate"))
}

/// One box with [`SENDER`], one with [`RECEIVERS`]; P-256, since the token makes such keys fast.
pub fn plan() -> Plan {
    let planned = |code: &str| MemberPlan {
        code: member(code),
        name: format!("Cơ quan {code}"),
    };
    Plan {
        hub: member("00.01.W00"),
        boxes: vec![
            BoxPlan {
                code: member("00.02.W00"),
                members: vec![planned(SENDER)],
            },
            BoxPlan {
                code: member("00.03.W00"),
                members: RECEIVERS.into_iter().map(planned).collect(),
            },
        ],
        listed: Vec::new(),
        seal_keys: Kind::P256,
        slow_token_ms: None,
        clock: None,
    }
}

pub fn member(code: &str) -> MemberId {
    code.parse().unwrap()
}

/// Writes a file anew.
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    Disk::real().replace(path, content.as_ref()).unwrap();
}

pub fn now() -> Moment {
    Clock::system().now()
}

/// A new document of [`SENDER`].
pub fn document(to: &[&str], number: u32) -> Draft {
    let to: Vec<MemberId> = to.iter().map(|code| member(code)).collect();
    Draft::new(&member(SENDER), &to, number, now())
}

/// Sends and gives the DocId.
pub async fn send(software: &Software, edxml: Vec<u8>) -> String {
    let (mut polls, edoc) = (Polls::start(), sending(MessageType::Edoc));
    let reply = loop {
        polls.next().await;
        match software.send(&edoc, edxml.clone().into()).await {
            // At a start the signer may not hold the box's key yet, and no handshake comes to its end.
            Err(error) if error.to_string().contains("AccessDenied") => {}
            reply => break reply.unwrap(),
        }
    };
    assert!(reply.is_ok(), "{reply:?}");
    reply.doc_id().unwrap().to_owned()
}

pub fn sending(message_type: MessageType) -> Sending {
    Sending {
        from: None,
        to: None,
        message_type,
    }
}

/// Asks for the list again and again until it has `count` rows, as software does.
pub async fn received(software: &Software, count: usize) -> Vec<Value> {
    until(async || {
        let reply = software.received(MessageType::Edoc).await.ok()?;
        let rows = reply.rows().to_vec();
        assert!(rows.len() <= count, "more than {count}: {rows:?}");
        (rows.len() == count).then_some(rows)
    })
    .await
}

/// Says *done* of a document, as software does that has stored it.
pub async fn confirm(software: &Software, doc: &str) {
    let done = software.update_status(doc, Transport::Done, None).await;
    assert!(done.unwrap().is_ok());
}

/// Confirms the one document that is offered; gives its docId.
pub async fn collect(software: &Software) -> String {
    let doc = received(software, 1).await[0]["docId"]
        .as_str()
        .unwrap()
        .to_owned();
    confirm(software, &doc).await;
    doc
}

/// Asks until every recipient of `doc` has that `receiveStatus`.
pub async fn sent_as(software: &Software, doc: &str, status: Transport) -> Vec<Value> {
    until(async || {
        let reply = software.sent(MessageType::Edoc).await.ok()?;
        let rows: Vec<Value> = reply
            .rows()
            .iter()
            .filter(|row| row["senderDocId"] == doc)
            .cloned()
            .collect();
        let all = !rows.is_empty()
            && rows
                .iter()
                .all(|row| row["receiveStatus"] == status.as_str());
        all.then_some(rows)
    })
    .await
}

/// Polls what only polling shows, as the SDK's software does; fails after [`PATIENCE`].
pub async fn until<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let mut polls = Polls::start();
    loop {
        polls.next().await;
        if let Some(answer) = ask().await {
            return answer;
        }
    }
}

/// The rhythm of a software that polls; fails after [`PATIENCE`].
pub struct Polls {
    tick: tokio::time::Interval,
    end: tokio::time::Instant,
}

impl Polls {
    pub fn start() -> Self {
        Self {
            tick: tokio::time::interval(Duration::from_millis(50)),
            end: tokio::time::Instant::now() + PATIENCE,
        }
    }

    pub async fn next(&mut self) {
        self.tick.tick().await;
        assert!(tokio::time::Instant::now() < self.end, "waited in vain");
    }
}
