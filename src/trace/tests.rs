use super::*;
use crate::clock::parse_rfc3339;

fn party(code: &str, name: &str) -> Party {
    Party {
        code: code.to_owned(),
        name: name.to_owned(),
    }
}

#[test]
fn a_clerk_reads_where_it_is_what_comes_next_and_what_to_do() {
    let at = parse_rfc3339("2019-01-18T17:00:05Z");
    let told = Text::new("niêm phong hợp lệ", "the seal holds");
    let proof = Proof {
        by: "G22".to_owned(),
        digest: "sha256:00".to_owned(),
        holds: true,
        told,
    };
    let trace = Trace {
        told_by: "00.02.W00".to_owned(),
        packet: "0197".to_owned(),
        code: Some("7816/VPCP-TTĐT".to_owned()),
        document: None,
        kind: "new".to_owned(),
        subject: Some("V/v khai trương".to_owned()),
        priority: 0,
        from: party("G22", "Văn phòng Chính phủ"),
        digest: "sha256:00".to_owned(),
        size: 4,
        hops: vec![Hop::new(&Step::Sealed, at).proven(Some(proof))],
        legs: vec![Leg {
            to: party("H41", ""),
            hops: vec![
                Hop::new(&Step::Status("02".to_owned()), None).because(Some("nhầm".to_owned())),
            ],
            now: Place::Unsubmitted(Some("timeout".to_owned())).standing(),
        }],
        left_off: 3,
    };
    let shown = trace.to_string();
    for line in [
        "Văn bản 7816/VPCP-TTĐT · document",
        "Văn phòng Chính phủ (G22)",
        "19/01/2019 00:00:05  Máy chủ bảo mật nơi gửi đã ký niêm phong",
        "✓ niêm phong hợp lệ / the seal holds",
        "→ H41",
        "Trạng thái 02: bị từ chối tiếp nhận / status 02",
        "lý do / reason: nhầm",
        "chưa gọi được Trục: timeout",
        "Cần làm:",
        "và 3 nơi nhận nữa",
    ] {
        assert!(shown.contains(line), "{line} is missing in\n{shown}");
    }
    let json = serde_json::to_string(&trace).unwrap();
    assert_eq!(serde_json::from_str::<Trace>(&json).unwrap(), trace);
}

#[test]
fn names_are_compared_as_people_write_them() {
    assert_eq!(comparable(" 15/vpcp-ttđt "), comparable("15/VPCP-TTĐT"));
    assert_ne!(comparable("15/VPCP"), comparable("16/VPCP"));
}
