//! The signed headers of a software: none make the verifier panic, what is not signed is no parameter, and whatever
//! the SDK's own writer signs is proven with the values that went in.
//!
//! The input is the text of a request, so that the golden captures serve as seeds.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use libfuzzer_sys::fuzz_target;
use trucgate::clock::{Clock, parse_rfc3339};
use trucgate::vxp::client::Software;
use trucgate::vxp::{Config, Peer, Secret, Signed, SystemEntry, Systems, Unproven};

const SECRET: &str = "A2bCdEfG7hIjKlMnOpQrStUvWxYz0123456789==";
const PEER: Peer = Peer {
    address: IpAddr::V4(Ipv4Addr::LOCALHOST),
    certificate: None,
};

static CLOCK: LazyLock<Clock> =
    LazyLock::new(|| Clock::manual(parse_rfc3339("2026-11-23T10:30:00Z").unwrap()));

static SYSTEMS: LazyLock<Systems> = LazyLock::new(|| {
    Systems::new(vec![SystemEntry {
        systemid: "vxp.g22.qlvb".to_owned(),
        secret: Secret::new(SECRET),
        old_secret: None,
        member: "000.00.00.G22".parse().unwrap(),
        units: Vec::new(),
        sources: Vec::new(),
        certificate: None,
    }])
    .unwrap()
});

fn prove(headers: &[(String, Vec<u8>)]) -> Option<Signed> {
    let freshness = Config::new("systems.toml".into()).freshness();
    let pairs = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()));
    let proven = Unproven::read(pairs).prove(&SYSTEMS, PEER, CLOCK.now(), &freshness);
    if let Err(fault) = &proven {
        assert_eq!(fault.refusal().code.number(), 15);
    }
    proven.ok()
}

/// The text's headers as they stand, and once more with the right HMAC over whatever is to be signed.
fn as_text(input: &[u8]) {
    let mut headers = Vec::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        headers.push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    prove(&headers);
    let text = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("XroadVnpt-sign-header"));
    let Some((_, text)) = text else {
        return;
    };
    let tag = HEXLOWER.encode(Secret::new(SECRET).sign(text).as_ref());
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("XroadVnpt-hash-header"));
    headers.push(("XroadVnpt-hash-header".to_owned(), tag.into_bytes()));
    if prove(&headers).is_some() {
        headers.push(("XroadVnpt-to".to_owned(), b"unsigned".to_vec()));
        assert!(prove(&headers).is_none());
    }
}

/// The text's lines as values of a call.
fn as_values(input: &[u8]) {
    const NAMES: [&str; 4] = ["description", "filePath", "docId", "to"];
    let text = String::from_utf8_lossy(input);
    let lines = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let params: Vec<(&str, &str)> = NAMES.into_iter().zip(lines).collect();
    let software = Software::new("http://box/x", "vxp.g22.qlvb", SECRET, None, &CLOCK).unwrap();
    // Control characters can stand in no header.
    let Ok(headers) = software.signed(&params) else {
        return;
    };
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect();
    let signed = prove(&headers).expect("what the SDK signs is proven");
    for (name, value) in params {
        assert_eq!(signed.get(name), Some(value));
    }
}

fuzz_target!(|input: &[u8]| {
    as_text(input);
    as_values(input);
});
