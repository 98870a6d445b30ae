//! What one member's software, and one box, can learn of another's or do in its place: nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::Value;
use trucgate::clock::{Chance, Clock};
use trucgate::cmd::demo::exchange::is;
use trucgate::https::Bytes;
use trucgate::journal::ids;
use trucgate::packet::{MemberId, PacketId};
use trucgate::seal::{Bundle, Seal};
use trucgate::spool::Body;
use trucgate::uplink::{Ask, Error, Hub, Verdict};
use trucgate::vxp::{MessageType, Transport};

use crate::world::boxes::{stolen, to_hub};
use crate::world::vxp::{Raw, Vxp, refused, succeeded};
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, member, received, send, sending, sent_as, until,
};

const ADAPTER: &str = "/XrdAdapter/adapter";
const EDOC: [(&str, &str); 2] = [("servicetype", "eDoc"), ("messagetype", "edoc")];
/// The member whose documents are wanted, and the one behind the same box that wants them.
const OWNER: &str = RECEIVERS[0];
const CURIOUS: &str = RECEIVERS[1];

fn software(world: &World, code: &str) -> Vxp {
    let (machine, tenant) = world.exchange.tenant(&member(code)).unwrap();
    Vxp::new(machine, tenant, ADAPTER)
}

/// All of an answer that could tell two cases apart.
fn told(raw: &Raw) -> (u16, Vec<(String, String)>, &[u8]) {
    let headers = raw.headers.iter().filter(|(name, _)| name != "date");
    (raw.status, headers.cloned().collect(), &raw.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_software_learns_nothing_of_its_neighbours() {
    let world = World::start();
    let (sender, owner) = (world.software(SENDER), world.software(OWNER));
    let circular = send(&sender, document(&RECEIVERS[..2], 1).edxml().unwrap()).await;
    let for_owner = received(&owner, 1).await[0].clone();
    let for_owner = for_owner["docId"].as_str().unwrap();
    let mut own = document(&[SENDER], 2);
    own.from = member(OWNER);
    let of_owner = send(&owner, own.edxml().unwrap()).await;
    received(&sender, 1).await;

    // Ids of the neighbour's documents, in and out, and of another box's are answered as ids of nothing.
    let nothing = PacketId::new(Clock::system().now(), &Chance::system()).to_string();
    for (method, call, given) in [
        ("POST", "getEdoc", None),
        ("GET", "downloadEdoc", None),
        ("GET", "proofEdoc", None),
        ("POST", "updateStatus", Some(("status", "done"))),
        ("POST", "updateStatus", Some(("status", "fail"))),
        ("POST", "updateStatus", Some(("status", "processing"))),
    ] {
        let ask = |doc: &str| {
            let given: Vec<_> = [("docId", doc)].into_iter().chain(given).collect();
            software(&world, CURIOUS).call(method, call, &given, b"{}")
        };
        let none = ask(&nothing);
        refused(&none.json(), "21");
        for doc in [for_owner, &of_owner, &circular, "no-id-at-all"] {
            assert_eq!(told(&ask(doc)), told(&none), "{call} {doc}");
        }
    }
    // Nothing of it was done.
    let row = &received(&owner, 1).await[0];
    assert_eq!(
        (&row["docId"], &row["status"]),
        (&for_owner.into(), &"initial".into())
    );

    // Lists and counts are a member's own.
    let mut curious = software(&world, CURIOUS);
    let listed = until(async || {
        let answer = curious.post("getReceivedEdocList", &EDOC, b"");
        let rows = succeeded(&answer)["data"].as_array().unwrap().clone();
        (!rows.is_empty()).then_some(rows)
    })
    .await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["to"], CURIOUS);
    let count = curious.post("countReceiveEdoc", &[], b"{}");
    assert_eq!(succeeded(&count)["count"], 1);
    let sent = curious.post("getSentEdocList", &EDOC, b"");
    assert_eq!(succeeded(&sent)["data"], serde_json::json!([]));

    // It sends as nobody else, neighbour or stranger, whoever the packet says it is from.
    for from in [OWNER, SENDER] {
        let mut draft = document(&[RECEIVERS[2]], 3);
        draft.from = member(from);
        let answer = curious.post("sendEdoc", &EDOC, &draft.edxml().unwrap());
        let reason = refused(&answer, "19");
        assert!(reason.contains(from), "{reason}");
    }

    // What a neighbour said about the circular that both got is between it and the sender.
    let refusal = world.software(CURIOUS);
    let doc = listed[0]["docId"].as_str().unwrap();
    let why = Some("Văn bản không thuộc thẩm quyền");
    let reply = refusal.update_status(doc, Transport::Fail, why).await;
    assert!(reply.unwrap().is_ok());
    until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        rows.iter()
            .any(|row| row["receiveStatus"] == "fail")
            .then_some(())
    })
    .await;
    let givers = |proof: Vec<u8>| -> Vec<String> {
        let bundle = Bundle::from_json(&proof).unwrap();
        bundle.receipts.iter().map(|one| giver(one)).collect()
    };
    let proof = proof_of(&world, OWNER, for_owner);
    assert!(givers(proof).iter().all(|giver| giver == OWNER));
    let all = givers(proof_of(&world, SENDER, &circular));
    for giver in [OWNER, CURIOUS, world.exchange.lab.hub.code.as_str()] {
        assert!(all.iter().any(|one| one == giver), "{giver}: {all:?}");
    }
}

fn proof_of(world: &World, code: &str, doc: &str) -> Vec<u8> {
    let raw = software(world, code).call("GET", "proofEdoc", &[("docId", doc)], b"");
    assert_eq!(raw.status, 200);
    raw.body
}

/// Who sealed a receipt.
fn giver(seal: &str) -> String {
    let seal = Seal::decode(&BASE64.decode(seal.as_bytes()).unwrap()).unwrap();
    let record = String::from_utf8(seal.record).unwrap();
    let from = record.lines().find_map(|line| line.strip_prefix("from: "));
    from.unwrap().to_owned()
}

/// Status and words of the hub's answer.
fn problem(error: &Error) -> (u16, String) {
    match error {
        Error::Problem { status, detail, .. } => (*status, detail.clone()),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_gets_and_gives_nothing_in_another_ones_name() {
    let mut world = World::start();
    let sender = world.software(SENDER);
    let edxml = document(&RECEIVERS[..1], 1).edxml().unwrap();
    let doc = send(&sender, edxml).await;
    received(&world.software(OWNER), 1).await;
    sent_as(&sender, &doc, Transport::Processing).await;
    let packet: PacketId = doc.parse().unwrap();
    let to: MemberId = member(OWNER);
    let lab = &world.exchange.lab;
    let as_box = async |number: usize| {
        let credential = stolen(&lab.boxes[number]).await;
        Hub::new(to_hub(lab, Some(credential)))
    };
    let (thief, other) = (as_box(0).await, as_box(1).await);
    let hub = world.exchange.hub.main.as_ref().unwrap();

    // What is there is fetched by its recipient's box alone; for the others it is as if there were nothing.
    let nothing = PacketId::new(Clock::system().now(), &Chance::system());
    let foreign = problem(&thief.fetch(packet, &to).await.unwrap_err());
    let none = problem(&thief.fetch(nothing, &to).await.unwrap_err());
    assert_eq!(foreign, none);
    assert_eq!(none.0, 404);
    let mut fetched = other.fetch(packet, &to).await.unwrap();
    let mut body = fetched.start.to_vec();
    body.extend_from_slice(&fetched.rest.read_all(1 << 20).await.unwrap());

    // Receipts are given by the recipient's box alone, and taken by the sender's.
    let bundle = Bundle::from_json(&proof_of(&world, SENDER, &doc)).unwrap();
    let promise = bundle.receipts.iter().find(|one| giver(one) == OWNER);
    let promise = BASE64.decode(promise.unwrap().as_bytes()).unwrap();
    let verdict = |taken: trucgate::uplink::Taken| taken.verdicts[0].clone();
    let given = thief
        .give_receipts(std::slice::from_ref(&promise))
        .await
        .unwrap();
    assert!(
        matches!(verdict(given), Verdict::Refused(reason) if reason.contains(OWNER)),
        "a receipt of another box's member"
    );
    let own = other.give_receipts(&[promise]).await.unwrap();
    assert_eq!(verdict(own), Verdict::Taken);
    assert!(
        other
            .take_receipts(0, Duration::ZERO)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        !thief
            .take_receipts(0, Duration::ZERO)
            .await
            .unwrap()
            .is_empty()
    );

    // A packet that a member of another box sealed, and its head, are refused, with a line that says whose.
    let from = hub.lines();
    let body = Body::Inline(Arc::from(body));
    let error = other.put(packet, &fetched.seal, Some(&body)).await;
    assert_eq!(problem(&error.unwrap_err()).0, 403);
    let fits = |line: &Value| is(line, &ids::PEER_REFUSED) && line["MEMBER"] == SENDER;
    let (_, line) = hub.line(from, PATIENCE, fits).unwrap();
    assert_eq!(line["PACKET_ID"], doc.as_str());
    let peer = line["PEER"].as_str().unwrap();
    assert!(peer.contains(lab.boxes[1].code.as_str()), "{peer}");
    assert!(line["NEXT"].as_str().unwrap().contains("register"));
    let seal = Seal::decode(&fetched.seal).unwrap();
    let head = trucgate::evidence::Head {
        origin: member(SENDER),
        size: 1,
        root: [0; 32],
        body: seal.checkpoint,
        cms: seal.cms,
    };
    let error = other.announce(&head, 0, &[]).await.unwrap_err();
    assert_eq!(problem(&error).0, 403);

    // What waits is listed for its own box alone.
    world.exchange.boxes[1].main = None;
    let waiting = send(&sender, document(&RECEIVERS[..1], 2).edxml().unwrap()).await;
    until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        let there =
            |row: &Value| row["senderDocId"] == waiting.as_str() && row["sendStatus"] == "done";
        rows.iter().any(there).then_some(())
    })
    .await;
    let ask = Ask {
        wait_ms: 0,
        limit: 100,
        anew: false,
    };
    assert!(thief.mailbox(&ask).await.unwrap().entries.is_empty());
    let listed = other.mailbox(&ask).await.unwrap().entries;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].packet.to_string(), waiting);
}

/// Documents of the measured member, and softwares of the one that floods.
const MEASURED: u32 = 60;
const FLOODING: usize = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_floods_takes_nobodys_turn() {
    let world = World::start();
    let owner = world.software(OWNER);
    let calm = answers(&owner, 1_000).await;
    let stop = Arc::new(AtomicBool::new(false));
    let flood: Vec<_> = (0..FLOODING)
        .map(|one| {
            let (software, stop) = (world.software(CURIOUS), stop.clone());
            tokio::spawn(async move {
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    let number = u32::try_from(10_000 * (one + 1) + sent).unwrap();
                    let reply = software
                        .send(&sending(MessageType::Edoc), file(CURIOUS, number))
                        .await;
                    assert!(reply.unwrap().is_ok());
                    sent += 1;
                }
                sent
            })
        })
        .collect();
    let flooded = answers(&owner, 2_000).await;
    stop.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for one in flood {
        sent += one.await.unwrap();
    }
    let at = |answers: &[Duration], percent: usize| answers[answers.len() * percent / 100];
    println!(
        "calm p50 {:?} p99 {:?}; under a flood of {sent} p50 {:?} p99 {:?}",
        at(&calm, 50),
        at(&calm, 99),
        at(&flooded, 50),
        at(&flooded, 99)
    );
    // The ratio is a figure of the bench; here each was answered, none refused, while others were many more.
    assert!(sent > flooded.len(), "{sent}");
    assert!(at(&flooded, 99) < Duration::from_secs(5));
}

fn file(from: &str, number: u32) -> Bytes {
    let mut draft = document(&[SENDER], number);
    draft.from = member(from);
    draft.edxml().unwrap().into()
}

/// How long each of a member's documents took to be answered, sorted.
async fn answers(software: &trucgate::vxp::client::Software, first: u32) -> Vec<Duration> {
    let mut all = Vec::new();
    for number in first..first + MEASURED {
        let file = file(OWNER, number);
        let start = Instant::now();
        let reply = software
            .send(&sending(MessageType::Edoc), file)
            .await
            .unwrap();
        assert!(reply.is_ok(), "{reply:?}");
        all.push(start.elapsed());
    }
    all.sort_unstable();
    all
}
