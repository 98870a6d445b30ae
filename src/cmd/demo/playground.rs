//! What others need to join in: `software.json` for VXP clients, and curl lines for people.

use std::path::Path;

use serde::Serialize;

use super::cast::{NGHE_AN, OFFICE};
use super::documents::Draft;
use super::exchange::Exchange;
use super::screen::{Fault, Screen};
use super::stage::member;
use super::story::shown;
use crate::clock::Clock;
use crate::durable::Disk;
use crate::packet::Digest;
use crate::vxp::client::Software;

/// How one member's software reaches its box.
#[derive(Debug, Serialize)]
struct Access<'a> {
    member: &'a str,
    name: &'a str,
    endpoint: String,
    systemid: &'a str,
    secret: &'a str,
    ca: String,
}

/// Writes `software.json`.
pub(super) fn write_access(exchange: &Exchange) -> Result<(), Fault> {
    let lab = &exchange.lab;
    let ca = lab.anchors().display().to_string();
    let all: Vec<Access<'_>> = lab
        .boxes
        .iter()
        .flat_map(|machine| machine.tenants.iter().map(move |tenant| (machine, tenant)))
        .map(|(machine, tenant)| Access {
            member: tenant.code.as_str(),
            name: &tenant.name,
            endpoint: format!("https://{}/XrdAdapter/adapter", machine.address),
            systemid: &tenant.systemid,
            secret: &tenant.secret,
            ca: ca.clone(),
        })
        .collect();
    let json = serde_json::to_vec_pretty(&all).map_err(|error| error.to_string())?;
    write(&lab.directory().join("software.json"), &json)
}

/// A call to try by hand.
struct Try {
    call: &'static str,
    vi: &'static str,
    en: &'static str,
    /// Who calls.
    member: &'static str,
    secure: bool,
    body: &'static str,
}

const TRIES: [Try; 4] = [
    Try {
        call: "sendEdoc",
        vi: "VPCP gửi Nghệ An một văn bản (gửi lần nữa vẫn là văn bản ấy, DocId ấy)",
        en: "the Government Office sends Nghệ An a document (sent again it is the same one, with the same DocId)",
        member: OFFICE,
        secure: false,
        body: "--data-binary",
    },
    Try {
        call: "getReceivedEdocList",
        vi: "Nghệ An xem danh sách văn bản đến, qua HTTPS",
        en: "Nghệ An asks what has come, over HTTPS",
        member: NGHE_AN,
        secure: true,
        body: "--data ''",
    },
    Try {
        call: "getSentEdocList",
        vi: "VPCP xem văn bản đã gửi và biên nhận",
        en: "the Government Office asks what it sent and what became of it",
        member: OFFICE,
        secure: false,
        body: "--data ''",
    },
    Try {
        call: "getAgenciesList",
        vi: "VPCP xem danh bạ",
        en: "the Government Office asks for the directory",
        member: OFFICE,
        secure: true,
        body: "--data ''",
    },
];

/// Writes the signed headers of some calls and prints the curl lines that use them.
pub(super) fn invite(exchange: &Exchange, screen: &mut Screen) -> Result<(), Fault> {
    let directory = exchange.lab.directory().join("curl");
    Disk::real()
        .make_dir(&directory)
        .map_err(|error| error.to_string())?;
    let to = [member(NGHE_AN)?];
    let draft = Draft::new(&member(OFFICE)?, &to, 999, Clock::system().now());
    let document = draft.edxml()?;
    let file = directory.join("van-ban.edxml");
    write(&file, &document)?;
    screen.heading(
        "Mời tự thử (chép từng dòng; tiêu đề đã ký sẵn, dùng được trong 24 giờ)",
        "Try it yourself (copy a line; its signed headers hold for 24 hours)",
    );
    for one in &TRIES {
        let hash = Digest::of(&document).hex();
        let mut params = vec![("servicetype", "eDoc"), ("messagetype", "edoc")];
        if one.call == "sendEdoc" {
            params.push(("hash-file", &hash));
        }
        let line = one.line(exchange, &directory, &file, &params)?;
        screen.note(one.vi, one.en);
        screen.line(&format!("      {line}"));
    }
    screen.note(
        &format!(
            "phần mềm VXP nào cũng nối vào được: {}",
            shown(&exchange.lab.directory().join("software.json"))
        ),
        "any VXP client can join in with this file",
    );
    Ok(())
}

impl Try {
    fn line(
        &self,
        exchange: &Exchange,
        directory: &Path,
        document: &Path,
        params: &[(&str, &str)],
    ) -> Result<String, Fault> {
        let (machine, tenant) = exchange.tenant(&member(self.member)?)?;
        let plain = format!("http://{}/XrdAdapter/adapter", machine.plain);
        let clock = Clock::system();
        let software = Software::new(&plain, &tenant.systemid, &tenant.secret, None, &clock)
            .map_err(|error| error.to_string())?;
        let signed = software.signed(params).map_err(|error| error.to_string())?;
        let mut headers = b"Content-Type: application/octet-stream\n".to_vec();
        for (name, value) in &signed {
            headers.extend_from_slice(name.as_str().as_bytes());
            headers.extend_from_slice(b": ");
            headers.extend_from_slice(value.as_bytes());
            headers.push(b'\n');
        }
        let file = directory.join(format!("{}.headers", self.call));
        write(&file, &headers)?;
        let (ca, base) = if self.secure {
            let ca = format!("--cacert {} ", shown(&exchange.lab.anchors()));
            (
                ca,
                format!("https://{}/XrdAdapter/adapter", machine.address),
            )
        } else {
            (String::new(), plain)
        };
        let body = match self.body {
            "--data-binary" => format!("--data-binary @{}", shown(document)),
            other => other.to_owned(),
        };
        let headers = shown(&file);
        let call = self.call;
        Ok(format!("curl -sS {ca}-H @{headers} {body} {base}/{call}"))
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    Disk::real()
        .replace(path, bytes)
        .map_err(|error| format!("{}: {error}", path.display()).into())
}
