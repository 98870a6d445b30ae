//! An answer as the SDK reads it.

use serde_json::{Map, Value};

use super::Error;
use crate::https::StatusCode;

/// The JSON of an answer with its three standing members.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub http: u16,
    /// `status`: `OK` or `FAIL`.
    pub status: String,
    /// `ErrorCode`; `0` is success.
    pub code: String,
    /// `ErrorDesc`.
    pub desc: String,
    /// All members.
    pub json: Map<String, Value>,
}

impl Reply {
    /// Reads an answer's body.
    ///
    /// # Errors
    /// [`Error::NotAnswer`].
    pub fn read(status: StatusCode, body: &[u8]) -> Result<Self, Error> {
        let not_answer = || Error::NotAnswer {
            status: status.as_u16(),
            body: String::from_utf8_lossy(body).chars().take(200).collect(),
        };
        let json: Map<String, Value> = serde_json::from_slice(body).map_err(|_| not_answer())?;
        let text = |name: &str| {
            let text = json.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(not_answer)
        };
        Ok(Self {
            http: status.as_u16(),
            status: text("status")?,
            code: text("ErrorCode")?,
            desc: text("ErrorDesc")?,
            json,
        })
    }

    /// Whether it is a success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status == "OK" && self.code == "0"
    }

    /// `DocId` of `sendEdoc`.
    #[must_use]
    pub fn doc_id(&self) -> Option<&str> {
        self.json.get("DocId").and_then(Value::as_str)
    }

    /// `count` of the counts.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.json.get("count").and_then(Value::as_u64)
    }

    /// The rows of a list; empty where there are none.
    #[must_use]
    pub fn rows(&self) -> &[Value] {
        self.json
            .get("data")
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The document of `getEdoc`.
    #[must_use]
    pub fn document(&self) -> Option<Vec<u8>> {
        let text = self.json.get("data")?.as_str()?;
        data_encoding::BASE64.decode(text.as_bytes()).ok()
    }
}
