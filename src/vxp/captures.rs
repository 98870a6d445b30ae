//! The golden captures under `tests/vxp_captures`, for unit tests.

use std::path::Path;

use super::systems::{Secret, SystemEntry, Systems};

pub(super) const SYSTEMID: &str = "vxp.g22.qlvb";
pub(super) const SECRET: &str = "A2bCdEfG7hIjKlMnOpQrStUvWxYz0123456789==";
/// Half an hour after the captures' timestamp.
pub(super) const NOW: &str = "2026-11-23T10:30:00Z";

pub(super) const NAMES: [&str; 23] = [
    "countReceiveEdoc",
    "countReceiveStatus",
    "deleteAgency",
    "downloadEdoc",
    "getAgenciesList",
    "getAgenciesListQD20",
    "getEdoc",
    "getReceivedEdocList",
    "getReceivedEdocList_forward",
    "getSentEdocList",
    "getSynchronizeUnit",
    "proofEdoc",
    "registerAgency",
    "sendEdoc",
    "sendEdoc_multipart",
    "sendEdoc_status",
    "sendEdoc_to_of_the_packet",
    "updateStatus",
    "updateStatus_encoded_twice",
    "updateStatus_latin1",
    "updateStatus_latin1_header",
    "updateStatus_leaked_headers",
    "updateStatus_utf8",
];

/// A request as it came over the wire.
#[derive(Clone, Debug)]
pub(super) struct Capture {
    pub(super) raw: Vec<u8>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
}

pub(super) fn load(name: &str) -> Capture {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vxp_captures");
    let raw = std::fs::read(folder.join(name).with_extension("http")).unwrap();
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let lines = raw[..end].split(|byte| *byte == b'\n').skip(1);
    let header = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':').unwrap();
        let name = String::from_utf8(line[..colon].to_vec()).unwrap();
        (name, line[colon + 1..].trim_ascii().to_vec())
    };
    Capture {
        headers: lines.map(header).collect(),
        raw,
    }
}

/// The system that the captures come from, with a secret.
pub(super) fn entry(secret: &str) -> SystemEntry {
    SystemEntry {
        systemid: SYSTEMID.to_owned(),
        secret: Secret::new(secret),
        old_secret: None,
        member: "000.00.00.G22".parse().unwrap(),
        units: vec!["000.00.90.G22".parse().unwrap()],
        sources: Vec::new(),
        certificate: None,
    }
}

pub(super) fn systems_with(secret: &str) -> Systems {
    Systems::new(vec![entry(secret)]).unwrap()
}

pub(super) fn systems() -> Systems {
    systems_with(SECRET)
}
