//! Keys and certificates renewed while documents travel: rehearsed with the live hub, switched, taken back when they fail.

mod sister;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use trucgate::cmd::demo::exchange::is;
use trucgate::hub::admin::{CertificateOf, Change};
use trucgate::journal::ids;
use trucgate::signer::KeyUse;
use trucgate::trust::directory::Fingerprint;
use trucgate::trust::issue::{TestKey, Use, Wanted};
use trucgate::trust::pem;
use trucgate::vxp::{MessageType, Transport};
use x509_cert::der::{DecodePem, Encode};
use x509_cert::request::CertReq;

use crate::gauges::status;
use crate::revocation::Load;
use crate::world::boxes::{enter, first_certificate, reload, serial};
use crate::world::machines::Who::{self, Hub, Receiver, Sender};
use crate::world::operators::{failed, succeeded};
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, executable, member, now, received, send, sent_as,
    until, write,
};

/// One key at one machine.
#[derive(Clone, Copy)]
struct Key {
    who: Who,
    name: &'static str,
    code: &'static str,
    use_: KeyUse,
}

const BOX_TLS: Key = Key {
    who: Sender,
    name: "tls",
    code: "00.02.W00",
    use_: KeyUse::Tls,
};
const BOX_SEAL: Key = Key {
    who: Sender,
    name: "seal-000.00.00.G22",
    code: SENDER,
    use_: KeyUse::Seal,
};
const HUB_TLS: Key = Key {
    who: Hub,
    name: "tls",
    code: "00.01.W00",
    use_: KeyUse::Tls,
};
const HUB_SEAL: Key = Key {
    name: "seal",
    use_: KeyUse::Seal,
    ..HUB_TLS
};
const REVOKED_SEAL: Key = Key {
    who: Receiver,
    name: "seal-000.00.00.H41",
    code: RECEIVERS[0],
    use_: KeyUse::Seal,
};

impl Key {
    fn command(self, world: &World, step: &[&str]) -> Command {
        let machine = world.machine(self.who);
        let mut command = Command::new(executable());
        command
            .args(["provision", "renew", self.name, "--signer"])
            .arg(machine.signer_config())
            .arg("--config")
            .arg(machine.config())
            .args(step)
            .envs(machine.token_environment());
        command
    }

    fn step(self, world: &World, step: &[&str]) -> Output {
        self.command(world, step).output().unwrap()
    }

    fn file(self, world: &World) -> PathBuf {
        world.machine(self.who).chain(self.name)
    }

    fn next_file(self, world: &World) -> PathBuf {
        self.file(world).with_extension("next.pem")
    }

    /// What the lab's authority issues for a key.
    fn issued(self, world: &World, spki_der: &[u8], usage: KeyUse) -> Vec<u8> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        world
            .exchange
            .lab
            .issue(&Wanted {
                spki_der,
                usage: match usage {
                    KeyUse::Tls => Use::Tls { names: &names },
                    KeyUse::Seal => Use::Seal,
                },
                code: Some(&member(self.code)),
                name: "TEST renewed",
                not_before: now() - time::Duration::hours(1),
                not_after: now() + time::Duration::days(700),
            })
            .unwrap()
    }

    fn at_hub(self, certificate: &[u8]) -> CertificateOf {
        CertificateOf {
            code: member(self.code),
            use_: self.use_,
            certificate: Fingerprint::of(certificate),
        }
    }

    /// New key, request, certificate, both registered. Gives the new certificate.
    fn certified(self, world: &World) -> Vec<u8> {
        succeeded(&self.step(world, &["begin"]));
        let request = self.file(world).with_extension("next.csr");
        let text = std::fs::read_to_string(&request).unwrap();
        // Run again it makes no other key.
        succeeded(&self.step(world, &["begin"]));
        let again = std::fs::read_to_string(&request).unwrap();
        assert_eq!(key_of(&text), key_of(&again));
        let der = self.issued(world, &key_of(&text), self.use_);
        let file = world.directory.path().join("issued.pem");
        write(&file, pem::encode("CERTIFICATE", &der));
        succeeded(&self.step(world, &["import", &file.to_string_lossy()]));
        enter(
            &world.exchange,
            &[Change::AddCertificate(self.at_hub(&der))],
        );
        der
    }

    /// The whole way, old certificate and new one given.
    fn renewed(self, world: &World) -> (Vec<u8>, Vec<u8>) {
        let old = first_certificate(&self.file(world));
        let new = self.certified(world);
        let passed = succeeded(&self.step(world, &["rehearse"]));
        assert!(passed.contains("diễn tập"), "{passed}");
        assert_eq!(
            first_certificate(&self.file(world)),
            old,
            "only a rehearsal"
        );
        succeeded(&self.step(world, &["switch", "--watch", "2"]));
        assert_eq!(first_certificate(&self.file(world)), new);
        (old, new)
    }
}

fn key_of(request: &str) -> Vec<u8> {
    let pem = &request[request.find("-----BEGIN").unwrap()..];
    let request = CertReq::from_pem(pem.as_bytes()).unwrap();
    request.info.public_key.to_der().unwrap()
}

/// Waits until nothing is on its way any more, and the recipient was offered each document once.
async fn arrived(world: &World, docs: &BTreeSet<String>) {
    let receiver = world.software(RECEIVERS[0]);
    until(async || {
        let said = status(world.machine(Sender));
        let state = said.gauge("queue", SENDER)["state"]["en"]
            .as_str()?
            .to_owned();
        let offered = receiver.count(MessageType::Edoc).await.ok()?.json["count"].as_u64()?;
        let all = u64::try_from(docs.len()).unwrap();
        assert!(offered <= all, "{offered} of {all}");
        (state.starts_with("0 on their way out") && offered == all).then_some(())
    })
    .await;
}

/// Verifies a proof as a stranger does, years later.
fn stranger_verifies(world: &World, proof: &Path, document: &Path) {
    let output = Command::new(executable())
        .args(["evidence", "verify", "--proof"])
        .arg(proof)
        .arg("--document")
        .arg(document)
        .arg("--anchors")
        .arg(world.exchange.lab.anchors())
        .output()
        .unwrap();
    succeeded(&output);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_certificate_is_renewed_under_load_without_a_failed_request() {
    let world = World::start();
    // A document from before, proven by the old certificates.
    let receiver = world.software(RECEIVERS[1]);
    let edxml = document(&RECEIVERS[1..2], 1).edxml().unwrap();
    send(&world.software(SENDER), edxml.clone()).await;
    let doc = received(&receiver, 1).await[0]["docId"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut proof = receiver.proof(&doc).await.unwrap();
    let proof = proof.body.read_all(1 << 20).await.unwrap();
    let (proof_file, document_file) = (
        world.directory.path().join("old.json"),
        world.directory.path().join("old.edxml"),
    );
    write(&proof_file, &proof);
    write(&document_file, &edxml);

    let load = Load::start(&world);
    load.more(20).await;
    let lines = [Sender, Receiver, Hub].map(|who| (who, world.process(who).lines()));
    let mut gone = Vec::new();
    for key in [BOX_TLS, BOX_SEAL, HUB_TLS, HUB_SEAL] {
        let (old, new) = tokio::task::block_in_place(|| key.renewed(&world));
        load.more(10).await;
        let subject = format!("({})", key.name);
        let said = status(world.machine(key.who));
        let shown = said.gauge("certificate", &subject)["end"]["id"].clone();
        assert_eq!(shown, format!("certificate {}", Fingerprint::of(&new)));
        gone.push(Change::RemoveCertificate(key.at_hub(&old)));
    }
    let (docs, ends) = load.end().await;
    assert!(ends.is_empty(), "no request failed: {ends:?}");
    arrived(&world, &docs).await;
    for (who, from) in lines {
        let trouble = |line: &Value| {
            [
                &ids::PEER_REFUSED,
                &ids::PACKET_REFUSED,
                &ids::PACKET_HELD,
                &ids::RECEIPT_REFUSED,
                &ids::CHECKPOINT_REFUSED,
                &ids::RENEWAL_TAKEN_BACK,
            ]
            .iter()
            .any(|id| is(line, id))
        };
        let line = world
            .process(who)
            .line(from, std::time::Duration::ZERO, trouble);
        assert!(line.is_err(), "{who:?}: {line:?}");
    }
    // The old ones go; what they proved stays proven.
    enter(&world.exchange, &gone);
    let doc = send(
        &world.software(SENDER),
        document(&RECEIVERS[..1], 2).edxml().unwrap(),
    )
    .await;
    sent_as(&world.software(SENDER), &doc, Transport::Processing).await;
    stranger_verifies(&world, &proof_file, &document_file);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_refuses_each_fault_in_words_of_its_own() {
    let world = World::start();
    let key = BOX_TLS;
    let refused = || failed(&key.step(&world, &["rehearse"]));
    assert!(refused().contains("the signer does not serve the key tls.next"));
    // Certified for a key that the token does not have.
    let foreign = TestKey::new().unwrap();
    let place = |der: &[u8]| {
        let intermediates = std::fs::read_to_string(world.exchange.lab.intermediates()).unwrap();
        write(
            &key.next_file(&world),
            pem::encode("CERTIFICATE", der) + &intermediates,
        );
        let signer = world.process(Who::SenderSigner);
        let from = signer.lines();
        signer.reload().unwrap();
        let read = |line: &Value| is(line, &ids::CERTIFICATE_RELOADED);
        signer.line(from, PATIENCE, read).unwrap();
    };
    let other_pair = key.issued(&world, &foreign.spki_der(), KeyUse::Tls);
    place(&other_pair);
    let said = refused();
    assert!(
        said.contains("has no certificate"),
        "not registered: {said}"
    );
    enter(
        &world.exchange,
        &[Change::AddCertificate(key.at_hub(&other_pair))],
    );
    let said = refused();
    assert!(said.contains("does not sign by its certificate"), "{said}");
    assert!(said.contains("issued for another key"), "{said}");
    // A seal's certificate where TLS is wanted.
    place(&key.issued(&world, &foreign.spki_der(), KeyUse::Seal));
    let said = refused();
    assert!(said.contains("not for a TLS server"), "{said}");
    // The bench refuses what was issued for another request before anything is rehearsed.
    succeeded(&key.step(&world, &["begin"]));
    let file = world.directory.path().join("issued.pem");
    write(&file, pem::encode("CERTIFICATE", &other_pair));
    let said = failed(&key.step(&world, &["import", &file.to_string_lossy()]));
    assert!(said.contains("belongs to no key of this token"), "{said}");
    // An authority that has been revoked.
    let good = tokio::task::block_in_place(|| key.certified(&world));
    succeeded(&key.step(&world, &["rehearse"]));
    world.exchange.lab.revoke_issuer().unwrap();
    reload(world.process(Sender));
    let said = refused();
    assert!(said.contains("its issuer has revoked it"), "{said}");
    assert!(said.contains("issuing CA"), "{said}");
    assert_ne!(
        first_certificate(&key.file(&world)),
        good,
        "nothing was switched"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_fails_in_its_first_minutes_is_taken_back() {
    let world = World::start();
    let key = BOX_SEAL;
    let old = first_certificate(&key.file(&world));
    let new = tokio::task::block_in_place(|| key.certified(&world));
    let mut switch = key.command(&world, &["switch", "--watch", "60"]);
    let switching = std::thread::spawn(move || switch.output().unwrap());
    until(async || (first_certificate(&key.file(&world)) == new).then_some(())).await;
    until(async || {
        let said = status(world.machine(Sender));
        let id = said.gauge("certificate", "(seal")["end"]["id"].clone();
        (id == format!("certificate {}", Fingerprint::of(&new))).then_some(())
    })
    .await;
    // The hub's operator takes the wrong one out.
    enter(
        &world.exchange,
        &[Change::RemoveCertificate(key.at_hub(&new))],
    );
    let output = tokio::task::spawn_blocking(|| switching.join().unwrap())
        .await
        .unwrap();
    let said = failed(&output);
    assert!(said.contains("returned to the old key by itself"), "{said}");
    assert!(said.contains("has no certificate"), "{said}");
    assert_eq!(first_certificate(&key.file(&world)), old);
    let doc = send(
        &world.software(SENDER),
        document(&RECEIVERS[..1], 1).edxml().unwrap(),
    )
    .await;
    sent_as(&world.software(SENDER), &doc, Transport::Processing).await;
    // It waits beside the old one and can be rehearsed again.
    let said = failed(&key.step(&world, &["rehearse"]));
    assert!(said.contains("has no certificate"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sealed_by_a_certificate_that_is_revoked_goes_on_under_the_new_one() {
    let world = World::start();
    let key = REVOKED_SEAL;
    // It owes a receipt and sends a document, both sealed by the certificate that is revoked now.
    let chain = world.exchange.lab.boxes[1].chain(key.name);
    world
        .exchange
        .lab
        .revoke(&serial(&first_certificate(&chain)))
        .unwrap();
    for who in [Hub, Sender, Receiver] {
        reload(world.process(who));
    }
    let incoming = send(
        &world.software(SENDER),
        document(&RECEIVERS[..1], 1).edxml().unwrap(),
    )
    .await;
    received(&world.software(key.code), 1).await;
    let mut draft = document(&[SENDER], 2);
    draft.from = member(key.code);
    let software = world.software(key.code);
    let held = send(&software, draft.edxml().unwrap()).await;
    world.said(Receiver, 0, &ids::CHECKPOINT_REFUSED, 0, |line| {
        line["MEMBER"] == key.code
    });
    assert_eq!(
        status(world.machine(Receiver)).gauge("certificate", key.code)["level"],
        "stops"
    );

    tokio::task::block_in_place(|| key.renewed(&world));
    sent_as(&software, &held, Transport::Processing).await;
    received(&world.software(SENDER), 1).await;
    sent_as(&world.software(SENDER), &incoming, Transport::Processing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_shows_the_months_ahead_and_moves_no_clock() {
    let world = World::start();
    let socket = world.machine(Sender).state().join("control.sock");
    let output = Command::new(executable())
        .args(["provision", "drill", "--in", "400d", "--socket"])
        .arg(socket)
        .output()
        .unwrap();
    let table = succeeded(&output);
    let row = |name: &str| {
        let mut rows = table.lines().filter(|line| line.contains(name));
        rows.next()
            .unwrap_or_else(|| panic!("{name} in {table}"))
            .to_owned()
    };
    assert!(table.contains("+400d"), "{table}");
    let tls = row("TLS 00.02.W00");
    assert!(
        tls.trim_start().starts_with("ok") && tls.contains("XX"),
        "{tls}"
    );
    assert!(row("revocation").contains("XX"));
    assert!(row("disk").trim_start().starts_with("ok") && !row("disk").contains("XX"));
    assert_eq!(status(world.machine(Sender)).json["level"], "risk");
}
