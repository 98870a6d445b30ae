//! The signed header set of a software: no bytes make the proof panic, letter case of names means nothing, and a
//! parameter that was not signed is never read.
//!
//! The input is a request's head. It is tried as it stands; then with its `sign-header` signed anew, so that what lies
//! behind the HMAC is reached; then with the separate headers made to agree as well.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trucgate::clock::{Moment, parse_rfc3339};
use trucgate::vxp::{
    Config, Fault, Freshness, Peer, Secret, Signed, SystemEntry, Systems, Unproven,
};

const SYSTEMID: &str = "vxp.g22.qlvb";
const SECRET: &str = "A2bCdEfG7hIjKlMnOpQrStUvWxYz0123456789==";
const PREFIX: &str = "XroadVnpt-";

struct World {
    systems: Systems,
    secret: Secret,
    freshness: Freshness,
    now: Moment,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World {
    systems: Systems::new(vec![SystemEntry {
        systemid: SYSTEMID.to_owned(),
        secret: Secret::new(SECRET),
        old_secret: None,
        member: "000.00.00.G22".parse().unwrap(),
        units: Vec::new(),
        sources: Vec::new(),
        certificate: None,
    }])
    .unwrap(),
    secret: Secret::new(SECRET),
    freshness: Config::new("systems.toml".into()).freshness(),
    now: parse_rfc3339("2026-11-23T10:30:00Z").unwrap(),
});

type Headers = Vec<(String, Vec<u8>)>;

fn headers(input: &[u8]) -> Headers {
    let line = |line: &[u8]| {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = String::from_utf8(line[..colon].to_vec()).ok()?;
        Some((name, line[colon + 1..].trim_ascii().to_vec()))
    };
    input
        .split(|byte| *byte == b'\n')
        .filter_map(line)
        .collect()
}

fn value<'a>(headers: &'a Headers, name: &str) -> Option<&'a [u8]> {
    let found = headers.iter().find(|(own, _)| own == name)?;
    Some(&found.1)
}

fn put(headers: &mut Headers, name: &str, value: Vec<u8>) {
    headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

fn prove(headers: &Headers) -> Result<Signed, Fault> {
    let world = &*WORLD;
    let peer = Peer {
        address: [10, 1, 2, 3].into(),
        certificate: None,
    };
    let unproven = Unproven::read(headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())));
    assert!(unproven.claimed().chars().count() <= 64);
    unproven.prove(&world.systems, peer, world.now, &world.freshness)
}

fn tried(headers: &Headers) {
    let outcome = prove(headers);
    let mut upper = headers.clone();
    for (name, _) in &mut upper {
        name.make_ascii_uppercase();
    }
    match (outcome, prove(&upper)) {
        (Ok(signed), Ok(again)) => {
            assert_eq!(signed.system().id, SYSTEMID);
            assert!(signed.stamped() == again.stamped());
            for name in ["to", "docId", "status", "description", "hash-file"] {
                assert_eq!(signed.get(name), again.get(name));
                if signed.get(name).is_some() {
                    let lower = format!("{PREFIX}{name}").to_ascii_lowercase();
                    assert!(headers.iter().any(|(n, _)| n.to_ascii_lowercase() == lower));
                }
            }
            assert_eq!(signed.get("no-such-header"), None);
        }
        (Err(fault), Err(other)) => {
            assert_eq!(fault, other);
            assert!(!fault.to_string().is_empty());
            let _ = fault.refusal();
        }
        (one, other) => panic!("letter case decides: {one:?} {other:?}"),
    }
}

fuzz_target!(|input: &[u8]| {
    let mut headers = headers(input);
    tried(&headers);
    let Some(text) = value(&headers, "XroadVnpt-sign-header").map(<[u8]>::to_vec) else {
        return;
    };
    let tag = WORLD.secret.sign(&text);
    let hex: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    put(&mut headers, "XroadVnpt-hash-header", hex.into_bytes());
    tried(&headers);
    let Ok(serde_json::Value::Object(values)) = serde_json::from_slice(&text) else {
        return;
    };
    for (name, value) in values {
        let Some(value) = value.as_str() else {
            return;
        };
        put(&mut headers, &name, value.as_bytes().to_vec());
    }
    tried(&headers);
});
