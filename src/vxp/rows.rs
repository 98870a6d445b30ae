//! Rows of the lists as the SDK reads them. Times are local; what is absent is an empty string, never null.

use serde::Serialize;
use time::UtcOffset;

use super::desk::{Agency, ReceivedRow, SentRow, Unit};
use super::stamp;
use crate::packet::{DocId, MemberId};

const SERVICE_TYPE: &str = "eDoc";

/// A row that can write itself as one JSON object.
pub(super) trait Row {
    /// The object for a software in `zone`.
    fn json(&self, zone: UtcOffset) -> Vec<u8>;
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Received<'a> {
    doc_id: DocId,
    service_type: &'a str,
    message_type: &'a str,
    #[serde(rename = "created_time")]
    created: String,
    #[serde(rename = "updated_time")]
    updated: String,
    from: &'a MemberId,
    to: &'a MemberId,
    status: &'a str,
    #[serde(rename = "status_desc")]
    status_desc: &'a str,
}

impl Row for ReceivedRow {
    fn json(&self, zone: UtcOffset) -> Vec<u8> {
        write(&Received {
            doc_id: self.doc,
            service_type: SERVICE_TYPE,
            message_type: self.message_type.as_str(),
            created: stamp::row(self.created, zone),
            updated: stamp::row(self.updated, zone),
            from: &self.from,
            to: &self.to,
            status: self.status.as_str(),
            status_desc: &self.status_desc,
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sent<'a> {
    service_type: &'a str,
    message_type: &'a str,
    sender_doc_id: DocId,
    receiver_doc_id: DocId,
    from_code: &'a MemberId,
    to_code: &'a MemberId,
    title: &'a str,
    notation: &'a str,
    send_status: &'a str,
    send_status_desc: &'a str,
    receive_status: &'a str,
    receive_status_desc: &'a str,
    sent_time: String,
    received_time: String,
}

impl Row for SentRow {
    fn json(&self, zone: UtcOffset) -> Vec<u8> {
        let received = self.received.map(|at| stamp::row(at, zone));
        write(&Sent {
            service_type: SERVICE_TYPE,
            message_type: self.message_type.as_str(),
            sender_doc_id: self.sender_doc,
            receiver_doc_id: self.receiver_doc,
            from_code: &self.from,
            to_code: &self.to,
            title: &self.title,
            notation: &self.notation,
            send_status: self.send_status.as_str(),
            send_status_desc: &self.send_status_desc,
            receive_status: self.receive_status.as_str(),
            receive_status_desc: &self.receive_status_desc,
            sent_time: stamp::row(self.sent, zone),
            received_time: received.unwrap_or_default(),
        })
    }
}

/// A row of `getAgenciesList`. Without a unit above, `pid` is 0.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgencyOld<'a> {
    id: u64,
    pid: u64,
    code: &'a str,
    name: &'a str,
    mail: &'a str,
    old_code: &'a str,
}

impl Row for Agency {
    fn json(&self, _: UtcOffset) -> Vec<u8> {
        write(&AgencyOld {
            id: self.id,
            pid: self.pid.unwrap_or(0),
            code: &self.code,
            name: &self.name,
            mail: &self.mail,
            old_code: self.old_code.as_deref().unwrap_or(""),
        })
    }
}

/// The same member as a row of `getAgenciesListQD20`.
pub(super) struct Qd20(pub(super) Agency);

#[derive(Serialize)]
struct AgencyQd20<'a> {
    id: u64,
    code: &'a str,
    name: &'a str,
    mail: &'a str,
    code102: &'a str,
}

impl Row for Qd20 {
    fn json(&self, _: UtcOffset) -> Vec<u8> {
        write(&AgencyQd20 {
            id: self.0.id,
            code: &self.0.code,
            name: &self.0.name,
            mail: &self.0.mail,
            code102: self.0.code102.as_deref().unwrap_or(""),
        })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Synchronized<'a> {
    id: u64,
    pid: u64,
    code: &'a str,
    name: &'a str,
    mail: &'a str,
    center_code: &'a str,
    version: u64,
    deleted: bool,
    modify_date: String,
    is_agency: bool,
}

impl Row for Unit {
    fn json(&self, zone: UtcOffset) -> Vec<u8> {
        write(&Synchronized {
            id: self.id,
            pid: self.pid.unwrap_or(0),
            code: &self.code,
            name: &self.name,
            mail: &self.mail,
            center_code: &self.center_code,
            version: self.version,
            deleted: self.deleted,
            modify_date: stamp::row(self.modified, zone),
            is_agency: self.is_agency,
        })
    }
}

fn write(row: &impl Serialize) -> Vec<u8> {
    // Strings and numbers into memory: there is nothing that could fail.
    serde_json::to_vec(row).unwrap_or_else(|_| b"{}".to_vec())
}
