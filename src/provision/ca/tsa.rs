//! The TEST CA's time-stamp authority (RFC 3161) over plain HTTP; its key stays in the token.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Ca, TSA_KEY, Which, told};
use crate::https::{Handler, Method, Request, Response, StatusCode};
use crate::journal;
use crate::provision::token_key::TokenKey;
use crate::signer::cms::Signer;
use crate::trust::stamp::{self, Asked};

/// The policy of its stamps: an OID for examples (RFC 5612), as befits a TEST authority.
const POLICY: &str = "1.3.6.1.4.1.32473.1";

/// Stamps what is asked.
#[derive(Clone, Debug)]
pub struct TsaDesk(Arc<Mutex<Ca>>);

impl TsaDesk {
    /// Stamps with `ca`'s key and clock.
    #[must_use]
    pub fn new(ca: Ca) -> Self {
        Self(Arc::new(Mutex::new(ca)))
    }
}

impl Handler for TsaDesk {
    async fn handle(&self, mut request: Request) -> Response {
        if request.method != Method::POST {
            return Response::empty(StatusCode::METHOD_NOT_ALLOWED);
        }
        let Ok(query) = request.body.read_all(stamp::LONGEST as u64).await else {
            return Response::empty(StatusCode::PAYLOAD_TOO_LARGE);
        };
        let desk = self.0.clone();
        let stamped = tokio::task::spawn_blocking(move || {
            let ca = desk.lock().unwrap_or_else(PoisonError::into_inner);
            ca.stamp(&query)
        });
        let token = match stamped.await.unwrap_or_else(|error| Err(told(error))) {
            Ok(token) => Some(token),
            Err(reason) => {
                journal::line(&journal::ids::SIGNER_REFUSED)
                    .peer(request.peer.address)
                    .step("time stamp")
                    .reason(reason)
                    .next("nothing, if the request is wrong; else look after the CA's token")
                    .warning("a request for a time stamp is refused");
                None
            }
        };
        match stamp::response(token.as_deref()) {
            Ok(der) => Response::bytes(StatusCode::OK, stamp::RESPONSE_TYPE, der),
            Err(_) => Response::empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl Ca {
    fn stamp(&self, query: &[u8]) -> Result<Vec<u8>, String> {
        let asked = Asked::read(query).map_err(told)?;
        let now = self.clock.now();
        let mut serial: [u8; 16] = self.chance.bytes();
        // Positive, and never shortened by a leading zero.
        serial[0] = (serial[0] & 0x7f) | 0x40;
        let info = asked.info(&serial, now, POLICY).map_err(told)?;
        let chain = [
            self.layout.read(&self.layout.tsa())?,
            self.layout.read(&self.layout.certificate(Which::Agency))?,
        ];
        let signer = Signer::new(&chain).map_err(told)?;
        let mut draft = signer
            .draft_enclosing(stamp::CONTENT_TYPE, info, now)
            .map_err(told)?;
        let key = TokenKey::find(&self.bench, TSA_KEY)?;
        let signature = key.sign_message(draft.to_sign()).map_err(told)?;
        if !asked.wants_certificates() {
            draft = draft.bare();
        }
        draft.finish(signature).map_err(told)
    }
}
