use std::time::Duration;

use tokio::time::timeout;

use super::World;
use super::member::*;
use super::world::*;
use crate::evidence::{Record, RecordKind};
use crate::hub::Config;
use crate::hub::door::Asker;
use crate::packet::Digest;
use crate::uplink::Ask;

fn chained<'a>(to: &'a [&'a str], message: &'a str, refs: &'a [&'a str]) -> Draft<'a> {
    Draft {
        message,
        refs,
        priority: 4,
        ..document(to, message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_is_unseen_until_its_document_has_come_and_is_delivered() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let original = a.seal_draft(&world, document(&["B"], "decision"));
    let recall = a.seal_draft(&world, chained(&["B"], "recall", &["decision"]));
    let other = a.seal_draft(&world, document(&["B"], "other"));
    send(&box_a, &mut a, &recall).await;
    assert!(list(&shared).await.entries.is_empty());
    let hidden = shared.hub.fetch(recall.packet, &code("B")).await;
    assert!(hidden.is_err(), "what is not listed is not there");
    send(&box_a, &mut a, &other).await;
    let listed = list(&shared).await;
    assert_eq!(names(&listed), [(other.packet, "B".to_owned())]);

    send(&box_a, &mut a, &original).await;
    let listed = list(&shared).await;
    assert_eq!(
        names(&listed),
        [(original.packet, "B".to_owned())],
        "express as it is, the recall waits for the delivery"
    );
    let waiting = {
        let hub = shared.hub.clone();
        tokio::spawn(async move {
            let ask = Ask {
                wait_ms: 60_000,
                limit: 10,
                anew: false,
            };
            hub.mailbox(&ask).await.unwrap()
        })
    };
    let delivered = b.receipt(&world, &original.record, "delivered");
    b.announce(&shared.hub).await;
    shared.hub.give_receipts(&[delivered.seal]).await.unwrap();
    let listed = timeout(SOON, waiting).await.unwrap().unwrap();
    assert_eq!(names(&listed), [(recall.packet, "B".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_void_gives_up_its_place_so_that_nothing_waits_for_ever() {
    let config = Config {
        max_recipients: 1,
        max_packet_bytes: 6,
        ..Config::default()
    };
    let world = World::with(crate::durable::Disk::real(), config).await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let (refused, body) = a.draft(&world, document(&["B", "NOBODY"], "refused"));
    let status = a.seal_draft(&world, chained(&["B"], "status", &["theirs"]));
    send(&box_a, &mut a, &status).await;
    assert!(list(&shared).await.entries.is_empty());
    let too_large = a.seal(refused.clone(), body.clone());
    a.announce(&box_a.hub).await;
    let put = box_a
        .hub
        .put(refused.packet, &too_large.seal, Some(&too_large.body()))
        .await;
    assert!(put.unwrap_err().to_string().contains("413"));
    let mut void = Record::new(
        RecordKind::Void,
        refused.packet,
        (Digest::of(&body), body.len() as u64),
        refused.from.clone(),
        world.clock.now(),
    );
    void.to.clone_from(&refused.to);
    let void = a.seal(void, Vec::new());
    a.announce(&box_a.hub).await;
    let first = box_a.hub.put(void.packet, &void.seal, None).await.unwrap();
    let again = box_a.hub.put(void.packet, &void.seal, None).await.unwrap();
    assert!(!first.is_empty() && !again.is_empty());
    let listed = list(&shared).await;
    assert_eq!(names(&listed), [(status.packet, "B".to_owned())]);
    let none = shared.hub.fetch(void.packet, &code("B")).await;
    assert!(none.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn urgent_goes_first_then_members_take_turns_then_as_it_came() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let mut sent = Vec::new();
    for (to, priority) in [
        ("B", 0),
        ("B", 0),
        ("B", 0),
        ("B", 0),
        ("C", 0),
        ("D", 0),
        ("C", 3),
        ("D", 4),
    ] {
        let to = [to];
        let draft = Draft {
            priority,
            ..document(&to, "one")
        };
        let sealed = a.seal_draft(&world, draft);
        send(&box_a, &mut a, &sealed).await;
        sent.push(sealed.packet);
    }
    let listed: Vec<_> = list(&shared)
        .await
        .entries
        .iter()
        .map(|entry| sent.iter().position(|p| *p == entry.packet).unwrap())
        .collect();
    assert_eq!(listed[..2], [7, 6]);
    // B, C and D have their turns in some rotation; then only B has something left.
    let mut round = listed[2..5].to_vec();
    round.sort_unstable();
    assert_eq!(round, [0, 4, 5]);
    assert_eq!(listed[5..], [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_one_still_give_each_member_its_turn() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let drafts = ["B", "B", "B", "B", "C", "D"].map(|to| {
        let to = [to];
        a.draft(&world, document(&to, "one"))
    });
    let sealed = a.seal_all(drafts.into());
    for one in &sealed {
        send(&box_a, &mut a, one).await;
    }
    let mut listed = Vec::new();
    for _ in 0..6 {
        let one = list_up_to(&shared, 1).await;
        listed.push(one.entries[0].to.to_string());
    }
    let early = listed.iter().take(4).filter(|to| *to != "B").count();
    assert_eq!(early, 2, "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn leases_end_by_time_or_when_the_box_starts_anew() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B", "C"], "one"));
    send(&box_a, &mut a, &sealed).await;
    assert_eq!(list(&shared).await.entries.len(), 2);
    assert!(list(&shared).await.entries.is_empty());
    world.clock.advance(Duration::from_secs(59));
    assert!(list(&shared).await.entries.is_empty());
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(list(&shared).await.entries.len(), 2);
    assert!(list(&shared).await.entries.is_empty());
    let anew = Ask {
        wait_ms: 0,
        limit: 1,
        anew: true,
    };
    assert_eq!(shared.hub.mailbox(&anew).await.unwrap().entries.len(), 1);
    assert_eq!(list(&shared).await.entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_for_mail_and_only_so_many_wait() {
    let config = Config {
        polls_per_box: 1,
        ..Config::default()
    };
    let world = World::with(crate::durable::Disk::real(), config).await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let wait = Ask {
        wait_ms: 60_000,
        limit: 10,
        anew: false,
    };
    let (one, other) = (shared.hub.mailbox(&wait), shared.hub.mailbox(&wait));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    let (one, other, _) = tokio::join!(one, other, async {
        send(&box_a, &mut a, &sealed).await;
    });
    let (listed, crowded) = if one.is_ok() {
        (one, other)
    } else {
        (other, one)
    };
    assert_eq!(listed.unwrap().entries.len(), 1);
    // The second is refused, unless it came when the first had gone; then it waits until the door closes.
    if let Err(error) = crowded {
        assert!(error.to_string().contains("429"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_comes_up_again_knows_mail_leases_and_directory() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let leased = a.seal_draft(&world, document(&["B"], "leased"));
    send(&box_a, &mut a, &leased).await;
    assert_eq!(list(&shared).await.entries.len(), 1);
    let ready = a.seal_draft(&world, document(&["C"], "ready"));
    send(&box_a, &mut a, &ready).await;

    world
        .grounds
        .send_modify(|grounds| grounds.directory = None);
    let hub = world.reopen().await;
    assert_eq!(hub.refresh_directory().await.unwrap(), 1);
    let asker = Asker {
        code: code(SHARED),
        trust: world.grounds.borrow().trust.clone(),
        directory: hub.directory().unwrap(),
    };
    let ask = Ask {
        wait_ms: 0,
        limit: 10,
        anew: false,
    };
    let listed = hub.list(&asker, ask.clone()).await.unwrap();
    assert_eq!(names(&listed), [(ready.packet, "C".to_owned())]);
    world.clock.advance(Duration::from_secs(61));
    let listed = hub.list(&asker, ask).await.unwrap();
    assert_eq!(listed.entries.len(), 2);
}
