//! A box's side of the protocol: one call a method, nothing remembered but the connection.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use data_encoding::BASE64;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::consignment::{self, Outcome};
use super::{
    Announced, Announcement, Ask, CHECKPOINTS, CONSIGNMENTS, DIFFERENCE, DIRECTORY, Error, HEAD,
    HubHead, MAILBOX, Mailbox, PACKETS, RECEIPTS, REHEARSAL, TIME, Taken, wire,
};
use crate::clock::{Moment, parse_rfc3339};
use crate::evidence::Head;
use crate::gauge::{Last, Track};
use crate::https::{self, Answer, Body, Client, Content, HeaderMap, Method, StatusCode};
use crate::merkle::Hash;
use crate::packet::{MemberId, PacketId};
use crate::spool;

/// How long a call may take until its answer begins, beside what it waits for.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long sending a large body may take.
const BODY_DEADLINE: Duration = Duration::from_secs(3_600);
/// Longest JSON answer.
const LONGEST_JSON: u64 = 4 << 20;
/// Longest list of receipts.
const LONGEST_LIST: u64 = 256 << 20;

/// A cheap handle to the hub.
#[derive(Clone)]
pub struct Hub {
    client: Client,
    track: Track,
    time: Arc<Mutex<Option<Told>>>,
}

/// What the hub said of the time, and when that came.
type Told = (Moment, Instant);

/// A packet or a directory whose body is on its way.
#[derive(Debug)]
pub struct Fetched {
    /// The sender's seal, or the hub's.
    pub seal: Bytes,
    /// What of the body came with the seal.
    pub start: Bytes,
    /// The rest of it.
    pub rest: Body,
}

/// A directory on its way.
#[derive(Debug)]
pub struct Listing {
    /// The hub's seal over the whole, and what comes of it.
    pub sealed: Fetched,
    /// Whether what comes is only what changed.
    pub is_difference: bool,
}

impl Fetched {
    /// All of the body, if it is no longer than `longest`.
    ///
    /// # Errors
    /// When it is, or breaks off.
    pub async fn whole(mut self, longest: u64) -> Result<Bytes, Error> {
        let mut all = BytesMut::from(self.start);
        all.extend_from_slice(&self.rest.read_all(longest).await?);
        Ok(all.freeze())
    }
}

impl Hub {
    /// Over a connection to the hub.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            track: Track::default(),
            time: Arc::default(),
        }
    }

    /// What came of the last calls: any answer of the hub counts as good, a line that is down or a refused peer as bad.
    #[must_use]
    pub fn last(&self) -> Last {
        self.track.last()
    }

    /// The hub's time now, by the last answer that told it.
    #[must_use]
    pub fn time(&self) -> Option<Moment> {
        let (said, came) = (*self.time.lock().unwrap_or_else(PoisonError::into_inner))?;
        said.checked_add(came.elapsed().try_into().ok()?)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Content,
        deadline: Duration,
    ) -> Result<Answer, https::Error> {
        let answer = self
            .client
            .request(method, path, HeaderMap::new(), body, deadline)
            .await
            .inspect_err(|error| self.track.bad(error))?;
        self.track.good();
        let time = answer.headers.get(TIME).and_then(|said| said.to_str().ok());
        if let Some(said) = time.and_then(parse_rfc3339) {
            *self.time.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((said, Instant::now()));
        }
        Ok(answer)
    }

    pub(super) async fn get(&self, path: &str, deadline: Duration) -> Result<Answer, https::Error> {
        self.call(Method::GET, path, Content::new(), deadline).await
    }

    /// Makes a member's head known, shown by `proof` to continue the one of `from` records.
    ///
    /// # Errors
    /// Refuse when the hub finds a fork, or the head's signature or registration wrong.
    pub async fn announce(
        &self,
        head: &Head,
        from: u64,
        proof: &[Hash],
    ) -> Result<Announced, Error> {
        let announcement = Announcement {
            checkpoint: BASE64.encode(&head.body),
            cms: BASE64.encode(&head.cms),
            from,
            proof: proof.iter().map(|hash| BASE64.encode(hash)).collect(),
        };
        self.post(CHECKPOINTS, &announcement, DEADLINE).await
    }

    /// Has the hub judge a head's signature as it judges an announcement, without entering it.
    ///
    /// # Errors
    /// Refuse when the hub would not take it, with its words.
    pub async fn rehearse(&self, head: &Head) -> Result<(), Error> {
        let announcement = Announcement {
            checkpoint: BASE64.encode(&head.body),
            cms: BASE64.encode(&head.cms),
            from: head.size,
            proof: Vec::new(),
        };
        let body =
            serde_json::to_vec(&announcement).map_err(|e| Error::Malformed(e.to_string()))?;
        let content = Content::new().then_bytes(body);
        let answer = self
            .call(Method::POST, REHEARSAL, content, DEADLINE)
            .await?;
        expect_ok(answer).await.map(drop)
    }

    /// Hands a sealed packet over; gives the seal of the hub's *accepted* receipt, unverified. Idempotent by packet id.
    ///
    /// # Errors
    /// Refuse when the hub will never take it; [`Error::is_behind`] when the head is to be announced first.
    pub async fn put(
        &self,
        packet: PacketId,
        seal: &[u8],
        body: Option<&spool::Body>,
    ) -> Result<Vec<u8>, Error> {
        let content = Content::new().then_bytes(wire::framed(seal));
        let (content, deadline) = match body {
            None => (content, DEADLINE),
            Some(spool::Body::Inline(bytes)) => (
                content.then_bytes(Bytes::from_owner(bytes.clone())),
                DEADLINE,
            ),
            Some(spool::Body::File(path)) => (content.then_file(path, None).await?, BODY_DEADLINE),
        };
        let path = format!("{PACKETS}{packet}");
        let answer = self.call(Method::PUT, &path, content, deadline).await?;
        let bytes = whole(answer, LONGEST_JSON).await?;
        let mut seals = wire::seals(&bytes)?;
        match (seals.pop(), seals.is_empty()) {
            (Some(receipt), true) => Ok(receipt),
            _ => Err(Error::Malformed("not exactly one receipt".to_owned())),
        }
    }

    /// Hands many small packets over in one call: seals and bodies of at most [`consignment::LONGEST_BODY`] bytes, at most
    /// [`consignment::MOST`] of them. For each what [`Hub::put`] would give, in their order.
    ///
    /// # Errors
    /// When the call itself failed: nothing is known of any of them.
    pub async fn consign(
        &self,
        packets: &[(Vec<u8>, Bytes)],
    ) -> Result<Vec<Result<Vec<u8>, Error>>, Error> {
        let bytes = consignment::consignment(packets.iter().map(|(s, b)| (&s[..], &b[..])));
        let content = Content::new().then_bytes(bytes);
        let answer = self
            .call(Method::POST, CONSIGNMENTS, content, DEADLINE)
            .await?;
        let outcomes = consignment::outcomes(whole(answer, LONGEST_JSON).await?)?;
        if outcomes.len() != packets.len() {
            return Err(Error::Malformed(format!(
                "{} outcomes of {} packets",
                outcomes.len(),
                packets.len()
            )));
        }
        let outcome = |outcome| match outcome {
            Outcome::Accepted(receipt) => Ok(receipt),
            Outcome::Problem(status, json) => Err(problem(status, &json)),
        };
        Ok(outcomes.into_iter().map(outcome).collect())
    }

    /// Leases packets for this box's members; waits for the first as long as `ask` says.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn mailbox(&self, ask: &Ask) -> Result<Mailbox, Error> {
        let wait = Duration::from_millis(u64::from(ask.wait_ms));
        self.post(MAILBOX, ask, DEADLINE + wait).await
    }

    /// Fetches a packet for one member.
    ///
    /// # Errors
    /// Refuse when the hub has no such packet for that member.
    pub async fn fetch(&self, packet: PacketId, to: &MemberId) -> Result<Fetched, Error> {
        let path = format!("{PACKETS}{packet}?to={to}");
        sealed(self.get(&path, DEADLINE).await?).await
    }

    /// Hands receipts over, a verdict each.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn give_receipts(&self, seals: &[Vec<u8>]) -> Result<Taken, Error> {
        let mut list = Vec::new();
        for seal in seals {
            wire::put(&mut list, seal);
        }
        let answer = self
            .call(
                Method::POST,
                RECEIPTS,
                Content::new().then_bytes(list),
                DEADLINE,
            )
            .await?;
        let taken: Taken = json(answer).await?;
        if taken.verdicts.len() == seals.len() {
            Ok(taken)
        } else {
            Err(Error::Malformed("not one verdict a receipt".to_owned()))
        }
    }

    /// Receipts for this box's members behind position `after`; waits for the first up to `wait`.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn take_receipts(
        &self,
        after: u64,
        wait: Duration,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let path = format!("{RECEIPTS}?after={after}&wait={}", wait.as_millis());
        let answer = self.get(&path, DEADLINE + wait).await?;
        Ok(wire::positioned(&whole(answer, LONGEST_LIST).await?)?)
    }

    /// The directory, when there is a newer one than `have`; waits for it up to `wait`. With `differences` the hub may give
    /// what makes the new one of that which the box has.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn directory(
        &self,
        have: u64,
        wait: Duration,
        differences: bool,
    ) -> Result<Option<Listing>, Error> {
        let path = format!(
            "{DIRECTORY}?have={have}&wait={}&differences={}",
            wait.as_millis(),
            u8::from(differences)
        );
        let answer = self.get(&path, DEADLINE + wait).await?;
        if answer.status == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let kind = answer.headers.get(https::header::CONTENT_TYPE);
        let is_difference = kind.is_some_and(|kind| kind == DIFFERENCE);
        let sealed = sealed(answer).await?;
        Ok(Some(Listing {
            sealed,
            is_difference,
        }))
    }

    /// The hub's newest head, with a proof that it continues the one of `from` records.
    ///
    /// # Errors
    /// When the hub can't be asked.
    pub async fn head(&self, from: u64) -> Result<HubHead, Error> {
        json(self.get(&format!("{HEAD}?from={from}"), DEADLINE).await?).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        message: &impl Serialize,
        deadline: Duration,
    ) -> Result<T, Error> {
        let body = serde_json::to_vec(message).map_err(|e| Error::Malformed(e.to_string()))?;
        let answer = self
            .call(
                Method::POST,
                path,
                Content::new().then_bytes(body),
                deadline,
            )
            .await?;
        json(answer).await
    }
}

pub(super) async fn json<T: DeserializeOwned>(answer: Answer) -> Result<T, Error> {
    let bytes = whole(answer, LONGEST_JSON).await?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Malformed(error.to_string()))
}

/// The seal in front of an answer, and its body as it comes.
async fn sealed(answer: Answer) -> Result<Fetched, Error> {
    let mut body = expect_ok(answer).await?.body;
    let mut first = wire::SealFirst::default();
    while let Some(piece) = body.next().await {
        if let Some((seal, start)) = first.feed(&piece?)? {
            let rest = body;
            return Ok(Fetched { seal, start, rest });
        }
    }
    Err(wire::Malformed::Cut.into())
}

async fn whole(answer: Answer, longest: u64) -> Result<Bytes, Error> {
    let mut answer = expect_ok(answer).await?;
    Ok(answer.body.read_all(longest).await?)
}

async fn expect_ok(mut answer: Answer) -> Result<Answer, Error> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let bytes = answer.body.read_all(LONGEST_JSON).await?;
    Err(problem(answer.status.as_u16(), &bytes))
}

fn problem(status: u16, json: &[u8]) -> Error {
    #[derive(serde::Deserialize, Default)]
    struct Problem {
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(default)]
        title: String,
        #[serde(default)]
        detail: Option<String>,
    }
    let problem: Problem = serde_json::from_slice(json).unwrap_or_default();
    Error::Problem {
        status,
        kind: problem.kind,
        detail: problem.detail.unwrap_or(problem.title),
    }
}
