//! Who gets in at the hub, and whom a box lets be its hub: a table of certificates and verdicts, each a real handshake
//! with a real process, each refusal journalled with which certificate, why and what to do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use trucgate::cmd::demo::exchange::is;
use trucgate::cmd::demo::process::Process;
use trucgate::https::StatusCode;
use trucgate::journal::ids;
use trucgate::retry::Class;
use trucgate::trust::issue::Use;
use trucgate::trust::{Refusal, Verdict};
use trucgate::vxp::Transport;

use crate::world::boxes::{
    FalseHub, Paper, Stranger, ask, box_with, enter, reload, stolen, to_hub,
};
use crate::world::{PATIENCE, RECEIVERS, SENDER, World, document, received, send, sent_as, until};

const TLS: Use<'_> = Use::Tls { names: &[] };
const LONG: (i64, i64) = (-24, 24);
/// The code of a box that the tests register beside the world's own.
const GUEST: &str = "00.09.W00";

fn paper<'a>(code: &'a str, usage: Use<'a>, hours: (i64, i64)) -> Paper<'a> {
    Paper { code, usage, hours }
}

/// The line about a refused peer that names this certificate.
fn refused(process: &Process, from: usize, serial: &str) -> Value {
    let fits = |line: &Value| {
        is(line, &ids::PEER_REFUSED)
            && line["REASON"]
                .as_str()
                .is_some_and(|reason| reason.contains(serial))
    };
    process.line(from, PATIENCE, fits).unwrap().1
}

/// Which certificate, why, what to do, and who showed it.
fn says(line: &Value, stranger: &Stranger, verdict: Verdict) {
    let field = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let (reason, why) = (field("REASON"), Refusal::new(verdict, "").to_string());
    let why = why.strip_prefix("certificate refused: ").unwrap();
    assert!(reason.contains(why), "{why}: {reason}");
    assert!(reason.contains("TEST stranger"), "{reason}");
    assert!(reason.contains(&stranger.serial()), "{reason}");
    assert_eq!(field("NEXT"), Refusal::new(verdict, "").next());
    assert!(!field("PEER").is_empty());
    assert_eq!(field("PRIORITY"), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hub_lets_in_registered_boxes_and_says_why_not() {
    let world = World::start();
    let lab = &world.exchange.lab;
    let hub = world.exchange.hub.main.as_ref().unwrap();
    let first = lab.boxes[0].code.as_str().to_owned();

    let guest = Stranger::of(lab, &paper(GUEST, TLS, LONG), true);
    let leaf_only = Stranger::of(lab, &paper(GUEST, TLS, LONG), false);
    let revoked = Stranger::of(lab, &paper(GUEST, TLS, LONG), true);
    let elsewhere = Stranger::of(lab, &paper(&first, TLS, LONG), true);
    let listed = [&guest, &leaf_only, &revoked, &elsewhere].map(Stranger::fingerprint);
    enter(&world.exchange, &[box_with(GUEST, listed.to_vec())]);
    lab.revoke(&revoked.serial()).unwrap();
    reload(hub);

    let refusals = [
        (
            Stranger::of_another_authority(&paper(&first, TLS, LONG)),
            Verdict::UnknownIssuer,
        ),
        (
            Stranger::of(lab, &paper(&first, TLS, (-48, -1)), true),
            Verdict::Expired,
        ),
        (
            Stranger::of(lab, &paper(&first, TLS, (1, 48)), true),
            Verdict::NotYetValid,
        ),
        (
            Stranger::of(lab, &paper(&first, Use::Seal, LONG), true),
            Verdict::WrongUsage,
        ),
        (revoked, Verdict::Revoked),
        (
            Stranger::of(lab, &paper("00.77.W00", TLS, LONG), true),
            Verdict::NotRegistered,
        ),
        (
            Stranger::of(lab, &paper(SENDER, TLS, LONG), true),
            Verdict::NotRegistered,
        ),
        (elsewhere, Verdict::AnotherMember),
    ];
    for (stranger, verdict) in refusals {
        let from = hub.lines();
        let answer = ask(&to_hub(lab, Some(stranger.credential.clone()))).await;
        assert!(answer.is_err(), "{verdict}: {answer:?}");
        says(&refused(hub, from, &stranger.serial()), &stranger, verdict);
    }

    let from = hub.lines();
    assert!(ask(&to_hub(lab, None)).await.is_err());
    let none = |line: &Value| {
        is(line, &ids::PEER_REFUSED)
            && line["NEXT"] == Refusal::new(Verdict::NoCertificate, "").next()
    };
    hub.line(from, PATIENCE, none).unwrap();

    for (extensions, alert) in [(NONE, HANDSHAKE_FAILURE), (ALGORITHMS, PROTOCOL_VERSION)] {
        let from = hub.lines();
        assert_eq!(tls_1_1(lab.hub.address, extensions), alert);
        let old = |line: &Value| {
            is(line, &ids::PEER_REFUSED)
                && line["NEXT"]
                    .as_str()
                    .unwrap_or_default()
                    .contains("TLS 1.2")
                && line["REASON"]
                    .as_str()
                    .unwrap_or_default()
                    .contains("incompatible")
        };
        hub.line(from, PATIENCE, old).unwrap();
    }

    // Beside all of them, those that are registered: with their chain, without it, with the key in a token.
    let own = stolen(&lab.boxes[0]).await;
    for credential in [guest.credential.clone(), leaf_only.credential.clone(), own] {
        assert_eq!(
            ask(&to_hub(lab, Some(credential))).await.unwrap(),
            StatusCode::OK
        );
    }

    // Revoked while connected.
    let kept = to_hub(lab, Some(guest.credential.clone()));
    let beside = to_hub(lab, Some(leaf_only.credential.clone()));
    assert_eq!(ask(&kept).await.unwrap(), StatusCode::OK);
    assert_eq!(ask(&beside).await.unwrap(), StatusCode::OK);
    let from = hub.lines();
    lab.revoke(&guest.serial()).unwrap();
    reload(hub);
    let answer = ask(&kept).await;
    assert!(
        matches!(answer, Ok(StatusCode::FORBIDDEN) | Err(_)),
        "{answer:?}"
    );
    let line = refused(hub, from, &guest.serial());
    says(&line, &guest, Verdict::Revoked);
    assert!(
        line["REASON"].as_str().unwrap().contains("while connected"),
        "{line}"
    );
    // That connection is closed. The next one resumes its session, which repeats no verdict of TLS, and is judged anew.
    let again = until(async || {
        let answer = ask(&kept).await;
        assert!(
            matches!(answer, Ok(StatusCode::FORBIDDEN) | Err(_)),
            "{answer:?}"
        );
        let other = |other: &Value| is(other, &ids::PEER_REFUSED) && other["PEER"] != line["PEER"];
        Some(hub.line(from, Duration::ZERO, other).ok()?.1)
    })
    .await;
    says(&again, &guest, Verdict::Revoked);
    // One that resumes nothing is refused at its handshake.
    let fresh = ask(&to_hub(lab, Some(guest.credential.clone()))).await;
    assert_eq!(fresh.unwrap_err().class(), Class::Refuse);
    assert_eq!(ask(&beside).await.unwrap(), StatusCode::OK);
}

/// Fatal alerts of RFC 8446 section 6: nothing in common, and a version that is not spoken.
const HANDSHAKE_FAILURE: [u8; 2] = [2, 40];
const PROTOCOL_VERSION: [u8; 2] = [2, 70];
const NONE: &[u8] = &[];
/// `signature_algorithms` of TLS 1.2, as software sends it that knows 1.2 and is held down to 1.1.
const ALGORITHMS: &[u8] = &[0, 8, 0, 13, 0, 4, 0, 2, 4, 3];

/// Says hello as TLS 1.1 (RFC 4346) does; gives the alert that comes back.
fn tls_1_1(address: SocketAddr, extensions: &[u8]) -> [u8; 2] {
    let mut hello = vec![3, 2];
    hello.extend_from_slice(&[7; 32]);
    // No session; TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA and TLS_RSA_WITH_AES_128_CBC_SHA; no compression.
    hello.extend_from_slice(&[0, 0, 4, 0xc0, 0x13, 0, 0x2f, 1, 0]);
    hello.extend_from_slice(extensions);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend_from_slice(&hello);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&record).unwrap();
    let mut alert = [0; 7];
    stream.read_exact(&mut alert).unwrap();
    assert_eq!(alert[0], 21, "{alert:?}");
    [alert[5], alert[6]]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_tells_a_false_hub_nothing() {
    let mut world = World::start();
    let hub_code = world.exchange.lab.hub.code.as_str().to_owned();
    let names = ["localhost".to_owned()];
    let tls = Use::Tls { names: &names };
    let lab = &world.exchange.lab;
    let strangers = [
        (
            Stranger::of_another_authority(&paper(&hub_code, tls, LONG)),
            Verdict::UnknownIssuer,
        ),
        (
            Stranger::of(lab, &paper("00.09.W00", tls, LONG), true),
            Verdict::AnotherMember,
        ),
        (
            Stranger::of(lab, &paper(&hub_code, tls, (-48, -1)), true),
            Verdict::Expired,
        ),
        (
            Stranger::of(lab, &paper(&hub_code, tls, LONG), true),
            Verdict::NotRegistered,
        ),
    ];
    world.exchange.hub.main = None;
    let lab = &world.exchange.lab;
    let relay = world.exchange.relay(0).unwrap();
    let false_hub = FalseHub::start(lab, &strangers[0].0);
    // Software is answered all the same: its document is kept.
    let sender = world.software(SENDER);
    let doc = send(&sender, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    for (stranger, verdict) in &strangers {
        false_hub.show(stranger);
        says(&refused(relay, 0, &stranger.serial()), stranger, *verdict);
    }
    let asked = false_hub.end().await;
    assert!(asked.is_empty(), "{asked:?}");
    // Nothing that a stranger did is held against the document.
    world.exchange.start_hub().unwrap();
    received(&world.software(RECEIVERS[0]), 1).await;
    sent_as(&sender, &doc, Transport::Processing).await;
}
