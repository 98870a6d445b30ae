//! An answer.

use std::io;
use std::path::Path;

use bytes::Bytes;
use hyper::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use tokio::sync::mpsc;

use super::content::Content;
use super::outgoing::Outgoing;
use super::range::{Wanted, wanted};
use super::{header, problem};

/// An answer to a request.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The header fields; length and date are added on the way out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Outgoing,
}

impl Response {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Outgoing::default(),
        }
    }

    /// An answer whose body is `body`, of the media type `content_type`.
    #[must_use]
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Outgoing>) -> Self {
        let mut response = Self::empty(status);
        response.body = body.into();
        response.with(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// An answer in one buffer.
    #[must_use]
    pub fn bytes(status: StatusCode, content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::new(status, content_type, bytes.into())
    }

    /// A line of plain text.
    #[must_use]
    pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", text)
    }

    /// `value` as JSON; a value that JSON can't say is a fault of ours and answered as one.
    #[must_use]
    pub fn json(status: StatusCode, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(text) => Self::bytes(status, "application/json", text),
            Err(_) => Self::text(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        }
    }

    /// What a task hands over chunk by chunk; see [`Outgoing::channel`] for `length`.
    #[must_use]
    pub fn stream(
        status: StatusCode,
        content_type: &'static str,
        length: Option<u64>,
        chunks: mpsc::Receiver<io::Result<Bytes>>,
    ) -> Self {
        Self::new(status, content_type, Outgoing::channel(chunks, length))
    }

    /// A content, or the one range of it that the request's headers ask for (200, 206 or 416).
    #[must_use]
    pub fn content(
        request: &HeaderMap,
        content_type: &'static str,
        content: Content,
        etag: Option<HeaderValue>,
    ) -> Self {
        let length = content.length();
        let mut response = match wanted(request, length, etag.as_ref()) {
            Wanted::Whole => Self::new(StatusCode::OK, content_type, content),
            Wanted::Part(at) => {
                let named = format!("bytes {}-{}/{length}", at.start, at.end.saturating_sub(1));
                Self::new(StatusCode::PARTIAL_CONTENT, content_type, content.slice(at))
                    .with_text(header::CONTENT_RANGE, &named)
            }
            Wanted::Nothing => Self::from(problem::no_such_range(length))
                .with_text(header::CONTENT_RANGE, &format!("bytes */{length}")),
        };
        response
            .headers
            .insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if let Some(etag) = etag {
            response.headers.insert(header::ETAG, etag);
        }
        response
    }

    /// A whole file, or the one range of it that the request's headers ask for.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub async fn file(
        request: &HeaderMap,
        content_type: &'static str,
        path: &Path,
        etag: Option<HeaderValue>,
    ) -> io::Result<Self> {
        let content = Content::new().then_file(path, None).await?;
        Ok(Self::content(request, content_type, content, etag))
    }

    /// Sets a header field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets a header field to a text; one that no header can carry is left out.
    #[must_use]
    pub fn with_text(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}
