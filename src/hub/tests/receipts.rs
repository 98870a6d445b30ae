use std::time::Duration;

use tokio::time::timeout;

use super::World;
use super::member::*;
use super::world::*;
use crate::evidence::{Record, RecordKind};
use crate::hub::admin::Change;
use crate::hub::statistics::{self, Day, Window};
use crate::packet::Digest;
use crate::uplink::Verdict;

#[tokio::test(flavor = "multi_thread")]
async fn receipts_travel_back_to_the_sender_behind_its_cursor() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    let waiting = {
        let hub = box_a.hub.clone();
        tokio::spawn(async move { hub.take_receipts(0, Duration::from_secs(60)).await })
    };
    let delivered = b.receipt(&world, &sealed.record, "delivered");
    let seals = [delivered.seal.clone()];
    let behind = shared.hub.give_receipts(&seals).await.unwrap();
    assert_eq!(behind.verdicts, [Verdict::Behind(0)]);
    b.announce(&shared.hub).await;
    let taken = shared.hub.give_receipts(&seals).await.unwrap();
    assert_eq!(taken.verdicts, [Verdict::Taken]);
    let got = timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].1, delivered.seal);

    let collected = b.receipt(&world, &sealed.record, "collected");
    b.announce(&shared.hub).await;
    let both = [delivered.seal.clone(), collected.seal.clone()];
    let taken = shared.hub.give_receipts(&both).await.unwrap();
    assert_eq!(taken.verdicts, [Verdict::Taken, Verdict::Taken]);
    let next = box_a
        .hub
        .take_receipts(got[0].0, Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(next.len(), 1, "a repetition is one receipt");
    assert_eq!(next[0].1, collected.seal);
    let end = box_a.hub.take_receipts(next[0].0, Duration::ZERO).await;
    assert!(end.unwrap().is_empty());
    let elsewhere = shared.hub.take_receipts(0, Duration::ZERO).await;
    assert!(elsewhere.unwrap().is_empty());

    world.clock.advance(Duration::from_secs(61));
    assert!(list(&shared).await.entries.is_empty(), "delivered is done");
    shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
    let today = Day::of(world.clock.now());
    let window = Window {
        first: today,
        last: today,
    };
    statistics::count(&world.store).await.unwrap();
    let directory = world.grounds.borrow().directory.clone();
    let picture = statistics::picture(&world.store, window, directory).await;
    let picture = picture.unwrap();
    let seen: Vec<_> = picture
        .members
        .iter()
        .map(|(code, of)| (code.as_str(), of.documents().sent, of.documents().delivered))
        .collect();
    assert_eq!(seen, [("A", 1, 0), ("B", 0, 1)]);
    assert_eq!(picture.nation.documents().collected, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_still_gets_what_was_accepted_for_it() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    let close = Change::CloseMember {
        code: code("B"),
        successor: None,
    };
    world.apply(vec![close]).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let listed = names(&list(&shared).await);
    assert_eq!(listed, [(sealed.packet, "B".to_owned())]);
    shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
    let delivered = b.receipt(&world, &sealed.record, "delivered");
    b.announce(&shared.hub).await;
    let taken = shared.hub.give_receipts(&[delivered.seal]).await.unwrap();
    assert_eq!(taken.verdicts, [Verdict::Taken]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_ends_the_offer_too() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    let failed = b.receipt(&world, &sealed.record, "failed");
    b.announce(&shared.hub).await;
    shared.hub.give_receipts(&[failed.seal]).await.unwrap();
    assert!(list(&shared).await.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_promises_nothing_is_refused_with_the_reason() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b, mut c) = (world.member("A"), world.member("B"), world.member("C"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    let not_its_own = c.receipt(&world, &sealed.record, "delivered");
    let mut other = sealed.record.clone();
    other.digest = Digest::of(b"another");
    let other_body = b.receipt(&world, &other, "delivered");
    let no_status = b.receipt(&world, &sealed.record, "accepted");
    let not_one: Record = {
        let mut record = sealed.record.clone();
        record.from = code("B");
        assert_eq!(record.kind, RecordKind::Packet);
        record
    };
    let not_one = b.seal(not_one, Vec::new());
    let good = b.receipt(&world, &sealed.record, "delivered");
    b.announce(&shared.hub).await;
    c.announce(&shared.hub).await;
    let seals: Vec<Vec<u8>> = [&not_its_own, &other_body, &no_status, &not_one, &good]
        .map(|sealed| sealed.seal.clone())
        .into();
    let taken = shared.hub.give_receipts(&seals).await.unwrap().verdicts;
    for (verdict, word) in taken
        .iter()
        .zip(["no packet", "digest", "accepted", "packet"])
    {
        match verdict {
            Verdict::Refused(reason) => assert!(reason.contains(word), "{reason}"),
            other => panic!("{word}: {other:?}"),
        }
    }
    assert_eq!(taken[4], Verdict::Taken);
    let through_another = box_a.hub.give_receipts(&seals[4..]).await.unwrap();
    assert!(matches!(
        through_another.verdicts[..],
        [Verdict::Refused(_)]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_only_when_they_are_old_and_delivered_everywhere() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    let later = i64::MAX;
    assert_eq!(
        world.hub.forget_bodies(later).await.unwrap(),
        0,
        "not delivered"
    );
    let delivered = b.receipt(&world, &sealed.record, "delivered");
    b.announce(&shared.hub).await;
    shared.hub.give_receipts(&[delivered.seal]).await.unwrap();
    assert_eq!(world.hub.forget_bodies(0).await.unwrap(), 0, "not old");
    shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
    assert_eq!(world.hub.forget_bodies(later).await.unwrap(), 1);
    let gone = shared
        .hub
        .fetch(sealed.packet, &code("B"))
        .await
        .unwrap_err();
    assert_eq!(gone.class(), crate::retry::Class::Refuse, "{gone}");
    assert_eq!(world.hub.forget_bodies(later).await.unwrap(), 0, "once");
}
