//! What comes before what: chains hold, the urgent overtakes, members share, and nothing waits for ever.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use trucgate::cmd::demo::documents::Draft;
use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;
use trucgate::packet::{DocId, Kind, PacketId, Priority};
use trucgate::vxp::client::Software;
use trucgate::vxp::{MessageType, Transport};

use crate::world::machines::Who::Hub;
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, member, received, send, sent_as, until,
};

const RECEIVER: &str = RECEIVERS[0];

/// The id under which a recipient gets what the sender knows by another.
fn at(receiver: &str, sent: &str) -> String {
    let packet = PacketId::of_sender(sent.parse().unwrap());
    DocId::of_recipient(packet, &member(receiver)).to_string()
}

fn ids_of(rows: &[Value]) -> Vec<String> {
    let ids = rows.iter().map(|row| row["docId"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

/// A recall of document `number` that is more urgent than anything.
fn recall(to: &[&str], number: u32) -> Draft {
    Draft {
        kind: Kind::Recall,
        priority: Priority::ExpressAt,
        names: Some((member(SENDER), number)),
        ..document(to, number + 1_000)
    }
}

/// The number of the hub's line that says it has a packet.
fn taken(world: &World, doc: &str) -> usize {
    let fits = |line: &Value| is(line, &ids::PACKET_ACCEPTED) && line["PACKET_ID"] == doc;
    world.process(Hub).line(0, PATIENCE, fits).unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_never_shows_before_its_document_though_it_is_faster() {
    let mut world = World::start();
    let (sender, receiver) = (world.software(SENDER), world.software(RECEIVER));
    world.kill(Hub);
    let large = Draft {
        attachment: 24 << 20,
        ..document(&[RECEIVER], 1)
    };
    let document = send(&sender, large.edxml().unwrap()).await;
    let recall = send(&sender, recall(&[RECEIVER], 1).edxml().unwrap()).await;
    world.again(Hub);
    let (document_at, recall_at) = (at(RECEIVER, &document), at(RECEIVER, &recall));
    until(async || {
        let reply = receiver.received(MessageType::Edoc).await.ok()?;
        let listed: BTreeSet<String> = ids_of(reply.rows()).into_iter().collect();
        let [document, recall] = [&document_at, &recall_at].map(|id| listed.contains(id));
        assert!(document || !recall, "the recall shows first");
        recall.then_some(())
    })
    .await;
    assert!(
        taken(&world, &recall) < taken(&world, &document),
        "the recall was to be faster, or this shows nothing"
    );
}

/// Sends them, a few at a time.
async fn flood(software: &Software, drafts: impl Iterator<Item = Draft>) {
    let drafts: Vec<Draft> = drafts.collect();
    for some in drafts.chunks(8) {
        let sending = some
            .iter()
            .map(|draft| send(software, draft.edxml().unwrap()));
        futures_util::future::join_all(sending).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_urgent_overtakes_what_waited_for_the_hub() {
    const WAITING: u32 = 700;
    let mut world = World::start();
    let (sender, receiver) = (world.plain_software(SENDER), world.software(RECEIVER));
    world.kill(Hub);
    flood(
        &sender,
        (0..WAITING).map(|number| document(&[RECEIVER], number)),
    )
    .await;
    let urgent = Draft {
        priority: Priority::VeryUrgent,
        ..document(&[RECEIVER], WAITING)
    };
    let urgent = send(&sender, urgent.edxml().unwrap()).await;
    world.again(Hub);
    let rows = received(&receiver, WAITING as usize + 1).await;
    let place = ids_of(&rows)
        .iter()
        .position(|id| *id == at(RECEIVER, &urgent));
    // Those that were on the lines already, 256 to the hub and some from it, can't be overtaken.
    assert!(place.unwrap() < 400, "it came as number {place:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_members_flood_does_not_hold_up_another_of_the_box() {
    const FLOOD: u32 = 400;
    let mut world = World::start();
    // Without TLS: handshakes of one address are rationed.
    let [loud, quiet] = [RECEIVERS[0], RECEIVERS[1]].map(|code| world.plain_software(code));
    let receiver = world.software(SENDER);
    let draft = |from: &str, number| Draft {
        from: member(from),
        to: vec![member(SENDER)],
        ..document(&[], number)
    };
    world.kill(Hub);
    flood(&loud, (0..FLOOD).map(|number| draft(RECEIVERS[0], number))).await;
    flood(&quiet, (0..3).map(|number| draft(RECEIVERS[1], number))).await;
    world.again(Hub);
    let rows = received(&receiver, FLOOD as usize + 3).await;
    let last = rows.iter().rposition(|row| row["from"] == RECEIVERS[1]);
    assert!(
        last.unwrap() < 200,
        "the quiet one's last came as number {last:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_hub_refuses_for_good_fails_with_its_reason_and_holds_nothing_up() {
    let mut world = World::start();
    let (sender, other) = (world.software(SENDER), world.software(RECEIVERS[1]));
    let kept = send(&sender, document(&RECEIVERS[..2], 1).edxml().unwrap()).await;
    sent_as(&sender, &kept, Transport::Processing).await;
    world.kill(Hub);
    let one = document(&RECEIVERS[..1], 2).edxml().unwrap();
    let refused = send(&sender, one).await;
    let both = document(&RECEIVERS[..2], 3).edxml().unwrap();
    let reached = send(&sender, both.clone()).await;
    close(&world, RECEIVERS[0]);
    world.again(Hub);
    // Nobody is left of its recipients: it is refused as a whole.
    let rows = sent_as(&sender, &refused, Transport::Fail).await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["sendStatus"], Transport::Fail.as_str());
    let reason = rows[0]["receiveStatusDesc"].as_str().unwrap();
    assert!(reason.contains(RECEIVERS[0]), "{reason}");
    // One is left: it gets the document, the other reads fail.
    let rows = received(&other, 2).await;
    let doc = at(RECEIVERS[1], &reached);
    assert!(ids_of(&rows).contains(&doc));
    let done = other.update_status(&doc, Transport::Done, None).await;
    assert!(done.unwrap().is_ok());
    let rows = until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        let row = |code: &str| {
            let is = |row: &&Value| row["senderDocId"] == reached.as_str() && row["toCode"] == code;
            rows.iter().find(is).cloned()
        };
        let both = [row(RECEIVERS[0])?, row(RECEIVERS[1])?];
        (both[1]["receiveStatus"] == "done").then_some(both)
    })
    .await;
    assert_eq!(rows[0]["receiveStatus"], "fail");
    let reason = rows[0]["receiveStatusDesc"].as_str().unwrap();
    assert!(
        reason.contains("đã đóng") && reason.contains(RECEIVERS[0]),
        "{reason}"
    );
    assert!(rows.iter().all(|row| row["sendStatus"] == "done"));
    // The void gave the place up: what is tied to the earlier document does not wait for it.
    let recall = send(&sender, recall(&RECEIVERS[1..2], 1).edxml().unwrap()).await;
    let rows = received(&other, 2).await;
    assert!(ids_of(&rows).contains(&at(RECEIVERS[1], &recall)));
    // Sent again after a fail, to whom it reaches, it is a new document.
    let again = document(&RECEIVERS[1..2], 3).edxml().unwrap();
    assert_ne!(send(&sender, again).await, reached);
    received(&other, 3).await;
}

/// The operator closes a code while the hub stands still.
fn close(world: &World, code: &str) {
    let hub = world.machine(Hub);
    let file = hub.directory.join("close.json");
    let changes = json!([{"close-member": {"code": code, "successor": null}}]);
    let disk = trucgate::durable::Disk::real();
    disk.replace(&file, changes.to_string().as_bytes()).unwrap();
    world.exchange.apply(&file).unwrap();
}
