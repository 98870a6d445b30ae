//! The sources of revocation go away and come back, while documents travel.

use serde_json::Value;
use trucgate::clock::{Clock, Moment};
use trucgate::cmd::demo::exchange::{Exchange, is};
use trucgate::cmd::demo::process::Process;
use trucgate::journal::ids;
use trucgate::seal::Bundle;
use trucgate::vxp::{MessageType, Transport};

use crate::gauges::status;
use crate::world::authority::{Authority, declare};
use crate::world::boxes::{first_certificate, serial};
use crate::world::machines::Who;
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, executable, now, plan, received, send, sent_as,
    until, write,
};

fn text<'a>(line: &'a Value, name: &str) -> &'a str {
    line[name].as_str().unwrap_or_default()
}

/// An exchange that is laid out but does not run yet, under a clock that is moved.
fn laid() -> (World, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    let mut plan = plan();
    plan.clock = Some(clock.clone());
    let exchange = Exchange::lay(&plan, directory.path(), executable()).unwrap();
    (
        World {
            exchange,
            directory,
        },
        clock,
    )
}

/// Hub and boxes, started or started again; their signers stay. Who has no revocation material relies on no directory that
/// it kept either, and gets it anew.
fn start_again(exchange: &mut Exchange, anew: bool) {
    exchange.hub.main = None;
    exchange.start_hub().unwrap();
    for number in 0..exchange.boxes.len() {
        if exchange.boxes[number].signer.is_none() {
            exchange.start_signer(number).unwrap();
        }
        exchange.boxes[number].main = None;
        exchange.start_relay(number).unwrap();
        let relay = exchange.relay(number).unwrap();
        let shown = |line: &Value| text(line, "MESSAGE").contains("TLS presents key");
        relay.line(0, PATIENCE, shown).unwrap();
        if anew {
            exchange.wait_for_directory(number).unwrap();
        }
    }
}

/// Nothing is left of what was fetched, and nobody is there to fetch it once more.
fn forget(exchange: &mut Exchange) {
    exchange.hub.main = None;
    for one in &mut exchange.boxes {
        one.main = None;
    }
    let lab = &exchange.lab;
    for machine in std::iter::once(&lab.hub).chain(&lab.boxes) {
        let kept = machine.state().join("pki");
        if kept.exists() {
            std::fs::remove_dir_all(kept).unwrap();
        }
    }
}

/// Documents from [`SENDER`] to the first receiver, counted.
struct Traffic<'a> {
    clock: &'a std::path::Path,
    base: Moment,
    moved: time::Duration,
    number: u32,
    arrived: usize,
}

impl Traffic<'_> {
    fn at(&self) -> Moment {
        now() + self.moved
    }

    /// Moves all clocks on.
    fn later(&mut self, by: time::Duration) {
        self.moved += by;
        write(self.clock, self.moved.whole_seconds().to_string());
    }

    async fn sends(&mut self, world: &World) -> String {
        self.number += 1;
        let sender = world.software(SENDER).made_at(self.at());
        send(
            &sender,
            document(&RECEIVERS[..1], self.number).edxml().unwrap(),
        )
        .await
    }

    async fn arrives(&mut self, world: &World, doc: &str) {
        self.arrived += 1;
        let receiver = world.software(RECEIVERS[0]).made_at(self.at());
        received(&receiver, self.arrived).await;
        let sender = world.software(SENDER).made_at(self.at());
        sent_as(&sender, doc, Transport::Processing).await;
    }

    async fn travels(&mut self, world: &World) {
        let doc = self.sends(world).await;
        self.arrives(world, &doc).await;
    }
}

/// Which material a run takes away.
struct Material {
    /// How long it is good.
    life: time::Duration,
    /// Words of the refusal.
    late: &'static str,
    /// Configuration that asks for it, and the lists that are files.
    configure: fn(&Authority, &World, &str) -> (String, Vec<&'static str>),
}

/// For each declared mode: all goes on within the window and with the second source; past it the mode is what happens;
/// back again, all goes on, without a restart.
async fn away_and_back(material: &Material) {
    let (mut world, clock) = laid();
    let shared = Clock::moved(clock.clone());
    let mut authority = Authority::start(&world.exchange.lab, shared, time::Duration::hours(2));
    let dead = Authority::nobody();
    let mut traffic = Traffic {
        clock: &clock,
        base: now(),
        moved: time::Duration::ZERO,
        number: 0,
        arrived: 0,
    };
    for mode in ["continue", "queue", "refuse"] {
        world.exchange.lab.renew_lists(traffic.at()).unwrap();
        let stale = format!("stale_hours = 1\nstale_then = \"{mode}\"");
        let (revocation, files) = (material.configure)(&authority, &world, &dead);
        declare(&world.exchange, &files, &stale, &revocation);
        forget(&mut world.exchange);
        start_again(&mut world.exchange, true);
        traffic.travels(&world).await;
        let hub = world.process(Who::Hub);
        let from = |id, words: &str| {
            let words = words.to_owned();
            hub.line(0, PATIENCE, move |line| {
                is(line, id) && text(line, "MESSAGE").contains(&words)
            })
            .unwrap()
        };
        // The first source has never answered; the journal says so, and the second is asked.
        let (_, line) = from(&ids::REVOCATION_SOURCE_AWAY, "is away since");
        assert!(text(&line, "PEER").starts_with(&dead), "{line}");

        authority.end().await;
        traffic.later(material.life + time::Duration::minutes(20));
        // Within the window: told, and all goes on.
        let (_, line) = from(&ids::CRL_STALE, "traffic holds until");
        let hold = traffic.base + traffic.moved;
        assert!(
            text(&line, "MESSAGE").contains(&format!("declared: {mode}")),
            "{line}"
        );
        assert!(
            !text(&line, "NEXT").is_empty() && hold > traffic.base,
            "{line}"
        );
        traffic.travels(&world).await;

        // Past it.
        traffic.later(time::Duration::hours(1));
        let (_, line) = from(
            &ids::REVOCATION_WINDOW_OVER,
            "the declared window is over since",
        );
        assert!(
            text(&line, "MESSAGE").contains(&format!("declared: {mode}")),
            "{line}"
        );
        let sender = world.software(SENDER).made_at(traffic.at());
        if mode == "continue" {
            traffic.travels(&world).await;
        }
        let seen = hub.lines();
        let doc = traffic.sends(&world).await;
        if mode != "continue" {
            let late = |line: &Value| text(line, "REASON").contains(material.late);
            let (_, line) = hub.line(seen.saturating_sub(50), PATIENCE, late).unwrap();
            let rows = sender.sent(MessageType::Edoc).await.unwrap();
            let row = rows
                .rows()
                .iter()
                .find(|row| row["senderDocId"] == doc.as_str());
            assert_eq!(row.unwrap()["sendStatus"], "processing", "it waits: {line}");
        }

        // Back again, without a restart.
        world.exchange.lab.renew_lists(traffic.at()).unwrap();
        authority.begin();
        traffic.arrives(&world, &doc).await;
        from(&ids::REVOCATION_SOURCE_BACK, "is back");
        traffic.travels(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_that_can_not_be_fetched_do_what_is_declared_and_heal() {
    away_and_back(&Material {
        life: time::Duration::days(7),
        late: "the declared window is over",
        configure: |authority, _, dead| (authority.lists(dead), vec![]),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_responder_that_is_away_does_what_is_declared_and_heals() {
    away_and_back(&Material {
        life: time::Duration::hours(2),
        late: "the declared window is over",
        configure: |authority, world, dead| {
            let text = authority.responder(&world.exchange.lab, dead, 1);
            (text, vec!["root.crl"])
        },
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ocsp_ends_a_connection_and_what_was_fetched_survives_a_restart() {
    let (mut world, _) = laid();
    let mut authority = Authority::start(
        &world.exchange.lab,
        Clock::system(),
        time::Duration::seconds(6),
    );
    let revocation = authority.responder(&world.exchange.lab, &Authority::nobody(), 1);
    let stale = "stale_hours = 1\nstale_then = \"queue\"";
    declare(&world.exchange, &["root.crl"], stale, &revocation);
    start_again(&mut world.exchange, true);
    let sender = world.software(SENDER);
    let doc = send(&sender, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    sent_as(&sender, &doc, Transport::Processing).await;
    received(&world.software(RECEIVERS[0]), 1).await;

    // Its proof carries what the responder said of the seals in it.
    let proof = until(async || {
        let mut answer = sender.proof(&doc).await.ok()?;
        let bytes = answer.body.read_all(1 << 22).await.ok()?;
        let bundle = Bundle::from_json(&bytes).ok()?;
        (bundle.receipts.len() == 2 && bundle.answers.len() >= 3).then_some(bytes)
    });
    let path = world.directory.path().join("proof.json");
    write(&path, proof.await);
    let verified = std::process::Command::new(executable())
        .args([
            "evidence",
            "verify",
            "--strict",
            "--hub",
            "00.01.W00",
            "--proof",
        ])
        .arg(&path)
        .arg("--anchors")
        .arg(world.exchange.lab.anchors())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(told.contains("[ocsp-3]"), "{told}");

    // All sources gone, all processes started again: the cache is enough.
    authority.end().await;
    for who in [Who::Hub, Who::Sender, Who::Receiver] {
        world.kill(who);
    }
    start_again(&mut world.exchange, false);
    // What was fetched grows old, within the declared window: the gauge says so and traffic goes on.
    until(async || {
        let said = status(world.machine(Who::Hub));
        let gauge = said.gauge("revocation", "OCSP");
        (gauge["level"] == "warning" && gauge["stops_at"].is_string()).then_some(())
    })
    .await;
    let doc = send(&sender, document(&RECEIVERS[..1], 2).edxml().unwrap()).await;
    sent_as(&sender, &doc, Transport::Processing).await;
    received(&world.software(RECEIVERS[0]), 2).await;

    // The box of the receivers is revoked while it is connected; its neighbour is not.
    let before = authority.asked();
    authority.begin();
    until(async || (authority.asked() > before).then_some(())).await;
    let hub: &Process = world.process(Who::Hub);
    let from = hub.lines();
    let tls = world.exchange.lab.boxes[1].chain("tls");
    let revoked = serial(&first_certificate(&tls));
    authority.revoke(&revoked);
    let fits = |line: &Value| {
        is(line, &ids::PEER_REFUSED)
            && text(line, "REASON").contains(&revoked)
            && text(line, "REASON").contains("by OCSP")
    };
    hub.line(from, PATIENCE, fits).unwrap();
    let relay = world.exchange.relay(1).unwrap();
    let told = |line: &Value| is(line, &ids::PEER_REFUSED) || is(line, &ids::HUB_AWAY);
    relay.line(0, PATIENCE, told).unwrap();
    let doc = send(&sender, document(&RECEIVERS[..1], 3).edxml().unwrap()).await;
    until(async || {
        let rows = sender.sent(MessageType::Edoc).await.ok()?.rows().to_vec();
        let fits = |row: &Value| row["senderDocId"] == doc.as_str() && row["sendStatus"] == "done";
        rows.iter().any(fits).then_some(())
    })
    .await;
    // The revoked box staples its own sentence: software refuses it without asking anybody.
    let receiver = world.software(RECEIVERS[0]);
    let refused = receiver
        .received(MessageType::Edoc)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("its issuer has revoked it"), "{refused}");
    let plain = world.plain_software(RECEIVERS[0]);
    let rows = plain.received(MessageType::Edoc).await.unwrap();
    assert_eq!(
        rows.rows().len(),
        2,
        "nothing reaches a box that is revoked"
    );
}
