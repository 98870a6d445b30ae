//! Every `ErrorCode`, with its reason in Vietnamese.

use trucgate::hub::admin::Change;

use super::{ADAPTER, EDOC, doc_id, edxml, send, software};
use crate::world::boxes::enter;
use crate::world::vxp::{Twist, Vxp, hash, hash_file, refused, succeeded};
use crate::world::{RECEIVERS, SENDER, World, document, member, now, write};

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code_and_its_reason_in_vietnamese() {
    let mut world = World::start();
    let mut sdk = software(&world, SENDER, ADAPTER);
    let good = edxml(&RECEIVERS[..1], 1);

    wrong_systems(&world, &good);

    // 10: not the file that was hashed, cut short, or none.
    let answer = {
        let other = hash_file(&edxml(&RECEIVERS[..1], 2));
        let given = [&EDOC[..], &[("hash-file", other.as_str())]].concat();
        sdk.post("sendEdoc", &given, &good)
    };
    assert!(refused(&answer, "10").contains(&hash(&good)));
    let fresh = || software(&world, SENDER, ADAPTER);
    refused(&fresh().post("sendEdoc", &EDOC, b""), "10");

    // 18: every code of `to` and of the packet is in the directory.
    let reason = refused(
        &send(&mut fresh(), &edxml(&["000.00.00.H99"], 3), &[]),
        "18",
    );
    assert!(reason.contains("000.00.00.H99"), "{reason}");
    refused(&send(&mut fresh(), &good, &[("to", "[\"không\"]")]), "18");

    // 19: a sender that is not registered, and one that is another's.
    for from in ["000.00.00.G99", RECEIVERS[0]] {
        let mut draft = document(&RECEIVERS[1..2], 4);
        draft.from = member(from);
        let reason = refused(&send(&mut fresh(), &draft.edxml().unwrap(), &[]), "19");
        assert!(reason.contains(from), "{reason}");
        refused(&send(&mut fresh(), &good, &[("from", from)]), "19");
    }

    // 21: understood, and not to be done.
    refused(
        &fresh().post("updateStatus", &[("docId", "x"), ("status", "done")], b"{}"),
        "21",
    );
    refused(
        &fresh().post("getReceivedEdocList", &[("messagetype", "x")], b""),
        "21",
    );

    not_conforming(&world, &good);

    // 23: a code that was given up, and who answers for it now.
    let close = Change::CloseMember {
        code: member(RECEIVERS[0]),
        successor: Some(member(RECEIVERS[1])),
    };
    enter(&world.exchange, &[close]);
    let reason = refused(&send(&mut fresh(), &good, &[]), "23");
    assert!(
        reason.contains(RECEIVERS[0]) && reason.contains(RECEIVERS[1]),
        "{reason}"
    );
    // Who gave it up sends no more.
    let mut draft = document(&RECEIVERS[1..2], 5);
    draft.from = member(RECEIVERS[0]);
    let mut closed = software(&world, RECEIVERS[0], ADAPTER);
    let reason = refused(&send(&mut closed, &draft.edxml().unwrap(), &[]), "19");
    assert!(reason.contains(RECEIVERS[1]), "{reason}");

    intake_stopped(&mut world);
}

/// 15: wrong credentials, forged headers, stale and future stamps. Who does not exist is told as who errs.
fn wrong_systems(world: &World, good: &[u8]) {
    let (machine, tenant) = world.exchange.tenant(&member(SENDER)).unwrap();
    let sdk = || Vxp::new(machine, tenant, ADAPTER);
    let wrong = send(&mut sdk().with_secret("không phải"), good, &[]);
    let unknown = send(&mut sdk().with_systemid("nobody"), good, &[]);
    refused(&wrong, "15");
    assert_eq!(wrong, unknown);
    let twist = Twist {
        forged: Some(("from", RECEIVERS[0])),
        ..Twist::default()
    };
    let given = [&EDOC[..], &[("from", SENDER)]].concat();
    let forged = sdk().twisted("POST", "sendEdoc", &given, good, &twist);
    assert!(refused(&forged.json(), "15").contains("from"));
    let smuggled = Twist {
        extra: &[("XroadVnpt-to", "[\"000.00.00.H17\"]")],
        ..Twist::default()
    };
    let smuggled = sdk().twisted("POST", "sendEdoc", &EDOC, good, &smuggled);
    refused(&smuggled.json(), "15");
    let at = |hours: i64| {
        let stamp = now() + time::Duration::hours(hours);
        let mut sdk = Vxp::stamped(machine, tenant, ADAPTER, stamp);
        sdk.post("getReceivedEdocList", &EDOC, b"")
    };
    refused(&at(-25), "15");
    refused(&at(1), "15");
    succeeded(&at(-23));
    let stamp = now() - time::Duration::minutes(10);
    let mut minutes = Vxp::stamped(machine, tenant, ADAPTER, stamp);
    for _ in 0..3 {
        succeeded(&minutes.post("getReceivedEdocList", &EDOC, b""));
    }
}

/// 22: the element, the line and the rule.
fn not_conforming(world: &World, good: &[u8]) {
    let good = String::from_utf8(good.to_vec()).unwrap();
    let receiver = format!("<edXML:OrganId>{}</edXML:OrganId>", RECEIVERS[0]);
    assert!(good.contains(&receiver), "{}", &good[..2000]);
    let line = |text: &str, part: &str| {
        let at = text.find(part).unwrap();
        text[..at].matches('\n').count() + 1
    };
    for (bad, part, element, rule) in [
        (
            good.replace(&receiver, "<edXML:OrganId>&nhan;</edXML:OrganId>"),
            "&nhan;",
            "OrganId",
            "[entity]",
        ),
        (
            good.replace(&receiver, "<edXML:OrganId>H 41</edXML:OrganId>"),
            "H 41",
            "OrganId",
            "[member-code]",
        ),
        (
            good.replace("<edXML:DocumentId>", "<edXML:DocumentId><b/>"),
            "<b/>",
            "DocumentId",
            "[nested]",
        ),
    ] {
        let answer = send(&mut software(world, SENDER, ADAPTER), bad.as_bytes(), &[]);
        let reason = refused(&answer, "22");
        let line = format!("dòng {}", line(&bad, part));
        for said in [element, rule, &line] {
            assert!(reason.contains(said), "{said}: {reason}");
        }
    }
    let cut = &good.as_bytes()[..good.len() / 2];
    let answer = send(&mut software(world, SENDER, ADAPTER), cut, &[]);
    refused(&answer, "22");
}

/// 20: the box keeps room to finish what it holds, and takes nothing beyond.
fn intake_stopped(world: &mut World) {
    let file = edxml(&RECEIVERS[1..2], 9);
    let config = world.exchange.lab.boxes[0].config();
    let before = std::fs::read_to_string(&config).unwrap();
    let full = before.replace(
        "reserve_bytes = 1048576",
        "reserve_bytes = 1000000000000000000",
    );
    assert_ne!(before, full);
    for (text, open) in [(&full, false), (&before, true)] {
        write(&config, text);
        world.exchange.boxes[0].main = None;
        world.exchange.start_relay(0).unwrap();
        let mut sdk = software(world, SENDER, ADAPTER);
        let answer = send(&mut sdk, &file, &[]);
        if open {
            doc_id(&answer);
        } else {
            refused(&answer, "20");
            // What is kept goes on: lists are answered.
            succeeded(&sdk.post("getReceivedEdocList", &EDOC, b""));
        }
    }
}
