use time::Duration;

use super::*;
use crate::clock::Chance;
use crate::evidence::RecordKind;
use crate::packet::Digest;
use crate::retry::Class;
use crate::trust::{Revocation, Stale, Trust, Verdict};

mod world;

use world::{DOCUMENT, Keeper, NOW, World};

fn claim(world: &World, seal: &[u8]) -> Result<Claim, Refused> {
    let sealer = Sealer::Member(&world.directory);
    Opener::default().claim(seal, &world.trust(), sealer, NOW)
}

fn open(world: &World, seal: &[u8]) -> Result<Opened, Refused> {
    claim(world, seal)?.complete(Digest::of(DOCUMENT), DOCUMENT.len() as u64)
}

fn verdict<T>(outcome: Result<T, Refused>) -> Verdict {
    match outcome {
        Err(Refused::Signer(refusal)) => refusal.verdict,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it holds"),
    }
}

#[test]
fn a_seal_opens_with_its_own_body_and_no_other() {
    let world = World::new();
    let seal = world.sender.seal(&world.packet_record());
    let bytes = seal.encode();
    assert_eq!(Seal::decode(&bytes).unwrap(), seal);
    let opened = open(&world, &bytes).unwrap();
    assert_eq!(*opened.record(), world.packet_record());
    assert_eq!(opened.identity().code, world.sender.code);
    let claim = claim(&world, &bytes).unwrap();
    assert_eq!(claim.checkpoint().size, 7);
    let size = DOCUMENT.len() as u64;
    for (digest, size) in [
        (Digest::of(b"another body"), size),
        (Digest::of(DOCUMENT), size + 1),
    ] {
        let other = claim.clone().complete(digest, size).unwrap_err();
        assert!(matches!(other, Refused::OtherBody { .. }), "{other}");
        assert_eq!(other.class(), Class::Refuse);
    }
}

#[test]
fn every_damaged_field_is_named() {
    let world = World::new();
    let record = world.packet_record();
    let good = world.sender.seal(&record);
    let refused = |change: &dyn Fn(&mut Seal)| {
        let mut seal = good.clone();
        change(&mut seal);
        open(&world, &seal.encode()).unwrap_err()
    };
    let other = world.receipt_record(&world.sender, "done").encode();
    let not_included: [&dyn Fn(&mut Seal); 6] = [
        &|seal| seal.record = other.clone(),
        &|seal| seal.index = 2,
        &|seal| seal.index = 7,
        &|seal| seal.path[1][5] ^= 1,
        &|seal| seal.path.truncate(2),
        &|seal| seal.path.push([0; 32]),
    ];
    for change in not_included {
        let found = refused(change);
        assert!(matches!(found, Refused::NotIncluded), "{found}");
    }
    let malformed: [&dyn Fn(&mut Seal); 4] = [
        &|seal| seal.record.push(b'\n'),
        &|seal| seal.record.clear(),
        &|seal| seal.checkpoint.truncate(9),
        &|seal| seal.path = vec![[0; 32]; 65],
    ];
    for change in malformed {
        let found = refused(change);
        assert!(matches!(found, Refused::Malformed(_)), "{found}");
    }
    let other_head = world.sender.seal(&world.receipt_record(&world.sender, "x"));
    let found = refused(&|seal| seal.checkpoint = other_head.checkpoint.clone());
    assert_eq!(verdict::<()>(Err(found)), Verdict::BadSignature);
    let found = refused(&|seal| seal.cms = other_head.cms.clone());
    assert_eq!(verdict::<()>(Err(found)), Verdict::BadSignature);
    let found = refused(&|seal| seal.cms.truncate(40));
    assert_eq!(verdict::<()>(Err(found)), Verdict::Malformed);
}

#[test]
fn no_changed_byte_and_no_cut_passes() {
    let world = World::new();
    let bytes = world.sender.seal(&world.packet_record()).encode();
    // One that knows the issuing authority by itself would not look at the copy that came along.
    let trust = world.root_alone();
    let opener = Opener::default();
    let sealer = Sealer::Member(&world.directory);
    let opens = |bytes: &[u8]| opener.claim(bytes, &trust, sealer, NOW).is_ok();
    assert!(opens(&bytes));
    let mut unseen = Vec::new();
    for at in 0..bytes.len() {
        for bit in [1, 0x20] {
            let mut changed = bytes.clone();
            changed[at] ^= bit;
            if opens(&changed) {
                unseen.push((at, bit));
            }
        }
    }
    assert!(unseen.is_empty(), "of {}: {unseen:?}", bytes.len());
    for length in 0..bytes.len() {
        assert!(!opens(&bytes[..length]), "cut to {length}");
    }
    assert!(!opens(&[&bytes[..], b"\0"].concat()));
    let long = vec![0; LONGEST + 1];
    assert!(Seal::decode(&long).is_err());
}

#[test]
fn a_log_speaks_for_its_owner_alone() {
    let world = World::new();
    let record = world.packet_record();
    // Signed by another member, under its own name and under the sender's.
    for origin in [&world.recipient.code, &world.sender.code] {
        let seal = world.recipient.seal_as(&record, origin.as_str());
        let found = open(&world, &seal.encode()).unwrap_err();
        assert!(matches!(found, Refused::OtherOrigin { .. }), "{found}");
    }
    let own = world.sender.seal_as(&record, world.recipient.code.as_str());
    let found = open(&world, &own.encode()).unwrap_err();
    assert!(matches!(found, Refused::OtherOrigin { .. }), "{found}");
}

#[test]
fn a_valid_certificate_that_nobody_registered_seals_nothing() {
    let world = World::new();
    let mut record = world.packet_record();
    record.from = world.stranger.code.clone();
    let seal = world.stranger.seal(&record).encode();
    assert_eq!(verdict(open(&world, &seal)), Verdict::NotRegistered);
    // A second certificate of a registered member is not that member's registered one.
    let again = Keeper::new(&world.ca, &Chance::system(), world.sender.code.as_str());
    let seal = again.seal(&world.packet_record()).encode();
    assert_eq!(verdict(open(&world, &seal)), Verdict::NotRegistered);
    // Far from the directory the certificate's own code is all there is.
    let trust = world.trust();
    let alone = Opener::default().claim(&seal, &trust, Sealer::Certificate, NOW);
    assert_eq!(alone.unwrap().identity().code, world.sender.code);
    let foreign = world
        .stranger
        .seal_as(&world.packet_record(), world.sender.code.as_str());
    let found = Opener::default()
        .claim(&foreign.encode(), &trust, Sealer::Certificate, NOW)
        .unwrap_err();
    assert!(matches!(found, Refused::OtherOrigin { .. }), "{found}");
}

#[test]
fn the_hub_and_the_members_are_not_each_other() {
    let world = World::new();
    let opener = Opener::default();
    let trust = world.trust();
    let record = world.receipt_record(&world.hub, "accepted");
    let receipt = world.hub.seal(&record).encode();
    let as_whom = |seal: &[u8], sealer| opener.claim(seal, &trust, sealer, NOW);
    let hub = Sealer::Hub(&world.directory);
    let said = as_whom(&receipt, hub).unwrap().receipt().unwrap();
    assert_eq!(*said.record(), record);
    assert!(as_whom(&receipt, Sealer::NewHub(&world.hub.code)).is_ok());
    let member = Sealer::Member(&world.directory);
    assert!(as_whom(&receipt, member).is_err());
    let packet = world.sender.seal(&world.packet_record()).encode();
    assert!(as_whom(&packet, hub).is_err());
    let new = as_whom(&packet, Sealer::NewHub(&world.hub.code));
    assert_eq!(verdict(new), Verdict::AnotherMember);
    let head = world.hub.seal(&record);
    let known = opener.head(&head.checkpoint, &head.cms, &trust, hub, NOW);
    assert_eq!(known.unwrap().origin, world.hub.code.as_str());
    let swapped = opener.head(&head.checkpoint, &head.cms, &trust, member, NOW);
    assert!(swapped.is_err());
}

#[test]
fn only_receipts_and_voids_travel_without_a_body() {
    let world = World::new();
    let packet = world.sender.seal(&world.packet_record()).encode();
    let found = claim(&world, &packet).unwrap().receipt().unwrap_err();
    assert!(matches!(found, Refused::OtherKind(_)), "{found}");
    let mut void = world.packet_record();
    void.kind = RecordKind::Void;
    let void = world.sender.seal(&void).encode();
    assert!(claim(&world, &void).unwrap().receipt().is_ok());
}

#[test]
fn time_and_revocation_are_judged_anew_even_for_a_remembered_signature() {
    let world = World::new();
    let bytes = world.sender.seal(&world.packet_record()).encode();
    let opener = Opener::default();
    let sealer = Sealer::Member(&world.directory);
    let at = |trust: &Trust, at| opener.claim(&bytes, trust, sealer, at);
    let fresh = world.trust_with(world.lists(&[]));
    let serial = at(&fresh, NOW).unwrap().identity().serial.clone();
    let revoked = world.trust_with(world.lists(&[serial]));
    assert_eq!(verdict(at(&revoked, NOW)), Verdict::Revoked);
    // Before its revocation it was good, and years later that can still be shown.
    assert!(at(&revoked, NOW - Duration::hours(1)).is_ok());
    let late = NOW + Duration::days(400);
    assert_eq!(verdict(at(&world.trust(), late)), Verdict::Expired);
    let stale = NOW + Duration::days(2);
    assert_eq!(verdict(at(&fresh, stale)), Verdict::RevocationUnknown);
    let waiting = world.trust_with(Revocation {
        then: Stale::Queue,
        ..world.lists(&[])
    });
    assert_eq!(at(&waiting, stale).unwrap_err().class(), Class::Retry);
    let other = World::new();
    assert_eq!(verdict(at(&other.trust(), NOW)), Verdict::UnknownIssuer);
}

#[test]
fn no_changed_byte_of_a_bundle_passes() {
    let world = World::new();
    let packet = world.sender.seal(&world.packet_record()).encode();
    let hub = world.receipt_record(&world.hub, "accepted");
    let own = world.receipt_record(&world.recipient, "delivered");
    let receipts = [world.hub.seal(&hub), world.recipient.seal(&own)].map(|seal| seal.encode());
    let lists = world.lists(&[]).lists;
    let bundle = Bundle::new(&packet, receipts.iter().map(Vec::as_slice), &lists);
    let json = bundle.to_json();
    assert_eq!(Bundle::from_json(&json).unwrap(), bundle);
    for at in 0..json.len() {
        for bit in [1, 2, 0x20] {
            let mut changed = json.clone();
            changed[at] ^= bit;
            let same = Bundle::from_json(&changed).and_then(|read| {
                Ok(read.seal()? == packet
                    && read.receipts()? == receipts
                    && read.revocation()? == lists)
            });
            assert_ne!(same, Ok(true), "{at} ^ {bit}");
        }
    }
    for other in [
        "{}",
        "[]",
        "",
        r#"{"format":"trucgate-proof 2","seal":"","receipts":[],"revocation":[]}"#,
    ] {
        assert!(Bundle::from_json(other.as_bytes()).is_err(), "{other}");
    }
}
