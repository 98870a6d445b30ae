//! Answers of our responder and of openssl's, read by ours and by openssl's client; and answers that are to be refused.

use super::*;
use crate::clock::Clock;
use crate::retry::Class;
use crate::trust::ocsp::{LONGEST, Reply, Responder, asked, refusal};
use std::time::Duration as Wait;

const NO_CHECK: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 48, 1, 5];

/// One authority, one certificate, one delegate, all of now: openssl knows no other time.
struct Place {
    world: World,
    now: Moment,
    leaf: Vec<u8>,
    delegate: (TestKey, Vec<u8>),
    trust: Trust,
}

fn delegate(
    world: &World,
    shape: impl FnOnce(&mut rcgen::CertificateParams),
) -> (TestKey, Vec<u8>) {
    let key = TestKey::new().unwrap();
    let spki = key.spki_der();
    let wanted = world.wanted(Use::Seal, &spki);
    let der = world.ca.issue_shaped(&wanted, &world.chance, |params| {
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::OcspSigning];
        shape(params);
    });
    (key, der.unwrap())
}

fn no_check(params: &mut rcgen::CertificateParams) {
    let one = rcgen::CustomExtension::from_oid_content(NO_CHECK, vec![5, 0]);
    params.custom_extensions.push(one);
}

fn serial_of(der: &[u8]) -> String {
    certificate::Certificate::read(der).unwrap().serial_hex()
}

impl Place {
    fn new() -> Self {
        let world = World::new();
        let leaf = world.tls(|_| {});
        let delegate = delegate(&world, no_check);
        let trust = Self::trust(&world, Stale::Queue, vec![]);
        Self {
            now: Clock::system().now().replace_nanosecond(0).unwrap(),
            world,
            leaf,
            delegate,
            trust,
        }
    }

    /// OCSP alone tells of the intermediate's certificates, the root's list of the intermediate.
    fn trust(world: &World, then: Stale, mut lists: Vec<Vec<u8>>) -> Trust {
        let root = world
            .ca
            .root_revocation_list(&[], NOW, NOW + Duration::days(3000));
        lists.push(root.unwrap());
        let revocation = Revocation {
            lists,
            window: Wait::from_secs(3600),
            then,
        };
        let ocsp = Ocsp {
            issuers: Issuers::These(vec![world.ca.intermediate_der()]),
            declared: false,
            window: Wait::from_secs(3600),
        };
        world
            .trust(Profile::default(), revocation)
            .with_ocsp(&ocsp)
            .unwrap()
    }

    fn judge(&self, trust: &Trust, at: Moment) -> Result<Identity, Refusal> {
        trust.judge(std::slice::from_ref(&self.leaf), Purpose::TlsClient, at)
    }

    fn watched(&self) -> Watched {
        self.trust
            .watch(std::slice::from_ref(&self.leaf), self.now)
            .unwrap()
    }

    /// Our responder's answer, by the delegate.
    fn answer(&self, request: &[u8], reply: Reply, from: Moment, days: i64) -> Vec<u8> {
        self.answer_by(&self.delegate, request, reply, from, days)
    }

    fn answer_by(
        &self,
        (key, der): &(TestKey, Vec<u8>),
        request: &[u8],
        reply: Reply,
        from: Moment,
        days: i64,
    ) -> Vec<u8> {
        let responder = Responder::new(&self.world.ca.intermediate_der(), Some(der)).unwrap();
        let ours = serial_of(&self.leaf);
        let register = |serial: &str| {
            if serial == ours {
                reply
            } else {
                Reply::Unknown
            }
        };
        let until = (from, from + Duration::days(days));
        let sign = |tbs: &[u8]| key.sign(tbs).map_err(|error| error.to_string());
        responder
            .answer(&asked(request).unwrap(), register, until, sign)
            .unwrap()
    }

    /// Files for openssl: certificates, the delegate's key, and the authority's index with the leaf in it.
    fn files(&self, revoked: bool) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, der) in [
            ("root.pem", self.world.ca.root_der()),
            ("ca.pem", self.world.ca.intermediate_der()),
            ("leaf.pem", self.leaf.clone()),
            ("responder.pem", self.delegate.1.clone()),
        ] {
            put(&dir.path().join(name), pem::encode("CERTIFICATE", &der));
        }
        let key = pem::encode("PRIVATE KEY", &self.delegate.0.pkcs8_der());
        put(&dir.path().join("responder.key"), key);
        let serial = serial_of(&self.leaf).to_uppercase();
        let (state, since) = if revoked {
            ("R", "260401000000Z")
        } else {
            ("V", "")
        };
        put(
            &dir.path().join("index.txt"),
            format!("{state}\t270301080000Z\t{since}\t{serial}\tunknown\t/CN=leaf\n"),
        );
        dir
    }
}

#[test]
fn our_questions_to_the_responder_of_openssl_and_its_answers() {
    for revoked in [false, true] {
        let place = Place::new();
        let refusal = place.judge(&place.trust, place.now).unwrap_err();
        assert_eq!(refusal.verdict, Verdict::RevocationUnknown);
        assert_eq!(refusal.class(), Class::Retry, "{refusal}");
        let new = place.trust.take_new();
        assert_eq!(new.len(), 1);
        let dir = place.files(revoked);
        let question = new[0].question(Some([7; 32])).unwrap();
        put(&dir.path().join("question.der"), &question.der);
        openssl(
            dir.path(),
            "ocsp -index index.txt -CA ca.pem -rsigner responder.pem -rkey responder.key -reqin question.der -respout answer.der -ndays 1",
        )
        .unwrap();
        let answer = std::fs::read(dir.path().join("answer.der")).unwrap();
        let state = place
            .trust
            .answered(&new[0], Some(&question), &answer, Clock::system().now());
        let state = state.unwrap();
        assert_eq!((state.revoked, state.known), (revoked, true));
        let verdict = place.judge(&place.trust, place.now + Duration::minutes(1));
        if revoked {
            let refusal = verdict.unwrap_err();
            assert_eq!(refusal.verdict, Verdict::Revoked);
            assert_eq!(refusal.detail, "since 2026-04-01T00:00:00Z, by OCSP");
        } else {
            verdict.unwrap();
        }
        // With another nonce it is an answer to somebody else's question.
        let other = new[0].question(Some([8; 32])).unwrap();
        let again = place
            .trust
            .answered(&new[0], Some(&other), &answer, Clock::system().now());
        assert!(again.unwrap_err().to_string().contains("nonce"));
    }
}

#[test]
fn the_client_of_openssl_takes_answers_of_our_responder() {
    for (hash, reply, word) in [
        ("", Reply::Good, "good"),
        ("-sha256 ", Reply::Good, "good"),
        ("", Reply::Revoked(NOW), "revoked"),
        ("", Reply::Unknown, "unknown"),
    ] {
        let place = Place::new();
        let dir = place.files(false);
        openssl(
            dir.path(),
            &format!("ocsp -issuer ca.pem {hash}-cert leaf.pem -no_nonce -reqout question.der"),
        )
        .unwrap();
        let question = std::fs::read(dir.path().join("question.der")).unwrap();
        put(
            &dir.path().join("answer.der"),
            place.answer(&question, reply, place.now, 1),
        );
        let said = openssl(
            dir.path(),
            &format!("ocsp -issuer ca.pem {hash}-cert leaf.pem -no_nonce -respin answer.der -CAfile root.pem -verify_other ca.pem"),
        )
        .unwrap();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(&format!("leaf.pem: {word}")), "{said}");
    }
}

#[test]
fn answers_that_prove_nothing_are_refused_with_their_reason() {
    let place = Place::new();
    let watched = place.watched();
    let question = watched.question(None).unwrap();
    let take = |answer: &[u8]| {
        place
            .trust
            .answered(&watched, Some(&question), answer, place.now)
            .map_err(|error| error.to_string())
    };
    let refused = |answer: &[u8], why: &str| {
        let error = take(answer).unwrap_err();
        assert!(error.contains(why), "{error}, not {why}");
    };
    let good = place.answer(&question.der, Reply::Good, place.now, 1);
    let old = place.answer(&question.der, Reply::Good, place.now - Duration::days(3), 1);
    refused(&old, "stale");
    let early = place.answer(&question.der, Reply::Good, place.now + Duration::days(1), 1);
    refused(&early, "from the future");
    let other = place.world.tls(|_| {});
    let of_other = place.trust.watch(&[other], place.now).unwrap();
    let about_other = place.answer(
        &of_other.question(None).unwrap().der,
        Reply::Good,
        place.now,
        1,
    );
    refused(&about_other, "speaks of other certificates");
    refused(&refusal(true), "the responder refuses");
    refused(&[], "cannot be read");
    refused(&vec![0x30; LONGEST + 1], "too many");
    for length in 0..good.len() {
        assert!(take(&good[..length]).is_err(), "cut at {length}");
    }

    // Who may sign: the issuer, and whom it appointed for this; nobody else of its certificates, no other authority's.
    let by = |signer: &(TestKey, Vec<u8>)| {
        place.answer_by(signer, &question.der, Reply::Good, place.now, 1)
    };
    let plain = delegate(&place.world, |params| params.extended_key_usages.clear());
    refused(&by(&plain), "lacks OCSPSigning");
    let expired = delegate(&place.world, |params| params.not_after = NOW);
    refused(&by(&expired), "was not valid");
    let foreign = delegate(&World::new(), no_check);
    refused(&by(&foreign), "not appointed");
    let wrong_key = (TestKey::new().unwrap(), place.delegate.1.clone());
    refused(&by(&wrong_key), "signature does not hold");

    // One changed byte anywhere: refused, or it says the same.
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        let said = place.trust.answered(&watched, None, &bad, place.now);
        assert!(
            said.is_err_and(|error| matches!(error, Error::Answer(_))),
            "byte {at}"
        );
    }
    let state = take(&good).unwrap();
    assert!(state.known && !state.revoked);
    // An older one does not come back.
    let older = place.answer(
        &question.der,
        Reply::Good,
        place.now - Duration::minutes(5),
        1,
    );
    assert_eq!(take(&older).unwrap(), state);
}

#[test]
fn a_delegate_that_may_itself_be_revoked_answers_only_while_a_list_clears_it() {
    let place = Place::new();
    let delegate = delegate(&place.world, |_| {});
    let list = |revoked: &[String]| {
        let until = place.now + Duration::days(1);
        place
            .world
            .ca
            .revocation_list(revoked, place.now, until)
            .unwrap()
    };
    let chain = std::slice::from_ref(&place.leaf);
    let said = |lists: Vec<Vec<u8>>| {
        let trust = Place::trust(&place.world, Stale::Queue, lists);
        let watched = trust.watch(chain, place.now).unwrap();
        let question = watched.question(None).unwrap();
        let answer = place.answer_by(&delegate, &question.der, Reply::Revoked(NOW), place.now, 1);
        trust
            .answered(&watched, Some(&question), &answer, place.now)
            .unwrap();
        place
            .judge(&trust, place.now)
            .map(|_| ())
            .map_err(|refusal| refusal.verdict)
    };
    // Revoked is believed of anybody appointed; good is not.
    assert_eq!(said(vec![list(&[])]), Err(Verdict::Revoked));
    let said = |lists: Vec<Vec<u8>>| {
        let trust = Place::trust(&place.world, Stale::Queue, lists);
        let watched = trust.watch(chain, place.now).unwrap();
        let answer = place.answer_by(
            &delegate,
            &watched.question(None).unwrap().der,
            Reply::Good,
            place.now,
            1,
        );
        trust.answered(&watched, None, &answer, place.now).unwrap();
        place
            .judge(&trust, place.now)
            .map(|_| ())
            .map_err(|refusal| refusal.verdict)
    };
    assert_eq!(said(vec![]), Err(Verdict::RevocationUnknown));
    assert_eq!(said(vec![list(&[])]), Ok(()));
}

#[test]
fn past_its_window_an_answer_counts_as_declared() {
    let place = Place::new();
    let good = |trust: &Trust| {
        let watched = trust
            .watch(std::slice::from_ref(&place.leaf), place.now)
            .unwrap();
        let question = watched.question(None).unwrap();
        let answer = place.answer(&question.der, Reply::Good, place.now, 1);
        trust
            .answered(&watched, Some(&question), &answer, place.now)
            .unwrap();
    };
    let due = place.now + Duration::days(1);
    for (then, class) in [
        (Stale::Continue, None),
        (Stale::Queue, Some(Class::Retry)),
        (Stale::Refuse, Some(Class::Refuse)),
    ] {
        let trust = Place::trust(&place.world, then, vec![]);
        let at = |at| place.judge(&trust, at).err().map(|refusal| refusal.class());
        // Never answered yet: it is waited for, also where *refuse* is declared, until the window is over.
        let first = (then != Stale::Continue).then_some(Class::Retry);
        assert_eq!(at(place.now), first, "{then:?}");
        assert_eq!(at(place.now + Duration::minutes(61)), class, "{then:?}");
        good(&trust);
        assert_eq!(at(due + Duration::minutes(59)), None, "{then:?}");
        assert_eq!(at(due + Duration::minutes(61)), class, "{then:?}");
    }
    // A certificate that its issuer's own responder does not know is never gone on with.
    let trust = Place::trust(&place.world, Stale::Continue, vec![]);
    let watched = trust
        .watch(std::slice::from_ref(&place.leaf), place.now)
        .unwrap();
    let answer = place.answer(
        &watched.question(None).unwrap().der,
        Reply::Unknown,
        place.now,
        1,
    );
    trust.answered(&watched, None, &answer, place.now).unwrap();
    let refusal = place.judge(&trust, place.now).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::RevocationUnknown);
    assert!(refusal.detail.contains("does not know it"), "{refusal}");
}
