//! What can't be undone, done by two operators at real boxes and a real hub; the table of refusals is in
//! `src/control/agreed/tests.rs`.

use serde_json::Value;
use trucgate::evidence::{Archive, Record, RecordKind};
use trucgate::journal::ids;
use trucgate::provision::lab::module;
use trucgate::store::Store;
use trucgate::trust::issue::TestCa;
use trucgate::trust::pem;
use trucgate::vxp::Transport;

use crate::world::machines::Who::{self, Hub, Receiver, Sender};
use crate::world::operators::{
    Operator, employ, failed, id_in, operator, operator_with_token, succeeded,
};
use crate::world::{
    RECEIVERS, SENDER, World, collect, document, executable, member, now, send, sent_as, until,
    write,
};

/// An and Bình work at `who`.
fn employed(who: Who) -> (World, Operator, Operator, String) {
    let mut world = World::start();
    let (an, binh) = (operator(&world, "An"), operator(&world, "Bình"));
    let address = employ(&mut world, who, &[(&an, "approve"), (&binh, "approve")]);
    (world, an, binh, address)
}

/// One proposes, the other approves.
fn agree(world: &World, who: Who, persons: (&Operator, &Operator), action: &[&str]) -> String {
    let arguments: Vec<&str> = ["agree", "propose"].iter().chain(action).copied().collect();
    let id = id_in(&succeeded(&persons.0.types(world, who, &arguments)));
    let shown = succeeded(&persons.1.types(world, who, &["agree", "approve", &id]));
    assert!(
        shown.contains(action[0]) && shown.contains("by: An"),
        "{shown}"
    );
    succeeded(
        &persons
            .1
            .types(world, who, &["agree", "approve", &id, "--yes"]),
    );
    id
}

/// Both names stand in the journal and in the log of `log`, whose process is killed for it.
async fn on_record(world: &mut World, who: Who, (log, action): (&str, &str)) {
    let both = |line: &Value| line["PEER"] == "An, Bình" && line["STEP"] == action;
    world.said(who, 0, &ids::TWO_PERSONS, 0, both);
    world.kill(who);
    let name = if who == Hub { "hub.db" } else { "box.db" };
    let file = world.machine(who).state().join(name);
    let schemas = if who == Hub {
        trucgate::hub::SCHEMAS
    } else {
        trucgate::relay::SCHEMAS
    };
    let store = Store::open(file, trucgate::durable::Disk::real(), schemas).unwrap();
    let records = Archive::new(store).records(&member(log), 0, 10_000).await;
    let agreed: Vec<Record> = records
        .unwrap()
        .iter()
        .map(|(_, body)| Record::parse(body).unwrap())
        .filter(|record| record.kind == RecordKind::Agreement)
        .collect();
    assert_eq!(agreed.len(), 1, "{agreed:?}");
    let reason = agreed[0].reason.as_deref().unwrap();
    assert_eq!(agreed[0].status.as_deref(), Some(action));
    assert!(
        reason.contains("proposed by An (") && reason.contains("approved by Bình ("),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_taken_out_of_the_register() {
    let (mut world, an, binh, _) = employed(Hub);
    let gone = RECEIVERS[2];
    // Not while something waits for it; a box is not asked at all.
    world.kill(Receiver);
    let sender = world.software(SENDER);
    let doc = send(&sender, document(&[gone], 1).edxml().unwrap()).await;
    until(async || {
        let refused = an.types(&world, Hub, &["agree", "propose", "remove-member", gone]);
        (!refused.status.success()).then_some(())
    })
    .await;
    world.again(Receiver);
    sent_as(&sender, &doc, Transport::Processing).await;
    let unknown = an.types(&world, Hub, &["agree", "propose", "remove-member", "H99"]);
    assert!(failed(&unknown).contains("not registered"));

    let id = agree(&world, Hub, (&an, &binh), &["remove-member", gone]);
    let again = binh.types(&world, Hub, &["agree", "approve", &id, "--yes"]);
    assert!(failed(&again).contains("used or run out"));
    until(async || {
        let sending = crate::world::sending(trucgate::vxp::MessageType::Edoc);
        let edxml = document(&[gone], 2).edxml().unwrap();
        let reply = sender.send(&sending, edxml.into()).await.ok()?;
        format!("{reply:?}").contains("\"18\"").then_some(())
    })
    .await;
    on_record(&mut world, Hub, ("00.01.W00", "remove-member")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_bodies_go_and_their_evidence_stays() {
    let mut world = World::start();
    // One of the two has its key in a token of its own, which works from afar and here.
    let (an, binh) = (operator(&world, "An"), operator_with_token(&world, "Bình"));
    let persons = [(&an, "approve"), (&binh, "approve")];
    let address = employ(&mut world, Receiver, &persons);
    let listed = binh.types_from_afar(&address, &["agree", "list"]);
    assert!(succeeded(&listed).contains("No proposal waits"));
    let (owner, neighbour) = (RECEIVERS[0], RECEIVERS[1]);
    send(
        &world.software(SENDER),
        document(&[owner, neighbour], 1).edxml().unwrap(),
    )
    .await;
    let mut docs = Vec::new();
    for code in [owner, neighbour] {
        docs.push(collect(&world.software(code)).await);
    }
    let before = trucgate::clock::rfc3339(now() + time::Duration::hours(1));
    let action = ["purge-bodies", owner, "--before", &before];
    agree(&world, Receiver, (&an, &binh), &action);
    let software = world.software(owner);
    let gone = software.get(&docs[0]).await.unwrap();
    assert!(!gone.is_ok(), "{gone:?}");
    let proof = software.proof(&docs[0]).await.unwrap();
    assert!(proof.status.is_success(), "the proof stays");
    let kept = world.software(neighbour).get(&docs[1]).await.unwrap();
    assert!(kept.is_ok(), "{kept:?}");
    on_record(&mut world, Receiver, (owner, "purge-bodies")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anchors_change_and_never_so_that_the_box_itself_is_locked_out() {
    let (mut world, an, binh, _) = employed(Sender);
    let other = TestCa::new(&trucgate::clock::Chance::system(), now()).unwrap();
    let other = pem::encode("CERTIFICATE", &other.root_der());
    let file = world.directory.path().join("anchors-new.pem");
    let path = file.to_string_lossy().into_owned();
    let propose = ["agree", "propose", "change-anchors", &path];
    write(&file, &other);
    let refused = failed(&an.types(&world, Sender, &propose));
    assert!(
        refused.contains("the new anchors can't be used"),
        "{refused}"
    );
    write(&file, "nothing");
    failed(&an.types(&world, Sender, &propose));

    let place = world.exchange.lab.anchors();
    let both = std::fs::read_to_string(&place).unwrap() + &other;
    write(&file, &both);
    agree(&world, Sender, (&an, &binh), &["change-anchors", &path]);
    assert_eq!(std::fs::read_to_string(&place).unwrap(), both);
    on_record(&mut world, Sender, (SENDER, "change-anchors")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_destroyed_at_the_bench_once_and_never_one_in_use() {
    let (mut world, an, binh, _) = employed(Sender);
    let machine = world.machine(Sender);
    let (directory, environment) = (machine.directory.clone(), machine.token_environment());
    let bench = |arguments: &[&str]| {
        std::process::Command::new(executable())
            .args(["provision"])
            .args(arguments)
            .args(["--label", "trucgate-test", "--module"])
            .arg(module())
            .arg("--pin")
            .arg(directory.join("pin"))
            .envs(environment.clone())
            .output()
            .unwrap()
    };
    let so_pin = directory.join("so-pin").to_string_lossy().into_owned();
    let old = ["token", "--so-pin", &so_pin, "--key", "tls-old=p-256"];
    let before = succeeded(&bench(&old));
    let in_use = an.types(&world, Sender, &["agree", "propose", "delete-key", "tls"]);
    assert!(failed(&in_use).contains("in use"));

    let id = agree(&world, Sender, (&an, &binh), &["delete-key", "tls-old"]);
    let socket = world.machine(Sender).state().join("control.sock");
    let socket = socket.to_string_lossy().into_owned();
    let delete = ["delete-key", "--agreement", &id, "--socket", &socket];
    succeeded(&bench(&delete));
    assert!(failed(&bench(&delete)).contains("used before"));
    // Asked for again it is another key.
    assert_ne!(succeeded(&bench(&old)), before);
    on_record(&mut world, Sender, (SENDER, "delete-key")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_work_from_afar_and_strangers_do_not() {
    let mut world = World::start();
    let (an, stranger) = (operator(&world, "An"), operator(&world, "Dũng"));
    let address = employ(&mut world, Sender, &[(&an, "view")]);
    let said = an.types_from_afar(&address, &["status", "--json"]);
    let json: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!(json["box"], "00.02.W00", "{said:?}");
    let refused = failed(&an.types_from_afar(&address, &["agree", "list"]));
    assert!(refused.contains("lacks the role"), "{refused}");
    let refused = stranger.types_from_afar(&address, &["status"]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(failed(&refused).contains("belongs to no operator"));
    world.said(Sender, 0, &ids::OPERATOR_REFUSED, 1, |_| true);
    // A certificate of nobody's trust does not even get that far, and is told apart in the journal.
    let ca = TestCa::new(&trucgate::clock::Chance::system(), now()).unwrap();
    let key = trucgate::trust::issue::TestKey::new().unwrap();
    let der = ca
        .issue(
            &trucgate::trust::issue::Wanted {
                spki_der: &key.spki_der(),
                usage: trucgate::trust::issue::Use::Tls { names: &[] },
                code: None,
                name: "nobody",
                not_before: now() - time::Duration::days(1),
                not_after: now() + time::Duration::days(1),
            },
            &trucgate::clock::Chance::system(),
        )
        .unwrap();
    write(
        &world.directory.path().join("An.pem"),
        pem::encode("CERTIFICATE", &der),
    );
    write(
        &world.directory.path().join("An.key"),
        pem::encode("PRIVATE KEY", &key.pkcs8_der()),
    );
    assert_eq!(
        an.types_from_afar(&address, &["status"]).status.code(),
        Some(3)
    );
    world.said(Sender, 0, &ids::PEER_REFUSED, 0, |line| {
        line["REASON"]
            .as_str()
            .unwrap()
            .contains("no configured certification authority")
    });
}
