//! The door itself: every request that comes here is answered in JSON that the SDK understands, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::watch;

use super::call::{Call, Route, route};
use super::config::Config;
use super::desk::Desk;
use super::headers::{Freshness, Signed, Unproven};
use super::quota::Quotas;
use super::refusal::{ErrorCode, Refusal};
use super::systems::{self, Systems};
use crate::clock::Clock;
use crate::https::{Handler, HeaderMap, Request, Response, StatusCode, header};
use crate::journal;

mod answer;
mod fetch;
mod lists;
mod params;
mod send;

/// Largest body of a call that is not `sendEdoc`, in bytes.
const SMALL_BODY: u64 = 256 * 1024;

/// Most bytes of a request's headers: 500 recipients stand there twice.
const LARGEST_HEAD: usize = 64 * 1024;

/// Answers the software's requests over a [`Desk`].
#[derive(Debug)]
pub struct Door<D> {
    desk: Arc<D>,
    systems: watch::Receiver<Arc<Systems>>,
    prefixes: Vec<String>,
    freshness: Freshness,
    max_document: u64,
    quotas: Quotas,
    clock: Clock,
}

impl<D: Desk> Door<D> {
    /// A door over `desk`; whoever holds the sender of `systems` may replace them while requests run.
    #[must_use]
    pub fn new(
        desk: Arc<D>,
        systems: watch::Receiver<Arc<Systems>>,
        config: &Config,
        clock: Clock,
    ) -> Self {
        Self {
            desk,
            systems,
            prefixes: config.prefixes.clone(),
            freshness: config.freshness(),
            max_document: config.max_document_bytes,
            quotas: Quotas::new(config.quota.clone()),
            clock,
        }
    }

    async fn answer(&self, request: Request) -> Response {
        let head: usize = pairs(&request.headers)
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        if head > LARGEST_HEAD {
            let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            return answer::refused_with(status, &head_too_large());
        }
        let call = match route(&self.prefixes, &request.path, request.query.as_deref()) {
            Route::Call(call) => call,
            Route::Forward => return answer::refused(&no_service_calls()),
            Route::Unknown => return answer::refused_with(StatusCode::NOT_FOUND, &no_such_call()),
        };
        let methods = call.methods();
        if !methods.contains(&request.method.as_str()) {
            return answer::refused_with(StatusCode::METHOD_NOT_ALLOWED, &wrong_method(call))
                .with_text(header::ALLOW, &methods.join(", "));
        }
        match self.serve(call, request).await {
            Ok(response) => response,
            Err(refusal) => answer::refused(&refusal),
        }
    }

    async fn serve(&self, call: Call, mut request: Request) -> Result<Response, Refusal> {
        let signed = self.prove(&request)?;
        let turn = self.quotas.turn(&signed.system().id).await?;
        if call == Call::SendEdoc {
            return self.send(&signed, request).await;
        }
        // Read also where it means nothing: Java waits for the `100 Continue` that only reading brings.
        let body = request
            .body
            .read_all(SMALL_BODY)
            .await
            .map_err(|error| answer::broken_body(&error))?;
        match call {
            Call::SendEdoc => Err(no_such_call()),
            Call::GetReceivedEdocList => self.received(&signed, turn).await,
            Call::GetSentEdocList => self.sent(&signed, turn).await,
            Call::CountReceiveEdoc => self.count(&signed, super::MessageType::Edoc).await,
            Call::CountReceiveStatus => self.count(&signed, super::MessageType::Status).await,
            Call::GetEdoc => self.get(&signed, turn).await,
            Call::DownloadEdoc => self.download(&signed, &request.headers).await,
            Call::ProofEdoc => self.proof(&signed).await,
            Call::UpdateStatus => self.update_status(&signed).await,
            Call::GetAgenciesList => self.agencies(&signed, turn).await,
            Call::GetAgenciesListQd20 => self.agencies_qd20(&signed, turn).await,
            Call::GetSynchronizeUnit => self.units(&signed, &body, turn).await,
            Call::RegisterAgency => self.register_agency(&signed, &body).await,
            Call::DeleteAgency => self.delete_agency(&signed).await,
        }
    }

    fn prove(&self, request: &Request) -> Result<Signed, Refusal> {
        let peer = systems::Peer {
            address: request.peer.address.ip(),
            certificate: request.peer.fingerprint,
        };
        let systems = Arc::clone(&self.systems.borrow());
        let unproven = Unproven::read(pairs(&request.headers));
        let now = self.clock.now();
        unproven
            .prove(&systems, peer, now, &self.freshness)
            .map_err(|fault| {
                journal::line(&journal::ids::SOFTWARE_REFUSED)
                    .peer(format_args!("{} {}", peer.address, unproven.claimed()))
                    .reason(&fault)
                    .next("compare systemid, secret, clock and address with the systems file")
                    .warning("a software was refused");
                fault.refusal()
            })
    }
}

impl<D: Desk> Handler for Door<D> {
    async fn handle(&self, request: Request) -> Response {
        let mut answer = pin!(self.answer(request));
        // A panic behind the door must not become silence or HTML at the software.
        let guarded = std::future::poll_fn(|cx| {
            catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx))).unwrap_or_else(|_| {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                Poll::Ready(answer::refused_with(status, &internal()))
            })
        });
        guarded.await
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &[u8])> {
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
}

/// A fault of ours, told without its inside.
fn internal() -> Refusal {
    Refusal::new(
        ErrorCode::HubError,
        "Máy chủ bảo mật gặp lỗi nội bộ khi xử lý yêu cầu; thử lại sau, nếu vẫn lỗi hãy báo quản trị máy chủ.",
    )
}

fn head_too_large() -> Refusal {
    Refusal::new(
        ErrorCode::NotProcessed,
        format!(
            "Phần tiêu đề HTTP vượt quá {LARGEST_HEAD} byte; chia danh sách nơi nhận (to) thành nhiều lần gửi."
        ),
    )
}

fn no_service_calls() -> Refusal {
    Refusal::new(
        ErrorCode::NotProcessed,
        "Máy chủ bảo mật này chưa hỗ trợ gọi dịch vụ đồng bộ (dstcode, providerurl); chỉ nhận các lệnh gửi, nhận văn bản điện tử của SDK VXP.",
    )
}

fn no_such_call() -> Refusal {
    let names: Vec<&str> = Call::ALL.iter().map(|call| call.name()).collect();
    Refusal::new(
        ErrorCode::NotProcessed,
        format!(
            "Không có lệnh này; kiểm tra địa chỉ (endpoint) trong cấu hình phần mềm. Các lệnh được hỗ trợ: {}.",
            names.join(", ")
        ),
    )
}

fn wrong_method(call: Call) -> Refusal {
    Refusal::new(
        ErrorCode::NotProcessed,
        format!(
            "Lệnh {} phải được gọi bằng phương thức {}.",
            call.name(),
            call.methods().join(" hoặc ")
        ),
    )
}

#[cfg(test)]
mod tests;
