//! The way in from afar: the management address, for operators with a listed certificate.

use std::sync::Arc;

use super::desk::{Asker, Desk};
use super::message::{Answer, Ask};
use super::socket::not_understood;
use super::{LONGEST, PATH};
use crate::gauge::Text;
use crate::https::{Handler, Method, Peer, Request, Response, StatusCode};
use crate::journal::{self, ids};
use crate::trust::directory::Fingerprint;
use crate::trust::operators::{Operator, Operators};

/// Answers at the management address. Its server judges chains; here it is decided who is an operator.
#[derive(Debug)]
pub struct Door {
    desk: Arc<Desk>,
    operators: Operators,
}

impl Door {
    /// A door for `operators` alone.
    #[must_use]
    pub fn new(desk: Arc<Desk>, operators: Operators) -> Self {
        Self { desk, operators }
    }

    /// The operator whose certificate the peer showed.
    #[must_use]
    pub fn operator(&self, peer: &Peer) -> Option<&Operator> {
        self.operators.find(&Fingerprint(peer.fingerprint?))
    }
}

impl Handler for Door {
    async fn handle(&self, mut request: Request) -> Response {
        let Some(operator) = self.operator(&request.peer) else {
            return stranger(&request.peer);
        };
        if request.path != PATH || request.method != Method::POST {
            let text = Text::new("không có gì ở đây", "nothing is here");
            return Response::json(StatusCode::NOT_FOUND, &Answer::Refused(text));
        }
        let body = match request.body.read_all(LONGEST).await {
            Ok(body) => body,
            Err(error) => {
                let text = Text::new(format!("không đọc được: {error}"), error.to_string());
                return Response::json(StatusCode::BAD_REQUEST, &Answer::Refused(text));
            }
        };
        let answer = match serde_json::from_slice::<Ask>(&body) {
            Ok(ask) => {
                self.desk
                    .answer(&Asker::Operator(operator.clone()), ask)
                    .await
            }
            Err(error) => not_understood(&error),
        };
        Response::json(StatusCode::OK, &answer)
    }
}

fn stranger(peer: &Peer) -> Response {
    let shown = peer.fingerprint.map_or_else(
        || "no certificate".to_owned(),
        |print| Fingerprint(print).to_string(),
    );
    journal::line(&ids::OPERATOR_REFUSED)
        .peer(peer.address)
        .reason(format_args!("{shown} is no operator's certificate"))
        .next("list its fingerprint under [[control.operators]], if this person is to operate here")
        .say("a stranger at the management address was refused");
    Response::json(
        StatusCode::FORBIDDEN,
        &Answer::Refused(Text::new(
            format!("chứng thư {shown} không thuộc người vận hành nào của máy này"),
            format!("certificate {shown} belongs to no operator of this machine"),
        )),
    )
}
