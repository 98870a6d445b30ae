//! `sendEdoc`: the document streams from the wire into the desk's intake, hashed on its way and never held.

use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit, parse_boundary};

use super::super::body::Sieve;
use super::super::desk::{Desk, Intake, SendParams};
use super::super::headers::Signed;
use super::super::refusal::{ErrorCode, Refusal};
use super::{Door, answer, internal, params};
use crate::https::{Body, Bytes, HeaderMap, Request, Response, header};

/// The part of multipart/form-data that is the document.
const PART: &str = "file_doc";
/// Parts that a form may have; each costs work before anything is known of it.
const PARTS: usize = 32;

impl<D: Desk> Door<D> {
    pub(super) async fn send(
        &self,
        signed: &Signed,
        request: Request,
    ) -> Result<Response, Refusal> {
        let Request {
            headers, mut body, ..
        } = request;
        let params = SendParams {
            from: params::sender(signed)?,
            to: params::recipients(signed)?,
            message_type: params::message_type(signed)?,
            body_len: body.left(),
        };
        body.limit(self.max_document);
        if let Some(length) = params.body_len
            && length > self.max_document
        {
            let limit = self.max_document;
            return Err(answer::broken_body(&crate::https::Error::TooLarge {
                limit,
            }));
        }
        let mut intake = self.desk.begin(signed.system(), params).await?;
        let mut sieve = Sieve::new();
        match form_boundary(&headers) {
            None => raw(&mut body, &mut sieve, &mut intake).await?,
            Some(boundary) => form(body, boundary, &mut sieve, &mut intake).await?,
        }
        let end = sieve.end(signed.get("hash-file"))?;
        if !end.rest.is_empty() {
            intake.feed(Bytes::from_static(end.rest)).await?;
        }
        // A software that goes away now must not leave half of the keeping done.
        let finish = tokio::spawn(async move { intake.finish(end.digest, end.size).await });
        let doc = finish.await.map_err(|_| internal())??;
        Ok(answer::ok_with("DocId", &format!("\"{doc}\"")))
    }
}

async fn raw(body: &mut Body, sieve: &mut Sieve, intake: &mut impl Intake) -> Result<(), Refusal> {
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| answer::broken_body(&error))?;
        pour(chunk, sieve, intake).await?;
    }
    Ok(())
}

async fn pour(chunk: Bytes, sieve: &mut Sieve, intake: &mut impl Intake) -> Result<(), Refusal> {
    for part in sieve.pass(chunk) {
        if !part.is_empty() {
            intake.feed(part).await?;
        }
    }
    Ok(())
}

fn form_boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    parse_boundary(kind).ok()
}

async fn form(
    body: Body,
    boundary: String,
    sieve: &mut Sieve,
    intake: &mut impl Intake,
) -> Result<(), Refusal> {
    let chunks = stream::unfold(body, |mut body| async move {
        body.next().await.map(|chunk| (chunk, body))
    });
    // The body has its own bound; a form's part may fill it.
    let bounds = Constraints::new().size_limit(SizeLimit::new().whole_stream(u64::MAX));
    let mut form = Multipart::with_constraints(Box::pin(chunks), boundary, bounds);
    let mut found = false;
    for _ in 0..PARTS {
        let Some(mut part) = form
            .next_field()
            .await
            .map_err(|error| broken_form(&error))?
        else {
            return if found {
                Ok(())
            } else {
                Err(bad_form(
                    "Biểu mẫu không có phần file_doc chứa tệp văn bản.",
                ))
            };
        };
        if part.name() != Some(PART) {
            continue;
        }
        if std::mem::replace(&mut found, true) {
            return Err(bad_form(
                "Biểu mẫu có nhiều hơn một phần file_doc; mỗi lần chỉ gửi một tệp.",
            ));
        }
        while let Some(chunk) = part.chunk().await.map_err(|error| broken_form(&error))? {
            pour(chunk, sieve, intake).await?;
        }
    }
    Err(bad_form(
        "Biểu mẫu có quá nhiều phần; chỉ gửi một phần file_doc.",
    ))
}

fn broken_form(error: &multer::Error) -> Refusal {
    if let multer::Error::StreamReadFailed(source) = error
        && let Some(error) = source.downcast_ref::<crate::https::Error>()
    {
        return answer::broken_body(error);
    }
    bad_form(
        "Biểu mẫu multipart/form-data không đúng dạng hoặc bị cắt ngang; gửi lại với một phần file_doc.",
    )
}

fn bad_form(reason: &str) -> Refusal {
    Refusal::new(ErrorCode::FileInvalid, reason)
}
