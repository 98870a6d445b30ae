//! Answers in the SDK's JSON: `status`, `ErrorCode` and `ErrorDesc` are always there.

use std::io;

use bytes::Bytes;
use time::UtcOffset;
use tokio::sync::mpsc;

use super::super::quota::Turn;
use super::super::refusal::{ErrorCode, Refusal};
use super::super::rows::Row;
use crate::https::{self, Response, StatusCode};

const JSON: &str = "application/json; charset=utf-8";
/// The head of every success, still open for more members.
const OK: &str = r#"{"status":"OK","ErrorCode":"0","ErrorDesc":"Thành công""#;
/// Size from which a list is written while it is made, in bytes.
const PIECE: usize = 64 * 1024;
/// Pieces of an answer that wait for the software to read.
const PIECES: usize = 2;

/// A success that says no more.
pub(super) fn ok() -> Response {
    json(StatusCode::OK, format!("{OK}}}"))
}

/// A success with one more member, whose value is written as JSON.
pub(super) fn ok_with(name: &str, value: &str) -> Response {
    json(StatusCode::OK, format!("{OK},\"{name}\":{value}}}"))
}

/// The text in front of a member `data` that is a JSON string, and the one behind it.
pub(super) fn around_data() -> (Vec<u8>, &'static [u8]) {
    (format!("{OK},\"data\":\"").into_bytes(), b"\"}")
}

/// A refusal, with HTTP status 200: the SDK shows the reason only then.
pub(super) fn refused(refusal: &Refusal) -> Response {
    refused_with(StatusCode::OK, refusal)
}

/// A refusal of what is no call at all.
pub(super) fn refused_with(status: StatusCode, refusal: &Refusal) -> Response {
    let reason = serde_json::Value::from(refusal.reason_vi.as_str());
    let code = refusal.code.number();
    json(
        status,
        format!(r#"{{"status":"FAIL","ErrorCode":"{code}","ErrorDesc":{reason}}}"#),
    )
}

/// The refusal of a request whose body did not come as it should.
pub(super) fn broken_body(error: &https::Error) -> Refusal {
    let reason = match error {
        https::Error::TooLarge { limit } => format!(
            "Nội dung gửi lên lớn hơn mức cho phép ({limit} byte); giảm dung lượng tệp đính kèm rồi gửi lại."
        ),
        _ => {
            "Kết nối bị ngắt khi đang nhận nội dung; kiểm tra đường truyền rồi gửi lại.".to_owned()
        }
    };
    Refusal::new(ErrorCode::FileInvalid, reason)
}

fn json(status: StatusCode, text: impl Into<Bytes>) -> Response {
    Response::bytes(status, JSON, text)
}

/// An answer made piece by piece; the system's turn is held until the last piece is taken.
pub(super) fn stream<F>(
    length: Option<u64>,
    turn: Turn,
    make: impl FnOnce(mpsc::Sender<io::Result<Bytes>>) -> F,
) -> Response
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (pieces, taken) = mpsc::channel(PIECES);
    let made = tokio::spawn(make(pieces.clone()));
    tokio::spawn(async move {
        let done = made
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the answer's source broke")));
        if let Err(error) = done {
            // The software went away if this fails, and then nobody wants to know.
            let _ = pieces.send(Err(error)).await;
        }
        drop(turn);
    });
    Response::stream(StatusCode::OK, JSON, length, taken)
}

/// A success with `data`: short lists in one buffer, long ones while they are made.
pub(super) fn list<R: Row>(
    mut rows: impl Iterator<Item = R> + Send + 'static,
    zone: UtcOffset,
    turn: Turn,
) -> Response {
    let mut text = format!("{OK},\"data\":[").into_bytes();
    let mut first = true;
    if fill(&mut text, &mut rows, &mut first, zone) {
        return json(StatusCode::OK, text);
    }
    stream(None, turn, move |pieces| async move {
        loop {
            if pieces.send(Ok(text.into())).await.is_err() {
                return Ok(());
            }
            text = Vec::with_capacity(PIECE + PIECE / 8);
            if fill(&mut text, &mut rows, &mut first, zone) {
                let _ = pieces.send(Ok(text.into())).await;
                return Ok(());
            }
        }
    })
}

/// Adds rows until a piece is full; with the last row the end, and then `true`.
fn fill<R: Row>(
    text: &mut Vec<u8>,
    rows: &mut impl Iterator<Item = R>,
    first: &mut bool,
    zone: UtcOffset,
) -> bool {
    while text.len() < PIECE {
        let Some(row) = rows.next() else {
            text.extend_from_slice(b"]}");
            return true;
        };
        if !std::mem::take(first) {
            text.push(b',');
        }
        text.extend_from_slice(&row.json(zone));
    }
    false
}
