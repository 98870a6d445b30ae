//! The door: which call it is, and which box asks.

use std::str::FromStr;
use std::sync::Arc;

use super::{Error, Hub, box_of, consignment, directory, epochs, handout, head, intake, receipts};
use crate::https::{Handler, HeaderName, Method, Peer, Problem, Request, Response, StatusCode};
use crate::packet::{MemberId, PacketId};
use crate::trust::directory::Directory;
use crate::trust::{Refusal, Trust, Verdict};
use crate::uplink::{
    CHECKPOINTS, CONSIGNMENTS, DIRECTORY, EPOCHS, GIVEN, HEAD, LOG, MAILBOX, PACKETS, RECEIPTS,
    REHEARSAL, TIME,
};

/// Longest JSON message of a box.
const LONGEST_JSON: u64 = 4 << 20;

/// A registered box that asks, and what it is judged by.
#[derive(Debug)]
pub(super) struct Asker {
    /// Its registered code.
    pub(super) code: MemberId,
    pub(super) trust: Arc<Trust>,
    pub(super) directory: Arc<Directory>,
}

impl Asker {
    /// Whether the member is reached through this box.
    ///
    /// # Errors
    /// [`Error::NotYours`].
    pub(super) fn speaks_for(&self, code: &MemberId) -> Result<(), Error> {
        self.directory
            .find(code)
            .and_then(|member| box_of(&self.directory, &member))
            .filter(|owner| *owner == self.code)
            .map(|_| ())
            .ok_or_else(|| Error::NotYours(code.clone()))
    }
}

impl Handler for Hub {
    async fn handle(&self, request: Request) -> Response {
        let address = request.peer.address;
        let identity = request.peer.identity.clone();
        let packet = request
            .path
            .strip_prefix(PACKETS)
            .and_then(|id| id.parse().ok());
        let response = match self.answer(request).await {
            Ok(response) => response,
            Err(error) => {
                match identity {
                    Some(box_) => {
                        error.tell(&format_args!("{} at {address}", box_.code), packet);
                    }
                    None => error.tell(&address, packet),
                }
                Response::from(&error)
            }
        };
        let now = crate::clock::rfc3339(self.clock.now());
        response.with_text(HeaderName::from_static(TIME), &now)
    }
}

impl Hub {
    async fn answer(&self, mut request: Request) -> Result<Response, Error> {
        let asker = self.asker(&request.peer)?;
        if let Some(identity) = &request.peer.identity {
            self.note_shown(identity);
        }
        let query = request.query.take().unwrap_or_default();
        let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
        if let Some(id) = request.path.strip_prefix(PACKETS) {
            let packet: PacketId = id.parse().map_err(|_| Error::Missing)?;
            return match request.method {
                m if m == put => Box::pin(intake::put(self, &asker, packet, request.body)).await,
                m if m == get => handout::get(self, &asker, packet, &argument(&query, "to")?).await,
                _ => Ok(no_such_method()),
            };
        }
        match (request.path.as_str(), request.method) {
            (CONSIGNMENTS, m) if m == post => {
                Box::pin(consignment::take(self, &asker, request.body)).await
            }
            (CHECKPOINTS, m) if m == post => {
                let announcement = json(&mut request.body).await?;
                let announced = self.announce(&asker, &announcement).await?;
                Ok(Response::json(StatusCode::OK, &announced))
            }
            (REHEARSAL, m) if m == post => {
                let announcement = json(&mut request.body).await?;
                self.rehearse(&asker, &announcement)?;
                Ok(Response::empty(StatusCode::NO_CONTENT))
            }
            (MAILBOX, m) if m == post => {
                let ask = json(&mut request.body).await?;
                let mailbox = Box::pin(self.list(&asker, ask)).await?;
                Ok(Response::json(StatusCode::OK, &mailbox))
            }
            (RECEIPTS, m) if m == post => receipts::give(self, &asker, &mut request.body).await,
            (RECEIPTS, m) if m == get => {
                let (after, wait) = (argument(&query, "after")?, argument(&query, "wait")?);
                Box::pin(receipts::take(self, &asker, after, wait)).await
            }
            (DIRECTORY, m) if m == get => {
                let (have, wait) = (argument(&query, "have")?, argument(&query, "wait")?);
                let differences = argument(&query, "differences").is_ok_and(|yes: u8| yes == 1);
                Box::pin(directory::get(self, &asker, (have, differences), wait)).await
            }
            (LOG, m) if m == get => epochs::state(self, &asker, argument(&query, "member")?).await,
            (EPOCHS, m) if m == post => {
                let ask = json(&mut request.body).await?;
                epochs::ask(self, &asker, ask).await
            }
            (GIVEN, m) if m == get => {
                let member = argument(&query, "member")?;
                let (since, after) = (argument(&query, "since")?, argument(&query, "after").ok());
                epochs::given(self, &asker, member, since, after).await
            }
            (HEAD, m) if m == get => head::get(self, argument(&query, "from")?).await,
            (
                CONSIGNMENTS | CHECKPOINTS | REHEARSAL | MAILBOX | RECEIPTS | DIRECTORY | HEAD
                | LOG | EPOCHS | GIVEN,
                _,
            ) => Ok(no_such_method()),
            _ => Err(Error::Missing),
        }
    }

    fn asker(&self, peer: &Peer) -> Result<Asker, Error> {
        let (trust, directory) = {
            let grounds = self.grounds.borrow();
            (grounds.trust.clone(), grounds.directory.clone())
        };
        let directory = directory.ok_or(Error::NoDirectory)?;
        let identity = peer
            .identity
            .as_ref()
            .ok_or_else(|| Error::Stranger(Refusal::new(Verdict::NoCertificate, "")))?;
        let code = directory
            .registered_box(identity)
            .map_err(Error::Stranger)?
            .code
            .clone();
        Ok(Asker {
            code,
            trust,
            directory,
        })
    }
}

async fn json<T: serde::de::DeserializeOwned>(body: &mut crate::https::Body) -> Result<T, Error> {
    let bytes = body.read_all(LONGEST_JSON).await?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Call(error.to_string()))
}

/// An argument of the query; codes and numbers need no escapes, so there are none.
fn argument<T: FromStr>(query: &str, name: &str) -> Result<T, Error> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .ok_or_else(|| Error::Call(format!("the query's {name} is missing or wrong")))
}

fn no_such_method() -> Response {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Phương thức không dùng ở đây (Method Not Allowed)",
    )
    .into()
}
