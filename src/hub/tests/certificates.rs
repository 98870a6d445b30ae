use std::time::Duration;

use data_encoding::BASE64;

use super::World;
use super::member::*;
use super::world::*;
use crate::hub::admin::{CertificateOf, Change, enrolment};
use crate::hub::{Certificate, Known, State};
use crate::signer::KeyUse::{self, Seal, Tls};
use crate::store::params;
use crate::trust::directory::{BoxEntry, Fingerprint};
use crate::trust::{Trust, summary};
use crate::uplink::enrolment::{Enrolment, MemberShown, Shown};

async fn known(world: &World) -> Vec<Certificate> {
    let trust = world.grounds.borrow().trust.clone();
    judged(world, &trust).await
}

async fn judged(world: &World, trust: &Trust) -> Vec<Certificate> {
    world.hub.refresh_directory().await.unwrap();
    let directory = world.grounds.borrow().directory.clone().unwrap();
    let now = world.clock.now();
    let known = Known::load(&world.store, &directory, &code(HUB), now).await;
    let members = directory.members();
    let judge = Some((trust, now));
    known.unwrap().certificates(&directory, members, judge)
}

fn states(all: &[Certificate], of: &str, use_: KeyUse) -> Vec<State> {
    let of = all.iter().filter(|one| one.code == of && one.use_ == use_);
    of.map(|one| one.state).collect()
}

fn state_of(all: &[Certificate], print: Fingerprint) -> State {
    let found = all.iter().find(|one| one.fingerprint == Some(print));
    found.unwrap().state
}

/// As an operator enters one more certificate.
fn also(of: &str, use_: KeyUse, certificate: Fingerprint) -> Change {
    Change::AddCertificate(CertificateOf {
        code: code(of),
        use_,
        certificate,
    })
}

/// What a running hub does now and then: what boxes have shown is written down.
async fn noted(world: &World) {
    world.hub.keep_shown().await.unwrap();
    assert!(world.count("SELECT count(*) FROM hub_shown").await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_followed_from_the_request_to_its_revocation() {
    let world = World::new().await;
    let all = known(&world).await;
    assert_eq!(states(&all, BOX_A, Tls), [State::Registered]);
    assert_eq!(states(&all, "A", Seal), [State::Registered]);
    assert_eq!(
        states(&all, HUB, Seal),
        [State::Active],
        "its log has a head"
    );

    // In use: shown at the door, and under the newest head.
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &sealed).await;
    noted(&world).await;
    let all = known(&world).await;
    assert_eq!(states(&all, BOX_A, Tls), [State::Active]);
    assert_eq!(states(&all, SHARED, Tls), [State::Registered]);
    assert_eq!(states(&all, "A", Seal), [State::Active]);
    assert_eq!(states(&all, "B", Seal), [State::Registered]);
    let end = world.clock.now() + time::Duration::days(365);
    let of_a = all
        .iter()
        .filter(|one| [BOX_A, "A"].contains(&one.code.as_str()));
    assert!(of_a.clone().count() == 2 && of_a.clone().all(|one| one.ends == Some(end)));

    // One registered after it waits, one registered before it retires.
    let (new, old) = (Fingerprint([7; 32]), Fingerprint([8; 32]));
    let mut entry = BoxEntry {
        code: code(BOX_A),
        tls: vec![old],
        seal: Vec::new(),
    };
    let directory = world.grounds.borrow().directory.clone().unwrap();
    entry
        .tls
        .extend(&directory.find_box(&entry.code).unwrap().tls);
    let changes = vec![Change::AddBox(entry), also("A", Seal, new)];
    world.apply(changes).await.unwrap();
    let all = known(&world).await;
    assert_eq!(state_of(&all, new), State::Registered);
    assert_eq!(state_of(&all, old), State::Retiring);
    assert_eq!(states(&all, "A", Seal).len(), 2);
    let unknown = all.iter().find(|one| one.fingerprint == Some(new));
    assert_eq!(unknown.unwrap().ends, None, "nobody has shown it");

    // Asked for, then shown in an enrolment.
    let until = world.clock.now() + time::Duration::days(1);
    let members = vec![code("N")];
    enrolment::invite(&world.store, code("BOXN"), members, until, &world.chance)
        .await
        .unwrap();
    let all = known(&world).await;
    assert_eq!(states(&all, "BOXN", Tls), [State::Requested]);
    assert_eq!(states(&all, "N", Seal), [State::Requested]);
    enrolled(&world, &a.certificate()).await;
    let all = known(&world).await;
    assert_eq!(states(&all, "BOXN", Tls), [State::Issued]);
    assert_eq!(states(&all, "N", Seal), [State::Issued]);

    let serial = summary(&a.certificate()).unwrap().serial;
    let trust = world.trust_that_revokes(serial);
    let all = judged(&world, &trust).await;
    assert_eq!(
        state_of(&all, Fingerprint::of(&a.certificate())),
        State::Revoked
    );
    assert_eq!(
        states(&all, BOX_A, Tls)
            .iter()
            .filter(|s| **s == State::Active)
            .count(),
        1
    );
}

/// An enrolment that waits, as the door keeps it.
async fn enrolled(world: &World, der: &[u8]) {
    let shown = Shown {
        chain: vec![BASE64.encode(der)],
        signature: String::new(),
    };
    let message = Enrolment {
        hub: code(HUB),
        box_code: code("BOXN"),
        code: String::new(),
        tls: shown.clone(),
        members: vec![MemberShown {
            code: code("N"),
            name: "N".to_owned(),
            seal: shown,
        }],
    };
    let message = serde_json::to_string(&message).unwrap();
    let kept = world.store.write(move |tx| {
        tx.execute("UPDATE hub_invitation SET used = x'00'", [])?;
        tx.execute(
            "INSERT INTO hub_enrolment (box, statement, tls, message, at, state)
             VALUES ('BOXN', x'00', x'00', ?1, 0, 'pending')",
            params![message],
        )?;
        Ok::<_, crate::store::Error>(())
    });
    kept.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_calls_all_the_time_is_noted_once_an_hour() {
    let world = World::new().await;
    let box_a = world.knock(BOX_A);
    let last = "SELECT max(last) FROM hub_shown";
    box_a.hub.directory(0, Duration::ZERO, false).await.unwrap();
    noted(&world).await;
    let first = world.count(last).await;
    world.clock.advance(Duration::from_secs(600));
    box_a.hub.directory(0, Duration::ZERO, false).await.unwrap();
    noted(&world).await;
    assert_eq!(world.count(last).await, first);
    world.clock.advance(Duration::from_secs(3_600));
    box_a.hub.directory(0, Duration::ZERO, false).await.unwrap();
    noted(&world).await;
    assert_eq!(world.count(last).await, first + 4_200_000);
    assert_eq!(world.count("SELECT count(*) FROM hub_shown").await, 1);
}
