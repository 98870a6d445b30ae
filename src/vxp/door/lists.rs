//! Lists, counts, statuses and agencies.

use super::super::desk::{Desk, MessageType};
use super::super::headers::Signed;
use super::super::quota::Turn;
use super::super::refusal::Refusal;
use super::super::rows::Qd20;
use super::{Door, answer, params};
use crate::https::Response;

impl<D: Desk> Door<D> {
    pub(super) async fn received(&self, signed: &Signed, turn: Turn) -> Result<Response, Refusal> {
        let (kind, zone) = (params::message_type(signed)?, self.freshness.zone);
        let window = params::window(signed, zone)?;
        let rows = self.desk.received(signed.system(), kind, window).await?;
        Ok(answer::list(rows, zone, turn))
    }

    pub(super) async fn sent(&self, signed: &Signed, turn: Turn) -> Result<Response, Refusal> {
        let (kind, zone) = (params::message_type(signed)?, self.freshness.zone);
        let window = params::window(signed, zone)?;
        let rows = self.desk.sent(signed.system(), kind, window).await?;
        Ok(answer::list(rows, zone, turn))
    }

    pub(super) async fn count(
        &self,
        signed: &Signed,
        kind: MessageType,
    ) -> Result<Response, Refusal> {
        let count = self.desk.count(signed.system(), kind).await?;
        Ok(answer::ok_with("count", &count.to_string()))
    }

    pub(super) async fn update_status(&self, signed: &Signed) -> Result<Response, Refusal> {
        let doc = params::doc_id(signed, &["docid", "docId"])?;
        let status = params::transport(signed)?;
        let description = signed.get("description").map(str::to_owned);
        self.desk
            .update_status(signed.system(), doc, status, description)
            .await?;
        Ok(answer::ok())
    }

    pub(super) async fn agencies(&self, signed: &Signed, turn: Turn) -> Result<Response, Refusal> {
        let rows = self.desk.agencies(signed.system(), None).await?;
        Ok(answer::list(rows, self.freshness.zone, turn))
    }

    pub(super) async fn agencies_qd20(
        &self,
        signed: &Signed,
        turn: Turn,
    ) -> Result<Response, Refusal> {
        let level = params::level(signed)?;
        let rows = self.desk.agencies(signed.system(), level).await?;
        Ok(answer::list(rows.map(Qd20), self.freshness.zone, turn))
    }

    pub(super) async fn units(
        &self,
        signed: &Signed,
        body: &[u8],
        turn: Turn,
    ) -> Result<Response, Refusal> {
        let since = params::since(body)?;
        let rows = self.desk.units(signed.system(), since).await?;
        Ok(answer::list(rows, self.freshness.zone, turn))
    }

    pub(super) async fn register_agency(
        &self,
        signed: &Signed,
        body: &[u8],
    ) -> Result<Response, Refusal> {
        let agency = params::new_agency(body)?;
        self.desk.register_agency(signed.system(), agency).await?;
        Ok(answer::ok())
    }

    pub(super) async fn delete_agency(&self, signed: &Signed) -> Result<Response, Refusal> {
        let code = params::agency_code(signed)?;
        self.desk.delete_agency(signed.system(), code).await?;
        Ok(answer::ok())
    }
}
