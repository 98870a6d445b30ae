//! Problem answers (RFC 9457), for people first in Vietnamese.

use serde::Serialize;

use super::error::Error;
use super::{HeaderValue, Response, StatusCode, header};

/// The body of a problem answer (RFC 9457).
#[derive(Clone, Debug, Serialize)]
pub struct Problem {
    /// A name of the kind of problem; `about:blank` says no more than the status.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is wrong, in a few words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong this time and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Problem {
    /// A problem that `title` names, Vietnamese first where people read it.
    #[must_use]
    pub fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: title.into(),
            status: status.as_u16(),
            detail: None,
        }
    }

    /// Adds what is wrong this time and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Its JSON, for a problem that is one of several in an answer.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A structure of strings and a number always serialises.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Names the kind of problem by a URI.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = kind.into();
        self
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Self::json(status, &problem);
        response.headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

impl From<&Error> for Response {
    /// The answer to a request whose body failed with `error`.
    fn from(error: &Error) -> Self {
        let problem = match error {
            Error::TooLarge { limit } => too_large(*limit),
            Error::Stalled { .. } => Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "Gửi nội dung quá chậm (Request Timeout)",
            )
            .detail("Nội dung yêu cầu đến quá chậm hoặc bị dừng giữa chừng. Hãy gửi lại."),
            Error::Broken { .. } => Problem::new(
                StatusCode::BAD_REQUEST,
                "Nội dung yêu cầu bị đứt giữa chừng (Bad Request)",
            )
            .detail("Kết nối hoặc khuôn dạng nội dung bị hỏng trước khi nhận đủ. Hãy gửi lại."),
            _ => internal(),
        };
        problem.into()
    }
}

pub(super) fn too_large(limit: u64) -> Problem {
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "Nội dung yêu cầu quá lớn (Content Too Large)",
    )
    .detail(format!("Nội dung được phép dài nhất {limit} byte."))
}

pub(super) fn head_too_large(limit: usize) -> Problem {
    Problem::new(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        "Phần đầu yêu cầu quá lớn (Request Header Fields Too Large)",
    )
    .detail(format!(
        "Dòng yêu cầu và các trường đầu cộng lại được phép dài nhất {limit} byte."
    ))
}

pub(super) fn internal() -> Problem {
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "Lỗi nội bộ (Internal Server Error)",
    )
    .detail("Máy chủ gặp lỗi khi xử lý yêu cầu này. Hãy báo cho người vận hành.")
}

pub(super) fn refused(reason: &str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "Chứng thư bị từ chối (Forbidden)").detail(reason)
}

pub(super) fn no_such_range(length: u64) -> Problem {
    Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        "Khoảng byte yêu cầu không tồn tại (Range Not Satisfiable)",
    )
    .detail(format!("Nội dung có {length} byte."))
}
