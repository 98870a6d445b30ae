//! A box that is lost and comes back: backups under load, on new hardware with new keys, behind the hub's head and level
//! with it; what must be refused; what is left of what was cut off. `backup::tests` has the file's own properties.

#[path = "backup/lost.rs"]
mod lost;

use std::time::Duration;

use serde_json::Value;
use trucgate::cmd::demo::documents::Draft;
use trucgate::journal::ids;
use trucgate::packet::Digest;
use trucgate::vxp::{MessageType, Transport};

use crate::world::desks::Verifier;
use crate::world::machines::Who::{Hub, HubSigner, Sender};
use crate::world::operators::{employ, failed, id_in, operator, succeeded};
use crate::world::{
    RECEIVERS, SENDER, World, confirm, document, member, now, received, send, sent_as, until,
};
use lost::{Agency, Lost};

const OTHER: &str = RECEIVERS[0];

/// A document of another agency to the one whose box is lost.
fn incoming(number: u32, bytes: Option<u64>) -> Vec<u8> {
    let mut draft = Draft::new(&member(OTHER), &[member(SENDER)], number, now());
    if let Some(bytes) = bytes {
        draft.attachment = bytes;
    }
    draft.edxml().unwrap()
}

async fn listed(world: &World, code: &str, count: usize) -> Vec<String> {
    let rows = received(&world.software(code), count).await;
    rows.iter()
        .map(|row| row["docId"].as_str().unwrap().to_owned())
        .collect()
}

/// What a document is at its recipient.
async fn bytes(world: &World, code: &str, doc: &str) -> Vec<u8> {
    let reply = world.software(code).get(doc).await.unwrap();
    reply.document().unwrap()
}

/// The whole story, with a hub that has seen more than the backup has.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_box_comes_back_on_new_hardware_behind_the_hubs_head() {
    let mut world = World::start();
    let (an, binh) = (operator(&world, "An"), operator(&world, "Bình"));
    employ(&mut world, Hub, &[(&an, "approve"), (&binh, "approve")]);
    let agency = Agency::new(&mut world);

    // What has gone its way before the backup, and its proof.
    let first = document(&[OTHER], 1).edxml().unwrap();
    let old = send(&world.software(SENDER), first.clone()).await;
    let arrived = listed(&world, OTHER, 1).await.remove(0);
    confirm(&world.software(OTHER), &arrived).await;
    sent_as(&world.software(SENDER), &old, Transport::Done).await;
    // What is offered, small and large, and what is kept while the hub is away.
    let other = world.software(OTHER);
    let sent = [
        incoming(2, None),
        incoming(3, Some(300_000)),
        incoming(5, Some(100_000)),
    ];
    for edxml in &sent[..2] {
        send(&other, edxml.clone()).await;
    }
    let offered = listed(&world, SENDER, 2).await;
    world.kill(Hub);
    world.kill(HubSigner);
    let kept = send(
        &world.software(SENDER),
        document(&[OTHER], 4).edxml().unwrap(),
    )
    .await;

    let load = agency.load(&world);
    let backup = agency.backup(&world);
    world.again(Hub);
    let acknowledged = load.end().await;
    succeeded(&agency.rehearse(&world));

    // What happens behind the backup, and is lost with the box.
    until(async || {
        let rows = world
            .software(OTHER)
            .received(MessageType::Edoc)
            .await
            .ok()?;
        (rows.rows().len() == 1 + acknowledged.len()).then_some(())
    })
    .await;
    confirm(&world.software(SENDER), &offered[0]).await;
    received(&world.software(SENDER), 1).await;
    send(&other, sent[2].clone()).await;
    listed(&world, SENDER, 2).await;
    let late = send(
        &world.software(SENDER),
        document(&[OTHER], 6).edxml().unwrap(),
    )
    .await;
    sent_as(&world.software(SENDER), &late, Transport::Processing).await;
    let expected = listed(&world, OTHER, 2 + acknowledged.len()).await;
    until(async || {
        let rows = other.sent(MessageType::Edoc).await.ok()?;
        let done = |row: &&Value| row["receiveStatus"] == "done";
        (rows.rows().iter().filter(done).count() == 1).then_some(())
    })
    .await;

    let lost = Lost::replace(&mut world);
    let said = agency.restore(&world, &backup, "key.pem");
    assert!(succeeded(&said).contains("signed by the seal key of 000.00.00.G22"));
    world.again_with_signer();
    // Not before the old box is locked out …
    let unregistered = |line: &Value| {
        line["REASON"]
            .as_str()
            .unwrap()
            .contains("has not registered")
    };
    world.said(Sender, 0, &ids::BOX_FENCED, 0, unregistered);
    let report = world.status();
    assert!(report.contains("restored and fenced"), "{report}");
    let refused = world
        .software(SENDER)
        .received(MessageType::Edoc)
        .await
        .unwrap();
    assert!(!refused.is_ok(), "{refused:?}");
    lost.register(&world);
    // … and two operators of the hub let the log go on.
    let ahead = |line: &Value| line["NEXT"].as_str().unwrap().contains("open-epoch");
    let at = world.said(Sender, 0, &ids::BOX_FENCED, 0, ahead);
    let command = lost::command(
        &world
            .process(Sender)
            .line(at - 1, Duration::from_secs(1), |_| true)
            .unwrap()
            .1,
    );
    let mut strange: Vec<String> = command.clone();
    strange[5] = strange[7].clone();
    let typed = |words: &[String]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        an.types(&world, Hub, &words)
    };
    assert!(failed(&typed(&strange)).contains("no box has asked"));
    let id = id_in(&succeeded(&typed(&command)));
    let alone = an.types(&world, Hub, &["agree", "approve", &id, "--yes"]);
    assert!(failed(&alone).contains("An"));
    succeeded(&binh.types(&world, Hub, &["agree", "approve", &id, "--yes"]));
    world.said(Sender, 0, &ids::FENCE_LIFTED, 0, |_| true);

    // Collected since: not offered. Offered before: offered once. Delivered since: here again, byte for byte.
    let again = listed(&world, SENDER, 2).await;
    assert!(
        !again.contains(&offered[0]) && again.contains(&offered[1]),
        "{again:?}"
    );
    for doc in &again {
        let bytes = bytes(&world, SENDER, doc).await;
        assert!(sent.contains(&bytes), "byte for byte: {doc}");
        confirm(&world.software(SENDER), doc).await;
    }
    received(&world.software(SENDER), 0).await;
    // What was acknowledged before the backup has arrived once, whether the old box or the new one has brought it.
    let rows = sent_as(&world.software(SENDER), &kept, Transport::Processing).await;
    assert_eq!(rows.len(), 1);
    // Old proofs hold, by the restored box and as evidence of long ago.
    let sender = world.software(SENDER);
    let verifier = Verifier::of(&world);
    assert!(verifier.proves(&sender, &old, &first).await);
    // And on it goes, in both directions, with recalls that wait for no lost place.
    let new = send(
        &world.software(SENDER),
        document(&[OTHER], 7).edxml().unwrap(),
    )
    .await;
    sent_as(&world.software(SENDER), &new, Transport::Processing).await;
    let mut now_there = listed(&world, OTHER, expected.len() + 1).await;
    now_there.retain(|doc| !expected.contains(doc));
    assert_eq!(now_there.len(), 1, "nothing came twice");
    send(&other, incoming(8, None)).await;
    listed(&world, SENDER, 1).await;
    lost.is_locked_out(&mut world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_level_with_the_hub_needs_no_operators_and_a_cut_restore_is_repeated() {
    let mut world = World::start();
    let agency = Agency::new(&mut world);
    let other = world.software(OTHER);
    for number in 1..=6 {
        send(&other, incoming(number, Some(200_000))).await;
    }
    let offered = listed(&world, SENDER, 6).await;
    until(async || {
        let rows = other.sent(MessageType::Edoc).await.ok()?;
        let there = rows
            .rows()
            .iter()
            .filter(|row| row["receiveStatus"] == "processing")
            .count();
        (there == 6).then_some(())
    })
    .await;
    agency.cut(&world);
    let backup = agency.backup(&world);
    let lost = Lost::replace(&mut world);
    let before = lost::files(&world);
    // Refused, and nothing changed.
    for (what, said) in [
        (
            agency.restore(&world, &backup, "stranger.pem"),
            "does not open",
        ),
        (
            agency.restore(&world, &agency.changed(&backup), "key.pem"),
            "altered",
        ),
        (
            agency.restore(&world, &agency.shortened(&backup), "key.pem"),
            "altered",
        ),
        (
            lost.restore_by_other_anchors(&world, &agency, &backup),
            "not signed by",
        ),
        (
            lost.restore_as_another(&world, &agency, &backup),
            "of box 00.02.W00",
        ),
    ] {
        assert!(failed(&what).contains(said), "{what:?}");
        assert_eq!(lost::files(&world), before, "{said}");
    }
    // The plug is pulled on it again and again; at last it is let through, with the key opened elsewhere.
    agency.cut_restores(&world, &backup);
    let content = agency.opened_elsewhere(&backup);
    succeeded(&agency.restore_with(&world, &backup, "--content-key", &content));
    let again = agency.restore(&world, &backup, "key.pem");
    assert!(succeeded(&again).contains("in place on this box already"));
    lost.register(&world);
    world.again_with_signer();
    world.said(Sender, 0, &ids::FENCE_LIFTED, 0, |_| true);
    let now_offered = listed(&world, SENDER, 6).await;
    assert_eq!(now_offered, offered);
    for (number, doc) in offered.iter().enumerate() {
        let bytes = bytes(&world, SENDER, doc).await;
        assert!(bytes.len() > 200_000, "{number}: {}", Digest::of(&bytes));
        confirm(&world.software(SENDER), doc).await;
    }
    received(&world.software(SENDER), 0).await;
    // A box with a past is never overwritten.
    world.kill(Sender);
    assert!(failed(&agency.restore(&world, &backup, "key.pem")).contains("has data already"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_finds_what_is_wrong_with_file_or_data() {
    let mut world = World::start();
    let agency = Agency::new(&mut world);
    let report = world.status();
    assert!(report.contains("there is no backup yet"), "{report}");
    let other = world.software(OTHER);
    send(&other, incoming(1, Some(200_000))).await;
    send(&other, incoming(2, None)).await;
    listed(&world, SENDER, 2).await;
    let backup = agency.backup(&world);
    let said = succeeded(&agency.rehearse(&world));
    assert!(
        said.contains("1 logs") && said.contains("2 bodies"),
        "{said}"
    );
    assert!(world.status().contains("rehearsed, holds"));
    agency.change_in_place(&backup);
    assert!(failed(&agency.rehearse(&world)).contains("altered"));
    let report = world.status();
    assert!(report.contains("its rehearsal failed"), "{report}");
    // A body that rots on the box's own disk is found by the rehearsal of the next backup.
    agency.rot_a_body(&world);
    agency.backup(&world);
    let said = failed(&agency.rehearse(&world));
    assert!(said.contains("is not what was sealed"), "{said}");
}
