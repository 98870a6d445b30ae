//! The TEST CA's OCSP responder (RFC 6960) over plain HTTP, with its revocation lists beside it. The index is read at each
//! question, so that a revocation counts at once; the key stays in the token.

use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::BASE64;

use super::index::{Index, Status};
use super::{Ca, OCSP_KEY, Which, told};
use crate::clock::Moment;
use crate::https::{Handler, Method, Request, Response, StatusCode};
use crate::journal;
use crate::provision::token_key::TokenKey;
use crate::trust::ocsp::{self, Reply, Responder};
use crate::trust::summary;

/// Media type of a revocation list (RFC 2585 section 4.2).
const LIST_TYPE: &str = "application/pkix-crl";

/// Answers questions about what a CA issued.
#[derive(Clone, Debug)]
pub struct OcspDesk(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    ca: Mutex<Ca>,
    /// How long an answer is good.
    life: time::Duration,
}

impl OcspDesk {
    /// Answers for `ca`, each answer good for `minutes`.
    #[must_use]
    pub fn new(ca: Ca, minutes: u32) -> Self {
        Self(Arc::new(Desk {
            ca: Mutex::new(ca),
            life: time::Duration::minutes(i64::from(minutes.max(1))),
        }))
    }

    async fn answer(&self, question: Vec<u8>) -> Response {
        let desk = self.0.clone();
        // The token takes its time, and other questions need none of it.
        let answered = tokio::task::spawn_blocking(move || {
            let ca = desk.ca.lock().unwrap_or_else(PoisonError::into_inner);
            ca.answer(&question, desk.life)
        });
        let answer = answered
            .await
            .unwrap_or_else(|error| Err(Unanswered::Away(told(error))));
        let der = answer.unwrap_or_else(|unanswered| {
            if let Unanswered::Away(reason) = &unanswered {
                journal::line(&journal::ids::TOKEN_AWAY)
                    .step("ocsp")
                    .reason(reason)
                    .next("look after the CA's token and files; questions are answered with tryLater meanwhile")
                    .error("the responder can't answer");
            }
            ocsp::refusal(matches!(unanswered, Unanswered::Away(_)))
        });
        Response::bytes(StatusCode::OK, ocsp::RESPONSE_TYPE, der)
    }

    fn list(&self, path: &str) -> Option<Response> {
        let which = Which::ALL
            .into_iter()
            .find(|which| path.rsplit('/').next() == Some(&format!("{}.crl", which.as_str())))?;
        let ca = self.0.ca.lock().unwrap_or_else(PoisonError::into_inner);
        let list = std::fs::read(ca.layout.list(which)).ok()?;
        Some(Response::bytes(StatusCode::OK, LIST_TYPE, list))
    }
}

impl Handler for OcspDesk {
    async fn handle(&self, mut request: Request) -> Response {
        let (post, get) = (Method::POST, Method::GET);
        match &request.method {
            m if *m == post => match request.body.read_all(ocsp::LONGEST as u64).await {
                Ok(question) => self.answer(question.to_vec()).await,
                Err(_) => Response::empty(StatusCode::PAYLOAD_TOO_LARGE),
            },
            m if *m == get => match self.list(&request.path) {
                Some(list) => list,
                None => match in_path(&request.path) {
                    Some(question) => self.answer(question).await,
                    None => Response::empty(StatusCode::NOT_FOUND),
                },
            },
            _ => Response::empty(StatusCode::METHOD_NOT_ALLOWED),
        }
    }
}

/// A question in the path: base64, then percent-encoded (RFC 6960 appendix A.1).
fn in_path(path: &str) -> Option<Vec<u8>> {
    let text = path
        .replace("%2B", "+")
        .replace("%2b", "+")
        .replace("%2F", "/")
        .replace("%2f", "/")
        .replace("%3D", "=")
        .replace("%3d", "=");
    // Base64 has slashes of its own, so that the question may begin at any of them.
    text.match_indices('/').find_map(|(at, _)| {
        let question = BASE64.decode(&text.as_bytes()[at + 1..]).ok()?;
        (question.first() == Some(&0x30)).then_some(question)
    })
}

enum Unanswered {
    /// The question is none.
    Question,
    /// Token, index or certificates are not at hand.
    Away(String),
}

impl Ca {
    fn answer(&self, question: &[u8], life: time::Duration) -> Result<Vec<u8>, Unanswered> {
        let asked = ocsp::asked(question).map_err(|_| Unanswered::Question)?;
        let away = |why: String| Unanswered::Away(why);
        let index = Index::read(&self.layout).map_err(away)?;
        let key = TokenKey::find(&self.bench, OCSP_KEY).map_err(away)?;
        let now = self.clock.now();
        let mut responder = None;
        for which in Which::ALL {
            let authority = self
                .layout
                .read(&self.layout.certificate(which))
                .map_err(away)?;
            let delegate = self
                .layout
                .read(&self.layout.responder(which))
                .map_err(away)?;
            let one = Responder::new(&authority, Some(&delegate)).map_err(|e| away(told(e)))?;
            // A question about nobody's certificate is answered, too: unknown.
            if one.knows(&asked) || which == Which::Agency && responder.is_none() {
                responder = Some((which, one));
                break;
            }
        }
        let (which, responder) = responder.ok_or(Unanswered::Question)?;
        let own = self.own_serials();
        let sign = |tbs: &[u8]| key.sign_message(tbs).map_err(told);
        let register = |serial: &str| standing(&index, which, &own, serial);
        responder
            .answer(&asked, register, (now, now + life), sign)
            .map_err(|error| away(told(error)))
    }

    /// Serial numbers of the CA's own certificates, which are in no index.
    fn own_serials(&self) -> Vec<String> {
        let authorities = Which::ALL.map(|which| self.layout.certificate(which));
        let responders = Which::ALL.map(|which| self.layout.responder(which));
        authorities
            .into_iter()
            .chain(responders)
            .chain([self.layout.tsa()])
            .filter_map(|path| Some(summary(&self.layout.read(&path).ok()?).ok()?.serial))
            .collect()
    }
}

fn standing(index: &Index, which: Which, own: &[String], serial: &str) -> Reply {
    let line = index.find(serial).filter(|line| line.issuer == which);
    match line.map(|line| line.status) {
        Some(Status::Good) => Reply::Good,
        Some(Status::Revoked { at, .. }) => Reply::Revoked(whole(at)),
        None if own.iter().any(|one| one == serial) => Reply::Good,
        None => Reply::Unknown,
    }
}

/// GeneralizedTime knows whole seconds here.
fn whole(at: Moment) -> Moment {
    at.replace_nanosecond(0).unwrap_or(at)
}
