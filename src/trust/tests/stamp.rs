//! Time stamps of openssl's authority taken by our client, and tokens that are to be refused.

use super::*;
use crate::clock::Clock;
use crate::trust::stamp::{Query, Stamp};

const POLICY: &str = "1.3.6.1.4.1.99999.1";
/// ExtendedKeyUsage with id-kp-timeStamping alone.
const STAMPING: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 8];

fn stamper(world: &World, critical: bool) -> (TestKey, Vec<u8>) {
    let key = TestKey::new().unwrap();
    let spki = key.spki_der();
    let wanted = world.wanted(Use::Seal, &spki);
    let der = world.ca.issue_shaped(&wanted, &world.chance, |params| {
        let mut usage =
            rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 37], STAMPING.to_vec());
        usage.set_criticality(critical);
        params.custom_extensions.push(usage);
    });
    (key, der.unwrap())
}

fn files(world: &World, (key, der): &(TestKey, Vec<u8>), digits: u8) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, der) in [
        ("root.pem", &world.ca.root_der()),
        ("ca.pem", &world.ca.intermediate_der()),
        ("tsa.pem", der),
    ] {
        put(&dir.path().join(name), pem::encode("CERTIFICATE", der));
    }
    put(
        &dir.path().join("tsa.key"),
        pem::encode("PRIVATE KEY", &key.pkcs8_der()),
    );
    put(&dir.path().join("serial"), "01\n");
    put(
        &dir.path().join("tsa.cnf"),
        format!(
            "[tsa]\ndefault_tsa = one\n[one]\ndir = .\nserial = $dir/serial\nsigner_digest = sha256\n\
             default_policy = {POLICY}\ndigests = sha256\naccuracy = secs:1\nordering = no\ntsa_name = no\n\
             ess_cert_id_chain = no\ness_cert_id_alg = sha256\nclock_precision_digits = {digits}\n"
        ),
    );
    dir
}

fn stamped(dir: &tempfile::TempDir, query: &Query) -> Vec<u8> {
    put(&dir.path().join("query.der"), &query.der);
    openssl(
        dir.path(),
        "ts -reply -config tsa.cnf -queryfile query.der -signer tsa.pem -inkey tsa.key -chain ca.pem -out answer.der",
    )
    .unwrap();
    std::fs::read(dir.path().join("answer.der")).unwrap()
}

#[test]
fn the_authority_of_openssl_stamps_for_our_client() {
    let world = World::new();
    let tsa = stamper(&world, true);
    // Six digits of a second, too: `x509-tsp` alone can't read them.
    for digits in [0, 6] {
        let dir = files(&world, &tsa, digits);
        let query = Query::new(b"checkpoint", [0xa5; 16], Some(POLICY)).unwrap();
        let begun = Clock::system().now();
        let answer = stamped(&dir, &query);
        let stamp = query.answered(&answer, b"checkpoint").unwrap();
        assert!(
            (stamp.time - begun).abs() < Duration::seconds(30),
            "{stamp:?}"
        );
        assert_eq!(stamp.policy, POLICY);
        stamp.judge(&world.plain()).unwrap();
        let again = Stamp::read(&stamp.token, b"checkpoint").unwrap();
        assert_eq!(again.time, stamp.time);

        let refused = |result: Result<Stamp, Error>, why: &str| {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(why), "{error}, not {why}");
        };
        refused(query.answered(&answer, b"another"), "something else");
        let other = Query::new(b"checkpoint", [0xa6; 16], None).unwrap();
        refused(other.answered(&answer, b"checkpoint"), "nonce");
        for at in 0..stamp.token.len() {
            let mut bad = stamp.token.clone();
            bad[at] ^= 0x04;
            // Certificates sent along only help to build the chain: damaged ones say nothing else.
            if let Ok(said) = Stamp::read(&bad, b"checkpoint") {
                assert_eq!(
                    (said.time, &said.chain[0]),
                    (stamp.time, &tsa.1),
                    "byte {at}"
                );
                said.judge(&world.plain()).unwrap();
            }
        }
    }
}

#[test]
fn who_may_not_stamp_is_refused() {
    let world = World::new();
    let query = Query::new(b"checkpoint", [1; 16], None).unwrap();
    let other = World::new();
    let dir = files(&other, &stamper(&other, true), 0);
    let stamp = query
        .answered(&stamped(&dir, &query), b"checkpoint")
        .unwrap();
    let refusal = stamp.judge(&world.plain()).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::UnknownIssuer);
    stamp.judge(&other.plain()).unwrap();
    // A policy that is not offered, and a request that is none.
    let wants = Query::new(b"checkpoint", [1; 16], Some("1.2.3")).unwrap();
    let error = wants
        .answered(&stamped(&dir, &wants), b"checkpoint")
        .unwrap_err();
    assert!(
        error.to_string().contains("the authority refuses"),
        "{error}"
    );
    assert!(Query::new(b"", [1; 16], Some("policy")).is_err());
    // extendedKeyUsage must be critical: openssl itself refuses to stamp so, ours must not take it.
    let loose = stamper(&world, false);
    let trust = world.plain();
    let refusal = trust
        .judge_bearer(&[loose.1], Purpose::TimeStamp, NOW)
        .unwrap_err();
    assert_eq!(refusal.verdict, Verdict::WrongUsage);
    let seal = trust
        .judge_bearer(&[world.seal()], Purpose::TimeStamp, NOW)
        .unwrap_err();
    assert_eq!(seal.verdict, Verdict::WrongUsage);
}
