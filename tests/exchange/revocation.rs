//! Certificates and lists that change while documents travel: a seal revoked, lists grown old, keys certified anew,
//! processes told to stop.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;
use trucgate::cmd::demo::exchange::{Exchange, is};
use trucgate::cmd::demo::process::Process;
use trucgate::journal::ids;
use trucgate::provision::lab::Lab;
use trucgate::trust::directory::Fingerprint;
use trucgate::trust::issue::{Use, Wanted};
use trucgate::trust::{Refusal, Verdict, key_of, pem};
use trucgate::vxp::client::Software;
use trucgate::vxp::{MessageType, Transport};

use crate::world::boxes::{box_with, enter, first_certificate, reload, serial};
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, member, now, plan, received, send, sending,
    sent_as, until, write,
};

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

fn hub(exchange: &Exchange) -> &Process {
    exchange.hub.main.as_ref().unwrap()
}

/// Sends a document of a receiver to [`SENDER`].
async fn answer(world: &World, from: &str, number: u32) -> String {
    let mut draft = document(&[SENDER], number);
    draft.from = member(from);
    send(&world.software(from), draft.edxml().unwrap()).await
}

async fn row_of(software: &Software, doc: &str) -> Option<Value> {
    let rows = software.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
    rows.into_iter().find(|row| row["senderDocId"] == doc)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_seal_stops_its_member_and_nobody_else() {
    let world = World::start();
    let (revoked, neighbour) = (RECEIVERS[0], RECEIVERS[1]);
    let lab = &world.exchange.lab;
    let chain = lab.boxes[1].chain(&format!("seal-{revoked}"));
    let serial = serial(&first_certificate(&chain));
    lab.revoke(&serial).unwrap();
    reload(hub(&world.exchange));

    let doc = answer(&world, revoked, 1).await;
    let fits =
        |line: &Value| is(line, &ids::PACKET_REFUSED) && text(line, "REASON").contains(&serial);
    let (_, line) = hub(&world.exchange).line(0, PATIENCE, fits).unwrap();
    let reason = text(&line, "REASON");
    assert!(reason.contains("its issuer has revoked it"), "{reason}");
    assert!(reason.contains(revoked), "{reason}");
    assert_eq!(
        text(&line, "NEXT"),
        Refusal::new(Verdict::Revoked, "").next()
    );
    assert!(text(&line, "PEER").contains(lab.boxes[1].code.as_str()));
    let told = |line: &Value| is(line, &ids::CHECKPOINT_REFUSED) && line["MEMBER"] == revoked;
    let (_, line) = world
        .exchange
        .relay(1)
        .unwrap()
        .line(0, PATIENCE, told)
        .unwrap();
    assert!(text(&line, "REASON").contains("đã bị thu hồi"), "{line}");
    assert!(text(&line, "REASON").contains(&serial), "{line}");

    // The neighbour behind the same box sends, gets and confirms as ever; the hub is not held to be away.
    let of_neighbour = answer(&world, neighbour, 2).await;
    let software = world.software(neighbour);
    sent_as(&software, &of_neighbour, Transport::Processing).await;
    let circular = document(&RECEIVERS[..2], 3).edxml().unwrap();
    let sender = world.software(SENDER);
    let circular = send(&sender, circular).await;
    let rows = received(&software, 1).await;
    let id = rows[0]["docId"].as_str().unwrap();
    let done = software.update_status(id, Transport::Done, None).await;
    assert!(done.unwrap().is_ok());
    until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        let done = |row: &Value| {
            row["senderDocId"] == circular.as_str()
                && row["toCode"] == neighbour
                && row["receiveStatus"] == "done"
        };
        rows.iter().any(done).then_some(())
    })
    .await;
    let away = |line: &Value| is(line, &ids::HUB_AWAY);
    let relay = world.exchange.relay(1).unwrap();
    assert!(relay.line(0, std::time::Duration::ZERO, away).is_err());
    // What the member itself sent is neither accepted nor given up.
    let row = row_of(&world.software(revoked), &doc).await.unwrap();
    assert_eq!(row["sendStatus"], "processing");
}

/// Rewrites what the hub and both boxes do with lists that are too old, and starts them again.
fn declare(exchange: &mut Exchange, then: &str) {
    let lab = &exchange.lab;
    for machine in std::iter::once(&lab.hub).chain(&lab.boxes) {
        let text = std::fs::read_to_string(machine.config()).unwrap();
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with("stale_"))
            .collect();
        let stale = format!("[trust]\nstale_hours = 0\nstale_then = \"{then}\"");
        let text = kept.join("\n").replace("[trust]", &stale);
        write(&machine.config(), text);
    }
    exchange.hub.main = None;
    exchange.start_hub().unwrap();
    for number in 0..exchange.boxes.len() {
        exchange.boxes[number].main = None;
        exchange.start_relay(number).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_too_old_do_what_is_declared_and_new_ones_heal_it() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    let mut plan = plan();
    plan.clock = Some(clock.clone());
    let mut world = World::with(&plan);
    let week = time::Duration::days(7) + time::Duration::hours(1);
    let moved = |times: i32| {
        let by = week * times;
        write(&clock, by.whole_seconds().to_string());
        now() + by
    };
    // Each arrival adds to what the receiver was offered.
    let mut arrived = 0;
    let mut travel = async |world: &World, at, number: u32| {
        let doc = send(
            &world.software(SENDER).made_at(at),
            document(&RECEIVERS[..1], number).edxml().unwrap(),
        )
        .await;
        arrived += 1;
        received(&world.software(RECEIVERS[0]).made_at(at), arrived).await;
        doc
    };

    // `continue`: a week later all lists are too old, and all goes on.
    declare(&mut world.exchange, "continue");
    travel(&world, now(), 1).await;
    let at = moved(1);
    travel(&world, at, 2).await;

    // `queue`: with lists of that time all goes on; another week later documents are taken and wait.
    world.exchange.lab.renew_lists(at).unwrap();
    declare(&mut world.exchange, "queue");
    travel(&world, at, 3).await;
    let at = moved(2);
    let sender = world.software(SENDER).made_at(at);
    let from = [0, 1].map(|number| world.exchange.relay(number).unwrap().lines());
    let doc = send(&sender, document(&RECEIVERS[..1], 4).edxml().unwrap()).await;
    let next = Refusal::new(Verdict::RevocationUnknown, "").next();
    let fits = |line: &Value| text(line, "REASON").contains("declared window is over");
    let (_, line) = hub(&world.exchange).line(0, PATIENCE, fits).unwrap();
    assert_eq!(text(&line, "NEXT"), next, "{line}");
    let told = |line: &Value| {
        is(line, &ids::PEER_REFUSED) || is(line, &ids::PACKET_HELD) || is(line, &ids::HUB_AWAY)
    };
    let relay = world.exchange.relay(0).unwrap();
    relay.line(from[0], PATIENCE, told).unwrap();
    let row = row_of(&sender, &doc).await.unwrap();
    assert_eq!(row["sendStatus"], "processing", "it waits: {row}");

    // New lists, no restart.
    world.exchange.lab.renew_lists(at).unwrap();
    for process in [
        hub(&world.exchange),
        relay,
        world.exchange.relay(1).unwrap(),
    ] {
        reload(process);
    }
    received(&world.software(RECEIVERS[0]).made_at(at), 4).await;
    sent_as(&sender, &doc, Transport::Processing).await;
}

/// Softwares that send one document after the other until they are told to stop, or their box stops answering.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    running: Vec<tokio::task::JoinHandle<(Vec<String>, Option<String>)>>,
}

impl Load {
    pub fn start(world: &World) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU32::new(0));
        let one = |number: u32| {
            let (software, stop, sent) = (world.software(SENDER), stop.clone(), sent.clone());
            tokio::spawn(async move {
                let mut docs = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let count = u32::try_from(docs.len()).unwrap();
                    let edxml = document(&RECEIVERS[..1], number * 100_000 + count).edxml();
                    let reply = software
                        .send(&sending(MessageType::Edoc), edxml.unwrap().into())
                        .await;
                    match reply {
                        Ok(reply) if reply.is_ok() => docs.push(reply.doc_id().unwrap().to_owned()),
                        Ok(reply) => return (docs, Some(format!("{reply:?}"))),
                        Err(error) => return (docs, Some(error.to_string())),
                    }
                    sent.fetch_add(1, Ordering::Relaxed);
                }
                (docs, None)
            })
        };
        let running = (1..=6).map(one).collect();
        Self {
            stop,
            sent,
            running,
        }
    }

    /// Waits until that many more were answered.
    pub async fn more(&self, count: u32) {
        let from = self.sent.load(Ordering::Relaxed);
        until(async || (self.sent.load(Ordering::Relaxed) >= from + count).then_some(())).await;
    }

    /// What was answered, and what ended it.
    pub async fn end(self) -> (BTreeSet<String>, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let (mut docs, mut ends) = (BTreeSet::new(), Vec::new());
        for one in self.running {
            let (sent, end) = one.await.unwrap();
            docs.extend(sent);
            ends.extend(end);
        }
        (docs, ends)
    }
}

/// Certifies the key of a machine's TLS certificate anew.
fn recertified(lab: &Lab, number: usize) -> Vec<u8> {
    let machine = &lab.boxes[number];
    let old = first_certificate(&machine.chain("tls"));
    let names = ["localhost".to_owned()];
    lab.issue(&Wanted {
        spki_der: &key_of(&old).unwrap().spki_der,
        usage: Use::Tls { names: &names },
        code: Some(&machine.code),
        name: "TEST TLS renewed",
        not_before: now() - time::Duration::hours(1),
        not_after: now() + time::Duration::days(30),
    })
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn reload_and_stop_under_load_lose_no_answered_document() {
    let mut world = World::start();
    let load = Load::start(&world);
    load.more(20).await;

    // A renewed certificate is registered beside the old one, then shown, while everybody keeps their connections.
    let renewed = recertified(&world.exchange.lab, 0);
    let machine = &world.exchange.lab.boxes[0];
    let old = first_certificate(&machine.chain("tls"));
    let prints = vec![Fingerprint::of(&old), Fingerprint::of(&renewed)];
    enter(&world.exchange, &[box_with(machine.code.as_str(), prints)]);
    let mut chain = pem::encode("CERTIFICATE", &renewed);
    chain.push_str(&std::fs::read_to_string(world.exchange.lab.intermediates()).unwrap());
    write(&machine.chain("tls"), chain);
    let (signer, relay) = (
        world.exchange.boxes[0].signer.as_ref().unwrap(),
        world.exchange.relay(0).unwrap(),
    );
    let (from, signer_from) = (relay.lines(), signer.lines());
    let hub_from = hub(&world.exchange).lines();
    signer.reload().unwrap();
    let reread = |line: &Value| is(line, &ids::CERTIFICATE_RELOADED);
    signer.line(signer_from, PATIENCE, reread).unwrap();
    reload(relay);
    let shown = |line: &Value| text(line, "MESSAGE").contains("TLS presents key tls");
    relay.line(from, PATIENCE, shown).unwrap();
    load.more(10).await;
    for _ in 0..3 {
        reload(relay);
        reload(hub(&world.exchange));
        load.more(5).await;
    }
    let ended = load
        .running
        .iter()
        .any(tokio::task::JoinHandle::is_finished);
    assert!(!ended, "no software lost its connection");
    let dropped = |line: &Value| {
        is(line, &ids::PEER_REFUSED) || is(line, &ids::HUB_AWAY) || is(line, &ids::DISK_FAULT)
    };
    for (process, from) in [(relay, from), (hub(&world.exchange), hub_from)] {
        let line = process.line(from, std::time::Duration::ZERO, dropped);
        assert!(line.is_err(), "{line:?}");
    }

    // It is what the hub sees from now on: the old one can go.
    let only = vec![Fingerprint::of(&renewed)];
    enter(&world.exchange, &[box_with(machine.code.as_str(), only)]);
    load.more(10).await;

    // Told to stop in the middle of it.
    let status = world.exchange.boxes[0].main.as_mut().unwrap().terminate();
    assert!(status.unwrap().success());
    let (docs, ends) = load.end().await;
    assert_eq!(ends.len(), 6, "each saw the stop: {ends:?}");
    // Those that reach a stopped box learn that nobody is there; none is told something untrue.
    for end in &ends {
        assert!(!end.contains("Reply"), "{end}");
    }
    world.exchange.start_relay(0).unwrap();
    let receiver = world.software(RECEIVERS[0]);
    let sender = world.software(SENDER);
    until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        let there: BTreeSet<&str> = rows
            .iter()
            .filter(|row| row["receiveStatus"] == "processing")
            .map(|row| row["senderDocId"].as_str().unwrap())
            .collect();
        docs.iter()
            .all(|doc| there.contains(doc.as_str()))
            .then_some(())
    })
    .await;
    let rows = receiver.received(MessageType::Edoc).await.unwrap();
    let ids: BTreeSet<&str> = rows
        .rows()
        .iter()
        .map(|row| row["docId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), rows.rows().len(), "nothing twice");
    assert!(ids.len() >= docs.len());
    let doc = send(&sender, document(&RECEIVERS[..1], 7).edxml().unwrap()).await;
    sent_as(&sender, &doc, Transport::Processing).await;
}
