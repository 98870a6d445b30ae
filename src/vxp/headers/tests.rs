use super::*;
use crate::clock::parse_rfc3339;
use crate::vxp::captures::{self, Capture};
use crate::vxp::systems::{Secret, SystemEntry};

fn freshness() -> Freshness {
    crate::vxp::Config::new("systems.toml".into()).freshness()
}

fn prove_at(capture: &Capture, now: &str, systems: &Systems, peer: Peer) -> Result<Signed, Fault> {
    let headers = capture.headers.iter();
    let pairs = headers.map(|(name, value)| (name.as_str(), value.as_slice()));
    let now = parse_rfc3339(now).unwrap();
    Unproven::read(pairs).prove(systems, peer, now, &freshness())
}

fn anyone() -> Peer {
    Peer {
        address: [10, 1, 2, 3].into(),
        certificate: None,
    }
}

fn prove(capture: &Capture) -> Result<Signed, Fault> {
    prove_at(capture, captures::NOW, &captures::systems(), anyone())
}

fn edit(capture: &Capture, name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Capture {
    let mut edited = capture.clone();
    let found = edited.headers.iter_mut().find(|(own, _)| own == name);
    change(&mut found.unwrap().1);
    edited
}

#[test]
fn every_capture_is_proven_as_it_stands() {
    for name in captures::NAMES {
        let signed = prove(&captures::load(name)).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert_eq!(signed.system().id, captures::SYSTEMID, "{name}");
        assert_eq!(
            crate::clock::rfc3339(signed.stamped()),
            "2026-11-23T09:59:03.123Z"
        );
    }
}

#[test]
fn letter_case_of_header_names_means_nothing() {
    let mut capture = captures::load("sendEdoc");
    for (name, _) in &mut capture.headers {
        *name = name.to_lowercase();
    }
    let signed = prove(&capture).unwrap();
    assert_eq!(signed.get("HASH-FILE"), signed.get("hash-file"));
    assert!(signed.get("hash-file").is_some());
}

#[test]
fn no_changed_byte_passes() {
    let capture = captures::load("sendEdoc");
    for at in 0..capture.headers.len() {
        let (name, value) = &capture.headers[at];
        if !name.starts_with(PREFIX) || name == "XroadVnpt-version" {
            continue;
        }
        for byte in 0..value.len() {
            let mut forged = capture.clone();
            forged.headers[at].1[byte] ^= 1;
            assert!(prove(&forged).is_err(), "{name} at {byte}");
        }
        let mut missing = capture.clone();
        missing.headers.remove(at);
        assert!(prove(&missing).is_err(), "without {name}");
        let mut twice = capture.clone();
        twice.headers.push(capture.headers[at].clone());
        let scheme = ["hash-header", "sign-header", "sign-header-key", "systemid"];
        let essential = scheme.iter().any(|own| name.ends_with(own));
        if essential || PARAMETERS.contains(&&*name[PREFIX.len()..].to_lowercase()) {
            assert!(prove(&twice).is_err(), "{name} twice");
        }
    }
}

#[test]
fn an_unsigned_parameter_is_a_forgery_and_other_additions_are_never_parameters() {
    let mut forged = captures::load("sendEdoc_to_of_the_packet");
    forged
        .headers
        .push(("xroadvnpt-TO".to_owned(), b"[\"000.00.00.H41\"]".to_vec()));
    assert_eq!(prove(&forged).unwrap_err(), Fault::Differs("to".to_owned()));
    let mut extra = captures::load("sendEdoc");
    extra
        .headers
        .push(("XroadVnpt-trace".to_owned(), b"1".to_vec()));
    assert_eq!(prove(&extra).unwrap().get("trace"), None);
}

#[test]
fn the_order_of_the_names_is_the_order_of_the_object() {
    let capture = captures::load("getReceivedEdocList");
    let swapped = edit(&capture, "XroadVnpt-sign-header-key", |value| {
        *value = String::from_utf8(value.clone())
            .unwrap()
            .replace("servicetype;messagetype", "messagetype;servicetype")
            .into_bytes();
    });
    assert_eq!(prove(&swapped).unwrap_err(), Fault::Order);
    let trailing = edit(&capture, "XroadVnpt-sign-header-key", |value| {
        value.push(b';');
    });
    prove(&trailing).unwrap();
}

#[test]
fn an_unknown_systemid_and_a_wrong_secret_look_the_same() {
    let capture = captures::load("getEdoc");
    let stranger = edit(&capture, "XroadVnpt-systemid", |value| {
        *value = b"vxp.unknown".to_vec();
    });
    let wrong = captures::systems_with("another secret");
    let unknown = prove(&stranger).unwrap_err();
    let mistaken = prove_at(&capture, captures::NOW, &wrong, anyone()).unwrap_err();
    assert_eq!(unknown, mistaken);
    assert_eq!(unknown.refusal().code, ErrorCode::WrongSystem);
    assert_eq!(unknown.refusal(), Fault::Unsigned.refusal());
    // The stand-in for an unknown system's secret opens nothing.
    assert!(
        Systems::default()
            .authenticate("", &[b"x".to_vec()], b"")
            .is_none()
    );
}

#[test]
fn the_old_secret_holds_while_it_stands_in_the_file() {
    let capture = captures::load("getEdoc");
    let mut entry = captures::entry("new secret");
    entry.old_secret = Some(Secret::new(captures::SECRET));
    let rotating = Systems::new(vec![entry.clone()]).unwrap();
    prove_at(&capture, captures::NOW, &rotating, anyone()).unwrap();
    entry.old_secret = None;
    let rotated = Systems::new(vec![entry]).unwrap();
    assert!(prove_at(&capture, captures::NOW, &rotated, anyone()).is_err());
}

#[test]
fn a_header_set_lives_a_day_and_is_repeated_meanwhile() {
    let capture = captures::load("getReceivedEdocList");
    let at = |now| prove_at(&capture, now, &captures::systems(), anyone());
    for now in [
        "2026-11-23T09:55:00Z",
        "2026-11-23T09:59:03Z",
        "2026-11-23T09:59:03Z",
        "2026-11-24T09:59:03Z",
    ] {
        at(now).unwrap();
    }
    assert!(matches!(at("2026-11-24T09:59:04Z"), Err(Fault::Stale(..))));
    assert!(matches!(at("2026-11-23T09:54:00Z"), Err(Fault::Ahead(_))));
    let reason = at("2026-11-25T00:00:00Z").unwrap_err().refusal().reason_vi;
    assert!(reason.contains("24 giờ"), "{reason}");
}

#[test]
fn a_system_is_bound_to_its_addresses_and_its_certificate() {
    let capture = captures::load("getEdoc");
    let prove = |entry: &SystemEntry, peer| {
        let systems = Systems::new(vec![entry.clone()]).unwrap();
        prove_at(&capture, captures::NOW, &systems, peer)
    };
    let mut entry = captures::entry(captures::SECRET);
    entry.sources = vec!["10.1.2.0/24".parse().unwrap()];
    prove(&entry, anyone()).unwrap();
    entry.sources = vec!["10.9.0.0/16".parse().unwrap()];
    let away = Fault::NotAdmitted(NotAdmitted::Source);
    assert_eq!(prove(&entry, anyone()).unwrap_err(), away);
    entry.sources.clear();
    entry.certificate = Some("0b".repeat(32));
    let bare = Fault::NotAdmitted(NotAdmitted::Certificate);
    assert_eq!(prove(&entry, anyone()).unwrap_err(), bare);
    let certificate = Some([0x0b; 32]);
    prove(
        &entry,
        Peer {
            certificate,
            ..anyone()
        },
    )
    .unwrap();
}

#[test]
fn vietnamese_text_is_read_however_it_was_mangled() {
    for (name, text) in [
        ("updateStatus_utf8", "Đơn vị không nhận"),
        ("updateStatus_latin1_header", "Đơn vị không nhận"),
        ("updateStatus_latin1", "không rõ cô giáo"),
        ("updateStatus_encoded_twice", "không rõ cô giáo"),
    ] {
        let signed = prove(&captures::load(name)).unwrap();
        assert_eq!(signed.get("description"), Some(text), "{name}");
    }
}

#[test]
fn gson_escapes_are_undone() {
    let signed = prove(&captures::load("getEdoc")).unwrap();
    assert_eq!(signed.get("filePath"), Some("/opt/qlvb/a=b&c's"));
    let raw = &captures::load("getEdoc").headers;
    let (_, text) = raw
        .iter()
        .find(|(name, _)| name == "XroadVnpt-sign-header")
        .unwrap();
    assert!(text.windows(6).any(|six| six == b"\\u003d"));
}

#[test]
fn a_leaked_doc_id_does_not_hide_the_calls_own() {
    let signed = prove(&captures::load("updateStatus_leaked_headers")).unwrap();
    let own = "0190f5fe-9c00-7000-8000-00000000a001";
    let leaked = "0190f5fe-9c00-7000-8000-00000000ffff";
    assert_eq!(signed.first_of(&["docid", "docId"]), Some(own));
    assert_eq!(signed.first_of(&["docId", "docid"]), Some(leaked));
    assert_eq!(signed.first_of(&["DOCID"]), Some(leaked));
    assert_eq!(signed.first_of(&["nothing"]), None);
}

#[test]
fn secrets_are_never_shown() {
    let entry = captures::entry(captures::SECRET);
    let shown = format!("{entry:?} {:?}", captures::systems());
    assert!(!shown.contains(captures::SECRET), "{shown}");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("systems.toml");
    let text = format!(
        "[[system]]\nsystemid = \"a\"\nsecret = \"{}\"\nmember = 5\n",
        captures::SECRET
    );
    crate::durable::Disk::real()
        .replace(&path, text.as_bytes())
        .unwrap();
    let error = Systems::load(&path).unwrap_err().to_string();
    assert!(!error.contains(captures::SECRET), "{error}");
    let text = "[[system]]\nsystemid = \"a\"\nsecret = \"s\"\nmember = \"G22\"\nnote = 1\n";
    crate::durable::Disk::real()
        .replace(&path, text.as_bytes())
        .unwrap();
    assert!(Systems::load(&path).is_err());
    let text = text.replace(
        "note = 1\n",
        "sources = [\"10.0.0.0/8\"]\nunits = [\"000.00.90.G22\"]\n",
    );
    crate::durable::Disk::real()
        .replace(&path, text.as_bytes())
        .unwrap();
    assert_eq!(Systems::load(&path).unwrap().iter().count(), 1);
}

#[test]
fn a_systemid_stands_once() {
    let entry = captures::entry(captures::SECRET);
    let twice = Systems::new(vec![entry.clone(), entry.clone()]).unwrap_err();
    assert_eq!(
        twice,
        crate::vxp::Error::Twice(captures::SYSTEMID.to_owned())
    );
    let mut odd = entry;
    odd.certificate = Some("0b0".to_owned());
    assert!(matches!(
        Systems::new(vec![odd]),
        Err(crate::vxp::Error::Fingerprint(_))
    ));
}
