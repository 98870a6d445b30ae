//! `trucgate status` tells the truth: each case is a real process that something real happened to.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;
use trucgate::provision::lab::Machine;

use crate::world::machines::Who::{self, Hub, Sender, SenderSigner};
use crate::world::{PATIENCE, SENDER, World, document, executable, now, plan, send, until, write};

/// What `trucgate status` says, and its exit code.
pub struct Said {
    pub code: i32,
    pub json: Value,
}

impl Said {
    pub fn gauge(&self, kind: &str, subject: &str) -> &Value {
        let gauges = self.json["gauges"].as_array().unwrap();
        let fits = |gauge: &&Value| {
            gauge["kind"] == kind && gauge["subject"].as_str().unwrap().contains(subject)
        };
        gauges
            .iter()
            .find(fits)
            .unwrap_or_else(|| panic!("no {kind} {subject} in {:#}", self.json))
    }

    fn level(&self, kind: &str) -> &str {
        self.gauge(kind, "")["level"].as_str().unwrap()
    }
}

fn socket(machine: &Machine) -> PathBuf {
    machine.state().join("control.sock")
}

pub fn status(machine: &Machine) -> Said {
    let output = Command::new(executable())
        .args(["status", "--json", "--socket"])
        .arg(socket(machine))
        .output()
        .unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    Said {
        code: output.status.code().unwrap(),
        json,
    }
}

/// Asks until it says so.
async fn until_said(world: &World, who: Who, fits: impl Fn(&Said) -> bool) -> Said {
    let end = std::time::Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        tick.tick().await;
        let said = status(world.machine(who));
        if fits(&said) {
            return said;
        }
        assert!(std::time::Instant::now() < end, "it says {:#}", said.json);
    }
}

/// Puts a section of the configuration in place of another one and starts `who` anew.
fn with_config(world: &mut World, who: Who, from: &str, to: &str) {
    let config = world.machine(who).config();
    world.rewrite(&config, from, to);
    world.kill(who);
    world.again(who);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_order_is_told_with_its_declared_risks() {
    let world = World::start();
    send(
        &world.software(SENDER),
        document(&["000.00.00.H41"], 1).edxml().unwrap(),
    )
    .await;
    let said = until_said(&world, Sender, |said| {
        said.gauge("seal", SENDER)["age"].is_number() && said.code == 0
    })
    .await;
    for kind in [
        "signer",
        "seal",
        "hub",
        "disk",
        "directory",
        "certificate",
        "revocation",
        "queue",
    ] {
        assert_eq!(said.level(kind), "good", "{:#}", said.gauge(kind, ""));
    }
    assert_eq!(said.level("door"), "risk");
    assert_eq!(said.json["level"], "risk");
    // The hub has nobody to compare its clock with; all else is in order there, too.
    let said = until_said(&world, Hub, |said| said.code == 0).await;
    assert_eq!(said.json["role"], "hub");
    assert_eq!(said.level("queue"), "good");
    // People read Vietnamese first.
    let output = Command::new(executable())
        .args(["status", "--socket"])
        .arg(socket(world.machine(Sender)))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("Máy chủ bảo mật / box 00.02.W00"),
        "{text}"
    );
    assert!(text.contains("Đường tới Trục: Trục đã trả lời"), "{text}");
    assert!(text.contains("Cửa HTTP không mã hoá"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_to_ask_is_a_code_of_its_own() {
    let nowhere = tempfile::tempdir().unwrap();
    let output = Command::new(executable())
        .args(["status", "--socket"])
        .arg(nowhere.path().join("none"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't ask"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_goes_unused_is_noticed_and_its_return_too() {
    let mut world = World::start();
    let mut network = world.network_token(SenderSigner);
    until_said(&world, Sender, |said| said.level("signer") == "good").await;
    network.kill();
    // No document travels: the gauge itself has the token sign.
    let from = world.process(Sender).lines();
    let said = until_said(&world, Sender, |said| said.level("signer") == "stops").await;
    assert_eq!(said.code, 2);
    assert_eq!(said.gauge("seal", SENDER)["level"], "stops");
    world.said(Sender, from, &ids::GAUGE_CHANGED, 0, |line| {
        line["STEP"] == "signer and token"
    });
    network.start();
    until_said(&world, Sender, |said| {
        said.level("signer") == "good" && said.code == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_is_never_green() {
    let mut world = World::start();
    let pin = world.machine(SenderSigner).directory.join("pin");
    let right = std::fs::read_to_string(&pin).unwrap();
    world.rewrite(&pin, &right, "0000");
    world.kill(SenderSigner);
    world.again(SenderSigner);
    let said = until_said(&world, Sender, |said| said.code == 2).await;
    let state = &said.gauge("signer", "")["state"];
    assert!(state["en"].as_str().unwrap().contains("PIN"), "{state}");
    world.kill(SenderSigner);
    let said = until_said(&world, Sender, |said| {
        said.gauge("signer", "")["state"]["vi"]
            .as_str()
            .unwrap()
            .contains("không trả lời")
    })
    .await;
    assert_eq!(said.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_away_is_told_and_its_return_too() {
    let mut world = World::start();
    until_said(&world, Sender, |said| said.level("hub") == "good").await;
    world.kill(Hub);
    let said = until_said(&world, Sender, |said| said.level("hub") == "stops").await;
    assert_eq!(said.code, 2);
    world.again(Hub);
    until_said(&world, Sender, |said| said.level("hub") == "good").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told() {
    let mut world = World::start();
    let (before, after) = (
        "reserve_bytes = 1048576",
        "reserve_bytes = 9000000000000000",
    );
    with_config(&mut world, Sender, before, after);
    let said = until_said(&world, Sender, |said| said.level("disk") == "stops").await;
    assert_eq!(said.code, 2);
    let state = said.gauge("disk", "")["state"]["en"].as_str().unwrap();
    assert!(state.contains("MiB free, intake stops below"), "{state}");
}

/// A world whose clock stands `by` ahead from its start; what lies on disk was made today.
fn later(file: &Path, by: time::Duration) -> World {
    let mut plan = plan();
    plan.clock = Some(file.to_owned());
    let world = World::with(&plan);
    write(file, by.whole_seconds().to_string());
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_at_29_days_counts_the_authoritys_time_in_and_is_warned_of_once() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    let days = time::Duration::days(365 - 29) - time::Duration::hours(1);
    let mut world = later(&clock, days);
    world.exchange.lab.renew_lists(now() + days).unwrap();
    world.kill(Sender);
    world.again(Sender);
    let tls = |said: &Said| said.gauge("certificate", "TLS").clone();
    let said = until_said(&world, Sender, |said| {
        tls(said)["level"] == "warning" && said.gauge("certificate", SENDER)["level"] == "warning"
    })
    .await;
    let unless = tls(&said)["unless"]["vi"].as_str().unwrap().to_owned();
    assert!(
        unless.contains("cơ quan chứng thực cần 14 ngày"),
        "{unless}"
    );
    assert!(tls(&said)["stops_at"].is_string());
    // One line each for the TLS and the seal certificate, at 30 days; none for 90 and 60, which have passed.
    let ends = |world: &World| {
        let process = world.process(Sender);
        let certificate = |line: &Value| {
            is(line, &ids::ENDS_SOON)
                && line["STEP"] == "certificate"
                && line["REASON"].as_str().unwrap().starts_with("certificate ")
        };
        let (mut at, mut count) = (0, 0);
        while let Ok((place, line)) = process.line(at, std::time::Duration::ZERO, certificate) {
            assert_eq!(line["COUNT"], "29", "{line}");
            (at, count) = (place + 1, count + 1);
        }
        count
    };
    until(async || (ends(&world) == 2).then_some(())).await;
    status(world.machine(Sender));
    assert_eq!(ends(&world), 2);
    // Not after a restart either.
    world.kill(Sender);
    world.again(Sender);
    until_said(&world, Sender, |said| tls(said)["level"] == "warning").await;
    let process = world.process(Sender);
    let line = process.line(0, std::time::Duration::ZERO, |line| {
        is(line, &ids::ENDS_SOON)
    });
    assert!(line.is_err(), "{line:?}");
    // An authority that takes 30 days makes it too late already.
    with_config(
        &mut world,
        Sender,
        "[test]",
        "[control]\nlead_days = 30\n[test]",
    );
    let said = until_said(&world, Sender, |said| tls(said)["level"] == "stops").await;
    assert_eq!(said.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_too_old_are_told_before_and_after_their_window() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    let world = later(&clock, time::Duration::days(7) + time::Duration::hours(1));
    // Past their next update, inside the window of 24 hours.
    let said = until_said(&world, Sender, |said| said.level("revocation") == "warning").await;
    assert!(said.gauge("revocation", "")["stops_at"].is_string());
    let by = time::Duration::days(8) + time::Duration::hours(1);
    write(&clock, by.whole_seconds().to_string());
    let said = until_said(&world, Sender, |said| said.level("revocation") == "stops").await;
    assert_eq!(said.code, 2);
    // What peers will say of our own certificates is said, too.
    let state = &said.gauge("certificate", "TLS")["state"];
    assert!(
        state["en"].as_str().unwrap().contains("window is over"),
        "{state}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_directory_is_told_and_does_what_is_declared() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    let mut plan = plan();
    plan.clock = Some(clock.clone());
    let mut world = World::with(&plan);
    world.kill(Hub);
    // A week is its validity; the declared hours are 72.
    let later = |days: i64| {
        let by = time::Duration::days(days) + time::Duration::hours(1);
        write(&clock, by.whole_seconds().to_string());
        now() + by
    };
    later(7);
    let said = until_said(&world, Sender, |said| said.level("directory") == "warning").await;
    assert!(said.gauge("directory", "")["stops_at"].is_string());
    let at = later(10);
    let said = until_said(&world, Sender, |said| said.level("directory") == "stops").await;
    assert_eq!(said.code, 2);
    // `queue` takes documents; `refuse` does not, and says why.
    let edxml = |number| document(&["000.00.00.H41"], number).edxml().unwrap();
    let software = world.plain_software(SENDER).made_at(at);
    send(&software, edxml(1)).await;
    let refuse = "directory_then = \"refuse\"\nreserve_bytes = 1048576";
    with_config(&mut world, Sender, "reserve_bytes = 1048576", refuse);
    let sending = crate::world::sending(trucgate::vxp::MessageType::Edoc);
    let reply = software.send(&sending, edxml(2).into()).await.unwrap();
    assert!(!reply.is_ok());
    assert!(format!("{reply:?}").contains("quá hạn"), "{reply:?}");
    // A newer one heals it without a restart, and what was kept goes its way.
    world.exchange.lab.renew_lists(at).unwrap();
    for who in [Sender, Who::Receiver] {
        crate::world::boxes::reload(world.process(who));
    }
    world.again(Hub);
    until_said(&world, Sender, |said| said.level("directory") == "good").await;
    let receiver = world.software("000.00.00.H41").made_at(at);
    crate::world::received(&receiver, 1).await;
}
