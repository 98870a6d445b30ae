//! Documents and proofs on their way out.

use super::super::chunks::Wrapped;
use super::super::desk::{self, Desk};
use super::super::headers::Signed;
use super::super::quota::Turn;
use super::super::refusal::{ErrorCode, Refusal};
use super::{Door, answer, params};
use crate::https::{Content, HeaderMap, HeaderValue, Response, StatusCode};

const RAW: &str = "application/octet-stream";

impl<D: Desk> Door<D> {
    /// The document as base64 in JSON, written while it is read.
    pub(super) async fn get(&self, signed: &Signed, turn: Turn) -> Result<Response, Refusal> {
        let doc = params::doc_id(signed, &["docId", "docid"])?;
        let document = self.desk.open(signed.system(), doc).await?;
        let (before, after) = answer::around_data();
        let mut pieces = Wrapped::new(before, document.content, document.size, after);
        let length = pieces.length();
        Ok(answer::stream(Some(length), turn, move |out| async move {
            while let Some(piece) = pieces.next().await? {
                if out.send(Ok(piece)).await.is_err() {
                    break;
                }
            }
            Ok(())
        }))
    }

    /// The document as it is, or the range of it that is asked for.
    pub(super) async fn download(
        &self,
        signed: &Signed,
        headers: &HeaderMap,
    ) -> Result<Response, Refusal> {
        let doc = params::doc_id(signed, &["docId", "docid"])?;
        let document = self.desk.open(signed.system(), doc).await?;
        let size = document.size;
        let content = match document.content {
            desk::Content::Bytes(bytes) => Content::from(bytes),
            desk::Content::File { file, offset } => {
                Content::new().then_stretch(file, offset..offset + size)
            }
        };
        let etag = HeaderValue::from_str(&format!("\"{}\"", document.digest)).ok();
        let response = Response::content(headers, RAW, content, etag);
        if response.status != StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(response);
        }
        let beyond = Refusal::new(
            ErrorCode::NotProcessed,
            format!("Khoảng byte yêu cầu nằm ngoài văn bản; văn bản có {size} byte."),
        );
        let mut refused = answer::refused_with(response.status, &beyond);
        for name in [
            crate::https::header::CONTENT_RANGE,
            crate::https::header::ACCEPT_RANGES,
        ] {
            if let Some(value) = response.headers.get(&name) {
                refused.headers.insert(name, value.clone());
            }
        }
        Ok(refused)
    }

    /// The sealed proof of a document, raw.
    pub(super) async fn proof(&self, signed: &Signed) -> Result<Response, Refusal> {
        let doc = params::doc_id(signed, &["docId", "docid"])?;
        let proof = self.desk.proof(signed.system(), doc).await?;
        Ok(Response::bytes(StatusCode::OK, RAW, proof))
    }
}
