//! The calls of the SDK, each with its own headers and body.

use serde_json::{Map, Value};

use super::{Error, Prepared, Reply, Sending, Software, put};
use crate::https::{Answer, Bytes, Content, Method, header};
use crate::packet::Digest;
use crate::vxp::body::unpadded;
use crate::vxp::desk::{MessageType, Transport};

/// Ends the part of a form; as improbable in a document as a boundary can be.
const BOUNDARY: &str = "----trucgate3f0c5a7e9b1d";

impl Software {
    async fn post(&self, call: &str, params: &[(&str, &str)], body: &str) -> Result<Reply, Error> {
        let body = Content::new().then_bytes(body.as_bytes().to_vec());
        self.ask(self.prepare(Method::POST, call, params, body)?)
            .await
    }

    /// `sendEdoc` of a document in memory.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn send(&self, sending: &Sending, document: Bytes) -> Result<Reply, Error> {
        let digest = Digest::of(&document);
        self.send_content(sending, Content::from(document), &digest)
            .await
    }

    /// `sendEdoc` of a document of any size, with the CR LF that the SDK puts behind it.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn send_content(
        &self,
        sending: &Sending,
        document: Content,
        digest: &Digest,
    ) -> Result<Reply, Error> {
        let body = document.then_bytes(Bytes::from_static(b"\r\n"));
        self.ask(self.sending(sending, body, digest)?).await
    }

    fn sending(
        &self,
        sending: &Sending,
        body: Content,
        digest: &Digest,
    ) -> Result<Prepared, Error> {
        let hash = unpadded(digest);
        let to = sending
            .to
            .as_ref()
            .map(|codes| Value::from(codes.as_slice()).to_string());
        let mut params = vec![
            ("servicetype", "eDoc"),
            ("messagetype", sending.message_type.as_str()),
            ("hash-file", hash.as_str()),
        ];
        params.extend(sending.from.as_deref().map(|from| ("from", from)));
        params.extend(to.as_deref().map(|to| ("to", to)));
        self.prepare(Method::POST, "sendEdoc", &params, body)
    }

    /// `sendEdoc` as other clients write it: multipart/form-data with the part `file_doc`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn send_form(&self, sending: &Sending, document: Bytes) -> Result<Reply, Error> {
        let before = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file_doc\"; filename=\"document.edxml\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let body = Content::new()
            .then_bytes(before)
            .then_bytes(document.clone())
            .then_bytes(format!("\r\n--{BOUNDARY}--\r\n"));
        let mut request = self.sending(sending, body, &Digest::of(&document))?;
        request.headers.remove(header::CONTENT_TYPE);
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        put(&mut request.headers, "Content-Type", kind.as_bytes())?;
        self.ask(request).await
    }

    /// `getReceivedEdocList` or `getSentEdocList`.
    async fn list(&self, call: &str, kind: MessageType) -> Result<Reply, Error> {
        let params = [("servicetype", "eDoc"), ("messagetype", kind.as_str())];
        self.post(call, &params, "").await
    }

    /// `getReceivedEdocList`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn received(&self, kind: MessageType) -> Result<Reply, Error> {
        self.list("getReceivedEdocList", kind).await
    }

    /// `getSentEdocList`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn sent(&self, kind: MessageType) -> Result<Reply, Error> {
        self.list("getSentEdocList", kind).await
    }

    /// `getEdoc`: the document stands as base64 in `data`; [`Reply::document`] decodes it.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn get(&self, doc: &str) -> Result<Reply, Error> {
        let params = [("docId", doc), ("filePath", "/tmp/vxp")];
        self.post("getEdoc", &params, "{}").await
    }

    /// `downloadEdoc`, whole or from a `Range` such as `bytes=0-99`; the body is still on the way.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub async fn download(&self, doc: &str, range: Option<&str>) -> Result<Answer, Error> {
        let mut request = self.prepare(
            Method::GET,
            "downloadEdoc",
            &[("docId", doc)],
            Content::new(),
        )?;
        if let Some(range) = range {
            put(&mut request.headers, "Range", range.as_bytes())?;
        }
        self.go(request).await
    }

    /// `proofEdoc`: the sealed proof of a document, its body still on the way.
    ///
    /// # Errors
    /// [`Error::Wire`].
    pub async fn proof(&self, doc: &str) -> Result<Answer, Error> {
        let params = [("docId", doc)];
        self.go(self.prepare(Method::GET, "proofEdoc", &params, Content::new())?)
            .await
    }

    /// `updateStatus`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn update_status(
        &self,
        doc: &str,
        status: Transport,
        description: Option<&str>,
    ) -> Result<Reply, Error> {
        let mut params = vec![("docId", doc), ("status", status.as_str())];
        params.extend(description.map(|text| ("description", text)));
        self.post("updateStatus", &params, "{}").await
    }

    /// `countReceiveEdoc` or `countReceiveStatus`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn count(&self, kind: MessageType) -> Result<Reply, Error> {
        let call = match kind {
            MessageType::Edoc => "countReceiveEdoc",
            MessageType::Status => "countReceiveStatus",
        };
        self.post(call, &[], "{}").await
    }

    /// `getAgenciesList`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn agencies(&self) -> Result<Reply, Error> {
        self.post("getAgenciesList", &[], "").await
    }

    /// `getAgenciesListQD20`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn agencies_qd20(&self, level: Option<u8>) -> Result<Reply, Error> {
        let level = level.map(|level| level.to_string());
        let params: Vec<_> = level
            .iter()
            .map(|level| ("level", level.as_str()))
            .collect();
        self.post("getAgenciesListQD20", &params, "").await
    }

    /// `getSynchronizeUnit`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn units(&self, body: &Map<String, Value>) -> Result<Reply, Error> {
        let body = Value::from(body.clone()).to_string();
        self.post("getSynchronizeUnit", &[], &body).await
    }

    /// `registerAgency`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn register_agency(&self, body: &Map<String, Value>) -> Result<Reply, Error> {
        let body = Value::from(body.clone()).to_string();
        self.post("registerAgency", &[], &body).await
    }

    /// `deleteAgency`.
    ///
    /// # Errors
    /// As [`Software::ask`].
    pub async fn delete_agency(&self, code: &str) -> Result<Reply, Error> {
        self.post("deleteAgency", &[("AgencyCode", code)], "").await
    }
}
