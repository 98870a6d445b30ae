//! Readers of what certification authorities send: certificates, requests, PKCS#7 bundles, revocation lists, OCSP questions
//! and answers, time stamps. No bytes make them panic, and none of these is believed of an authority that is not theirs.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use trucgate::clock::{Chance, Clock};
use trucgate::provision::bundle;
use trucgate::provision::ca::Asked;
use trucgate::trust::issue::{TestCa, TestKey, Use, Wanted};
use trucgate::trust::ocsp::{Reply, Responder, asked};
use trucgate::trust::stamp::{self, Query, Stamp};
use trucgate::trust::{
    Issuers, Ocsp, Profile, Purpose, Revocation, Trust, Watched, key_of, pem, summary,
};

const CONTENT: &[u8] = b"checkpoint";

/// A trust that every reader is asked in, and a certificate that answers may speak of.
struct World {
    trust: Trust,
    leaf: Vec<u8>,
    watched: Watched,
    responder: Responder,
    query: Query,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let (chance, now) = (Chance::system(), Clock::system().now());
    let ca = TestCa::new(&chance, now).unwrap();
    let key = TestKey::new().unwrap();
    let leaf = ca
        .issue(
            &Wanted {
                spki_der: &key.spki_der(),
                usage: Use::Tls { names: &[] },
                code: None,
                name: "fuzz",
                not_before: now - time::Duration::days(1),
                not_after: now + time::Duration::days(300),
            },
            &chance,
        )
        .unwrap();
    let trust = Trust::new(
        vec![ca.root_der()],
        vec![ca.intermediate_der()],
        Profile::default(),
        Revocation::none(),
    );
    let ocsp = Ocsp {
        issuers: Issuers::All,
        ..Ocsp::default()
    };
    let trust = trust.unwrap().with_ocsp(&ocsp).unwrap();
    World {
        watched: trust.watch(std::slice::from_ref(&leaf), now).unwrap(),
        responder: Responder::new(&ca.intermediate_der(), None).unwrap(),
        query: Query::new(CONTENT, [1; stamp::NONCE], None).unwrap(),
        trust,
        leaf,
    }
});

fuzz_target!(|input: &[u8]| {
    let world = &*WORLD;
    let now = Clock::system().now();
    // Certificates, alone and in a chain.
    if let Ok(told) = summary(input) {
        assert!(!told.serial.is_empty());
        key_of(input).unwrap();
        let chain = [input.to_vec(), world.leaf.clone()];
        if input != world.leaf {
            assert!(world.trust.judge(&chain, Purpose::Seal, now).is_err());
            let _ = world.trust.watched_again(input, input);
        }
    }
    for chain in [pem::certificates(input), bundle::certificates(input).ok()] {
        let _ = chain.map(|chain| world.trust.judge(&chain, Purpose::TlsClient, now));
    }
    let _ = Asked::read(input);
    let lists = world.trust.lists_in(input);
    assert!(
        lists.map_or(true, |lists| lists.is_empty()),
        "a list of nobody here"
    );
    // Answers and stamps that nobody of this world has signed.
    assert!(
        world
            .trust
            .answered(&world.watched, None, input, now)
            .is_err()
    );
    if let Ok(question) = asked(input) {
        let until = (now, now + time::Duration::hours(1));
        let answer = world
            .responder
            .answer(&question, |_| Reply::Good, until, |_| Ok(vec![0; 64]));
        // Signed by nobody, it proves nothing.
        let answer = answer.unwrap();
        assert!(
            world
                .trust
                .answered(&world.watched, None, &answer, now)
                .is_err()
        );
    }
    assert!(world.query.answered(input, CONTENT).is_err());
    if let Ok(stamp) = Stamp::read(input, CONTENT) {
        assert!(stamp.judge(&world.trust).is_err());
    }
    if let Ok(question) = stamp::Asked::read(input) {
        let _ = question.info(&[1], now, "1.2.3");
    }
});
