use std::time::Duration;

use tokio::time::timeout;

use super::World;
use super::member::*;
use super::world::*;
use crate::evidence::{Addressee, Record, RecordKind};
use crate::https::{Bytes, Content, HeaderMap, Method, Outgoing, StatusCode};
use crate::hub::admin::Change;
use crate::hub::error::CONFLICT;
use crate::journal::{self, ids};
use crate::packet::Digest;
use crate::retry::Class;
use crate::seal::{Opener, Seal, Sealer};
use crate::uplink::FORK;
use crate::uplink::{self, Announced, Error, wire};

fn problem(error: &Error) -> (u16, String, String) {
    match error {
        Error::Problem {
            status,
            kind,
            detail,
        } => (*status, kind.clone(), detail.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_put_twice_gets_the_same_receipt_and_it_holds() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    let first = send(&box_a, &mut a, &sealed).await;
    let again = box_a
        .hub
        .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
        .await
        .unwrap();
    let (one, other) = (Seal::decode(&first).unwrap(), Seal::decode(&again).unwrap());
    assert_eq!((one.index, &one.record), (other.index, &other.record));

    let grounds = world.grounds.borrow().clone();
    let directory = grounds.directory.unwrap();
    let claim = Opener::default()
        .claim(
            &again,
            &grounds.trust,
            Sealer::Hub(&directory),
            world.clock.now(),
        )
        .unwrap();
    let receipt = claim.receipt().unwrap();
    assert_eq!(receipt.record().status.as_deref(), Some("accepted"));
    assert_eq!(receipt.record().digest, sealed.record.digest);
    assert_eq!(
        receipt.record().to,
        [Addressee {
            member: code("B"),
            sequence: 0
        }]
    );
    assert_eq!(world.count("SELECT count(*) FROM hub_mailbox").await, 1);

    let close = Change::CloseMember {
        code: code("B"),
        successor: None,
    };
    world.apply(vec![close]).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let again = box_a
        .hub
        .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
        .await;
    assert!(again.is_ok(), "what was accepted stays so");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_recipient_that_is_closed_takes_nothing_from_the_others() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let close = |successor| Change::CloseMember {
        code: code("B"),
        successor,
    };
    let changes = vec![close(Some(code("C")))];
    world.apply(changes).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let sealed = a.seal_draft(&world, document(&["B", "C"], "one"));
    let first = send(&box_a, &mut a, &sealed).await;
    // Closed without a successor since: what the first answer said stays so.
    world.apply(vec![close(None)]).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let again = box_a
        .hub
        .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
        .await
        .unwrap();
    let (one, other) = (Seal::decode(&first).unwrap(), Seal::decode(&again).unwrap());
    assert_eq!((one.index, &one.record), (other.index, &other.record));
    let receipt = Record::parse(&one.record).unwrap();
    let reached: Vec<_> = receipt.to.iter().map(|to| to.member.clone()).collect();
    assert_eq!(reached, [code("C")]);
    let unreached = uplink::Unreached::from_reason(receipt.reason.as_deref());
    let why = unreached.why(&code("B")).unwrap();
    assert!(
        why.contains("đã đóng") && why.contains("successor is C"),
        "{why}"
    );
    assert_eq!(unreached.why(&code("C")), None);
    assert_eq!(world.count("SELECT count(*) FROM hub_mailbox").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_comes_out_as_it_went_in_small_or_large() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    for size in [0, 5, 32 * 1024, 32 * 1024 + 1, 3 << 20] {
        let mut draft = document(&["B"], "one");
        draft.body = (0..size).map(|n: u32| n.to_le_bytes()[1]).collect();
        let sealed = a.seal_draft(&world, draft);
        send(&box_a, &mut a, &sealed).await;
        let listed = list(&shared).await;
        assert_eq!(names(&listed), [(sealed.packet, "B".to_owned())]);
        assert_eq!(listed.entries[0].size, u64::from(size));
        let mut fetched = shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
        assert_eq!(fetched.seal[..], sealed.seal[..]);
        let rest = fetched.rest.read_all(u64::MAX).await.unwrap();
        let body = [&fetched.start[..], &rest[..]].concat();
        assert_eq!(Digest::of(&body), sealed.record.digest, "{size}");
    }
    assert_eq!(world.files(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_for_another_record_is_a_conflict_and_journalled() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let mut large = document(&["B"], "one");
    large.body = vec![1; 100_000];
    let sealed = a.seal_draft(&world, large);
    send(&box_a, &mut a, &sealed).await;
    let lines = journal::listen();

    let body = vec![2; 100_000];
    let mut other = sealed.record.clone();
    other.digest = Digest::of(&body);
    let other = a.seal(other, body);
    a.announce(&box_a.hub).await;
    let refused = box_a
        .hub
        .put(other.packet, &other.seal, Some(&other.body()))
        .await
        .unwrap_err();
    let (status, kind, _) = problem(&refused);
    assert_eq!((status, kind.as_str()), (409, CONFLICT));
    let line = lines.try_iter().find(|l| l.id == &ids::PACKET_ID_REUSED);
    let line = line.unwrap();
    assert_eq!(line.packet_id, Some(sealed.packet.to_string()));
    assert!(line.next.is_some());

    let shared = world.knock(SHARED);
    let mut fetched = shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
    let rest = fetched.rest.read_all(u64::MAX).await.unwrap();
    let body = [&fetched.start[..], &rest[..]].concat();
    assert!(body == sealed.body, "the first body stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_head_is_announced_first_and_a_fork_never_taken() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let first = a.seal_draft(&world, document(&["B"], "one"));
    let refused = box_a
        .hub
        .put(first.packet, &first.seal, Some(&first.body()))
        .await
        .unwrap_err();
    assert!(refused.is_behind(), "{refused}");
    send(&box_a, &mut a, &first).await;

    let second = a.seal_draft(&world, document(&["B"], "two"));
    let head = a.head();
    let behind = box_a.hub.announce(&head, 0, &[]).await.unwrap();
    assert_eq!(behind, Announced::Behind(1));
    send(&box_a, &mut a, &second).await;
    let known = box_a.hub.announce(&head, 1, &[]).await.unwrap();
    assert_eq!(known, Announced::Taken, "a known head, whatever is proven");

    let lines = journal::listen();
    a.roll_back(1);
    let fork = a.seal_draft(&world, document(&["B"], "three"));
    let refused = box_a
        .hub
        .announce(&a.head(), 1, &a.proof(1, 2))
        .await
        .unwrap_err();
    assert_eq!(problem(&refused).1, FORK);
    let put = box_a
        .hub
        .put(fork.packet, &fork.seal, Some(&fork.body()))
        .await
        .unwrap_err();
    assert_eq!(problem(&put).1, FORK);
    let longer = a.seal_draft(&world, document(&["B"], "four"));
    let refused = box_a
        .hub
        .announce(&a.head(), 2, &a.proof(2, 3))
        .await
        .unwrap_err();
    assert_eq!(problem(&refused).1, FORK, "{}", longer.packet);
    let lines: Vec<_> = lines
        .try_iter()
        .filter(|l| l.id == &ids::CHECKPOINT_REFUSED && l.member.as_deref() == Some("A"))
        .collect();
    assert_eq!(lines.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_was_overtaken_is_shown_to_be_continued_by_a_known_one() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let first = a.seal_draft(&world, document(&["B"], "one"));
    let old = a.head();
    a.seal_draft(&world, document(&["B"], "two"));
    a.seal_draft(&world, document(&["B"], "three"));
    let newest = a.head();
    let announced = box_a.hub.announce(&newest, 0, &[]).await.unwrap();
    assert_eq!(announced, Announced::Taken);
    let behind = box_a.hub.announce(&old, 0, &[]).await.unwrap();
    assert_eq!(behind, Announced::Behind(3));
    let mut wrong = a.proof(1, 3);
    wrong[0][0] ^= 1;
    let refused = box_a.hub.announce(&old, 3, &wrong).await.unwrap_err();
    assert_eq!(problem(&refused).1, FORK);
    let proof = a.proof(1, 3);
    let announced = box_a.hub.announce(&old, 3, &proof).await.unwrap();
    assert_eq!(announced, Announced::Taken);
    let put = box_a
        .hub
        .put(first.packet, &first.seal, Some(&first.body()))
        .await;
    put.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_be_reached_is_named_with_the_successor() {
    let world = World::new().await;
    let changes = vec![
        Change::AddMember(Box::new(listed("OLD", 10, None))),
        Change::AddMember(Box::new(listed("00.53.W00", 11, None))),
        Change::CloseMember {
            code: code("OLD"),
            successor: Some(code("B")),
        },
    ];
    world.apply(changes).await.unwrap();
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    for (to, word) in [
        ("OLD", "đơn vị kế thừa là B"),
        ("00.53.W00", "không phải nơi nhận"),
        ("W00", "không phải nơi nhận"),
        ("NOBODY", "không có trong danh bạ"),
    ] {
        let sealed = a.seal_draft(&world, document(&[to], to));
        a.announce(&box_a.hub).await;
        let refused = box_a
            .hub
            .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
            .await
            .unwrap_err();
        assert_eq!(refused.class(), Class::Refuse);
        let (status, _, detail) = problem(&refused);
        assert!(status == 422 && detail.contains(word), "{to}: {detail}");
    }
    assert_eq!(world.count("SELECT count(*) FROM hub_mailbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_closed_ends_what_it_began_and_begins_nothing() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let before = a.seal_draft(&world, document(&["B"], "before"));
    let first = send(&box_a, &mut a, &before).await;
    let after = a.seal_draft(&world, document(&["B"], "after"));
    let close = Change::CloseMember {
        code: code("A"),
        successor: Some(code("C")),
    };
    world.apply(vec![close]).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    assert_eq!(send(&box_a, &mut a, &before).await, first);
    a.announce(&box_a.hub).await;
    let refused = box_a
        .hub
        .put(after.packet, &after.seal, Some(&after.body()))
        .await
        .unwrap_err();
    assert_eq!(refused.class(), Class::Refuse);
    assert!(!refused.is_refused_certificate());
    let (status, _, detail) = problem(&refused);
    assert!(
        status == 422 && detail.contains("đơn vị kế thừa là C"),
        "{detail}"
    );
    // Its void is taken, so that nothing waits for the packet.
    let mut record = after.record.clone();
    record.kind = RecordKind::Void;
    record.status = Some("failed".to_owned());
    let void = a.seal(record, Vec::new());
    a.announce(&box_a.hub).await;
    box_a.hub.put(void.packet, &void.seal, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_speaks_for_its_members_only_and_sees_no_others() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let of_b = b.seal_draft(&world, document(&["A"], "of B"));
    b.announce(&shared.hub).await;
    let refused = box_a
        .hub
        .put(of_b.packet, &of_b.seal, Some(&of_b.body()))
        .await
        .unwrap_err();
    assert_eq!(problem(&refused).0, 403);
    let head = b.head();
    let refused = box_a.hub.announce(&head, 1, &[]).await.unwrap_err();
    assert_eq!(problem(&refused).0, 403);

    let to_b = a.seal_draft(&world, document(&["B"], "to B"));
    send(&box_a, &mut a, &to_b).await;
    assert!(list(&box_a).await.entries.is_empty());
    for to in ["B", "A", "C"] {
        let refused = box_a.hub.fetch(to_b.packet, &code(to)).await.unwrap_err();
        assert_eq!(problem(&refused).0, 404, "{to}");
    }
    let refused = shared.hub.fetch(to_b.packet, &code("C")).await.unwrap_err();
    assert_eq!(problem(&refused).0, 404);
    shared.hub.fetch(to_b.packet, &code("B")).await.unwrap();

    let stranger = world.stranger(BOX_A);
    assert!(stranger.hub.head(0).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_packet_is_refused_by_name() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    let other = a.seal_draft(&world, document(&["B"], "two"));
    let receipt = a.receipt(&world, &other.record, "delivered");
    a.announce(&box_a.hub).await;
    let put = async |packet, seal: &[u8], body: &[u8]| {
        let body = crate::spool::Body::Inline(body.into());
        problem(&box_a.hub.put(packet, seal, Some(&body)).await.unwrap_err()).0
    };
    assert_eq!(put(other.packet, &sealed.seal, b"one").await, 400);
    assert_eq!(put(sealed.packet, &sealed.seal, b"another").await, 422);
    assert_eq!(put(sealed.packet, &sealed.seal, b"on").await, 422);
    assert_eq!(put(other.packet, &receipt.seal, b"").await, 400);
    let mut broken = sealed.seal.clone();
    broken[40] ^= 1;
    assert_eq!(put(sealed.packet, &broken, b"one").await, 422);
    for (method, path, status) in [
        (Method::DELETE, uplink::MAILBOX, 405),
        (Method::GET, "/v1/receipts?after=x&wait=0", 400),
        (Method::GET, "/v2/receipts", 404),
        (Method::PUT, "/v1/packets/../mailbox", 404),
        (Method::GET, "/v1/head?from=999", 400),
    ] {
        let answer = box_a
            .client
            .request(method, path, HeaderMap::new(), Outgoing::default(), SOON)
            .await
            .unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_cut_off_midway_leaves_nothing() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let mut draft = document(&["B"], "large");
    draft.body = vec![7; 1 << 20];
    let sealed = a.seal_draft(&world, draft);
    a.announce(&box_a.hub).await;
    let (chunks, taken) = tokio::sync::mpsc::channel(1);
    let path = format!("{}{}", uplink::PACKETS, sealed.packet);
    let request = box_a.client.request(
        Method::PUT,
        &path,
        HeaderMap::new(),
        Outgoing::channel(taken, None),
        SOON,
    );
    let sending = async move {
        let start = [wire::framed(&sealed.seal), vec![7; 300_000]].concat();
        chunks.send(Ok(Bytes::from(start))).await.unwrap();
        let cut = std::io::Error::other("the line is cut");
        chunks.send(Err(cut)).await.unwrap();
    };
    let (answer, ()) = tokio::join!(request, sending);
    if let Ok(answer) = answer {
        assert_ne!(answer.status, StatusCode::OK);
    }
    // What was under way has ended when the door has closed.
    timeout(SOON, world.close()).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 0);
    // A stream of HTTP/2 that its peer gave up ends in a task of its own, beside its connection.
    let swept = async {
        while world.files() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, swept).await.expect("the part is swept away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circular_to_500_is_one_body_one_packet_and_500_entries() {
    let world = World::new().await;
    let codes: Vec<String> = (0..500).map(|n| format!("M{n:03}")).collect();
    let members = codes
        .iter()
        .enumerate()
        .map(|(at, name)| Change::AddMember(Box::new(listed(name, 100 + at as u64, Some(SHARED)))));
    world.apply(members.collect()).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let to: Vec<&str> = codes.iter().map(String::as_str).collect();
    let mut draft = document(&to, "circular");
    draft.body = vec![9; 40_000];
    let sealed = a.seal_draft(&world, draft);
    let receipt = send(&box_a, &mut a, &sealed).await;
    let accepted = Record::parse(&Seal::decode(&receipt).unwrap().record).unwrap();
    assert_eq!(accepted.to.len(), 500);
    assert_eq!(accepted.kind, RecordKind::Receipt);
    assert_eq!(world.files(), 1);
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 1);
    let mut listed: Vec<String> = names(&list_up_to(&shared, 300).await)
        .into_iter()
        .chain(names(&list(&shared).await))
        .map(|(packet, to)| {
            assert_eq!(packet, sealed.packet);
            to
        })
        .collect();
    listed.sort();
    assert_eq!(listed, codes);
    let last = shared.hub.fetch(sealed.packet, &code("M499")).await;
    assert!(last.is_ok());
    let path = format!("{}{}", uplink::PACKETS, sealed.packet);
    let one = box_a.client.request(
        Method::PUT,
        &path,
        HeaderMap::new(),
        Content::new().then_bytes(wire::framed(&sealed.seal)),
        SOON,
    );
    let again = one.await.unwrap().status;
    assert_eq!(again, StatusCode::OK, "a repetition needs no body");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_packet_handed_over_by_many_at_once_is_one() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    for size in [100, 500_000] {
        let mut draft = document(&["B"], "one");
        draft.body = vec![3; size];
        let sealed = a.seal_draft(&world, draft);
        a.announce(&box_a.hub).await;
        let mut puts = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (hub, sealed) = (box_a.hub.clone(), sealed.clone());
            puts.spawn(async move {
                let body = sealed.body();
                let receipt = hub.put(sealed.packet, &sealed.seal, Some(&body)).await;
                Seal::decode(&receipt.unwrap()).unwrap().record
            });
        }
        let receipts = puts.join_all().await;
        assert!(receipts.iter().all(|receipt| *receipt == receipts[0]));
        assert_eq!(names(&list(&shared).await).len(), 1, "{size}");
        let mut fetched = shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
        let rest = fetched.rest.read_all(u64::MAX).await.unwrap();
        assert!([&fetched.start[..], &rest[..]].concat() == sealed.body);
    }
    assert!(world.hub.under_way.is_empty());
}
