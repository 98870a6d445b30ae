use std::time::Duration;

use super::*;
use crate::clock::{Chance, Clock};

fn member(text: &str) -> MemberId {
    text.parse().unwrap()
}

#[test]
fn codes_of_all_generations_are_told_apart() {
    for (text, generation) in [
        ("28.22.H17", Some(Generation::G1)),
        ("00.53.W00", Some(Generation::G1)),
        ("000.00.00.H41", Some(Generation::G2)),
        ("000.20.31.H53", Some(Generation::G2)),
        ("G22", Some(Generation::G3)),
        ("G09.01", Some(Generation::G3)),
        ("H37.02.02", Some(Generation::G3)),
        ("H37.DN.002", Some(Generation::G3)),
        ("vxp.saas.03", None),
        ("000.A53.000", None),
        ("null", None),
        ("H37.", None),
        ("h37.02", None),
        ("H37.0123456789012345678901234567890123", None),
    ] {
        assert_eq!(member(text).generation(), generation, "{text}");
        assert_eq!(member(text).as_str(), text);
    }
}

#[test]
fn a_member_id_can_name_a_directory() {
    for bad in [
        "",
        ".",
        "..",
        "../etc",
        ".hidden",
        "-x",
        "a/b",
        "a b",
        "H37\0",
        "Đ01",
        "a\n",
        &"A".repeat(65),
    ] {
        assert_eq!(bad.parse::<MemberId>(), Err(Malformed::Member), "{bad:?}");
    }
    assert!("A".repeat(64).parse::<MemberId>().is_ok());
}

#[test]
fn packet_ids_sort_by_time_and_read_back_strictly() {
    let clock = Clock::manual(crate::clock::parse_rfc3339("2026-01-02T03:04:05Z").unwrap());
    let chance = Chance::system();
    let first = PacketId::new(clock.now(), &chance);
    clock.advance(Duration::from_secs(1));
    let second = PacketId::new(clock.now(), &chance);
    assert!(first < second);
    let text = first.to_string();
    assert_eq!(text.parse(), Ok(first));
    assert_eq!(
        text.to_uppercase().parse::<PacketId>(),
        Err(Malformed::Packet)
    );
    assert_eq!(
        text.replace('-', "").parse::<PacketId>(),
        Err(Malformed::Packet)
    );
    assert_eq!(
        "00000000-0000-4000-8000-000000000000".parse::<PacketId>(),
        Err(Malformed::Packet)
    );
    assert_eq!(
        serde_json::to_string(&first).unwrap(),
        format!("\"{text}\"")
    );
    assert_eq!(
        serde_json::from_str::<PacketId>(&format!("\"{text}\"")).unwrap(),
        first
    );
}

#[test]
fn every_recipient_has_a_doc_id_of_its_own() {
    let packet: PacketId = "0190f5fe-9c00-7000-8000-000000000000".parse().unwrap();
    let here = DocId::of_recipient(packet, &member("G22"));
    assert_eq!(here, DocId::of_recipient(packet, &member("G22")));
    assert_ne!(here, DocId::of_recipient(packet, &member("G12")));
    assert_eq!(here.to_string().as_bytes()[14], b'8');
    assert_eq!(DocId::of_sender(packet).to_string(), packet.to_string());
    assert_eq!(here.to_string().parse(), Ok(here));
}

#[test]
fn digests_are_written_one_way() {
    let digest = Digest::of(b"abc");
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(digest.to_string(), text);
    assert_eq!(text.parse(), Ok(digest));
    for bad in [
        &text[7..],
        &text.to_uppercase(),
        &text[..70],
        "sha256:",
        &format!("{text}00"),
    ] {
        assert_eq!(bad.parse::<Digest>(), Err(Malformed::Digest), "{bad}");
    }
}
