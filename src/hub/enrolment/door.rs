//! The door of enrolments: a listener of its own that knows two calls, so that no certificate outside the directory comes
//! near any other.

use tokio::sync::watch;

use super::rate::Rate;
use super::{Refused, judge, keep, state_of};
use crate::clock::Clock;
use crate::https::{Handler, Method, Problem, Request, Response, StatusCode};
use crate::journal::{self, ids};
use crate::packet::MemberId;
use crate::store::Store;
use crate::tls::Grounds;
use crate::trust::{Refusal, Verdict};
use crate::uplink::enrolment::{ENROLMENT, Enrolled, Enrolment, LONGEST_ENROLMENT};

/// What the door is built over.
#[derive(Debug)]
pub struct Parts {
    /// The hub's own code.
    pub hub: MemberId,
    /// A store that has the hub's tables.
    pub store: Store,
    /// Trust in force.
    pub grounds: watch::Receiver<Grounds>,
    /// Time.
    pub clock: Clock,
    /// Calls of one address in a minute.
    pub calls_per_minute: u32,
}

/// Answers `POST` and `GET /v1/enrolment`, and nothing else.
#[derive(Debug)]
pub struct EnrolmentDoor {
    parts: Parts,
    rate: Rate,
}

impl EnrolmentDoor {
    /// A door over the hub's store.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            rate: Rate::new(parts.calls_per_minute),
            parts,
        }
    }

    async fn answer(&self, mut request: Request) -> Result<Enrolled, Refused> {
        let now = self.parts.clock.now();
        if !self.rate.allows(request.peer.address.ip(), now) {
            return Err(Refused::Crowded);
        }
        let shown = request
            .peer
            .fingerprint
            .ok_or_else(|| Refused::Certificate(Refusal::new(Verdict::NoCertificate, "")))?;
        if request.method == Method::GET {
            let state = self
                .parts
                .store
                .read(move |tx| state_of(tx, "tls", &shown.to_vec()));
            return state.await?.map(|(_, state)| state).ok_or(Refused::Unknown);
        }
        let message = request.body.read_all(LONGEST_ENROLMENT).await;
        let message = message.map_err(|error| Refused::Message(error.to_string()))?;
        let message: Enrolment =
            serde_json::from_slice(&message).map_err(|e| Refused::Message(e.to_string()))?;
        // The handshake has proven this certificate's key at this moment.
        if message.tls.fingerprint().map_err(Refused::Certificate)?.0 != shown {
            let detail = "it is not the certificate of this connection";
            return Err(Refused::Certificate(Refusal::new(
                Verdict::AnotherMember,
                detail,
            )));
        }
        let trust = self.parts.grounds.borrow().trust.clone();
        let code = message.box_code.clone();
        let judged = judge(message, &self.parts.hub, &trust, now)?;
        let enrolled = keep(&self.parts.store, judged, now).await?;
        if enrolled == Enrolled::Pending {
            journal::line(&ids::ENROLMENT_PENDING)
                .member(&code)
                .peer(request.peer.address)
                .next("compare the fingerprints with the box's operator, then `trucgate hub admin approve` or `refuse`")
                .say("a box asks to be registered");
        }
        Ok(enrolled)
    }
}

impl Handler for EnrolmentDoor {
    async fn handle(&self, request: Request) -> Response {
        if request.path != ENROLMENT || ![Method::GET, Method::POST].contains(&request.method) {
            return Problem::new(
                StatusCode::FORBIDDEN,
                "Cửa này chỉ nhận đăng ký (Forbidden)",
            )
            .detail("only enrolments are taken here")
            .into();
        }
        let peer = request.peer.address;
        match self.answer(request).await {
            Ok(enrolled) => Response::json(StatusCode::OK, &enrolled),
            Err(refused) => {
                if !matches!(refused, Refused::Unknown) {
                    journal::line(&ids::ENROLMENT_REFUSED)
                        .peer(peer)
                        .reason(&refused)
                        .next("nothing, unless the box is expected: then give its operator a new code with `trucgate hub admin invite`")
                        .say("an enrolment is refused");
                }
                Problem::new(refused.status(), "Đăng ký bị từ chối")
                    .detail(refused.to_string())
                    .into()
            }
        }
    }
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Certificate(_) | Self::Code(_) | Self::Expired(_) | Self::NotInvited(_) => {
                StatusCode::FORBIDDEN
            }
            Self::OtherHub(_) | Self::Members(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Used(_) => StatusCode::CONFLICT,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Message(_) => StatusCode::BAD_REQUEST,
        }
    }
}
