//! Steps back and forth, and what a person does wrong at the bench.

use trucgate::durable::Disk;

use crate::bench::{Machine, module};
use crate::town::Town;

const MEMBER: &str = "000.00.00.H41";

fn step(own: &Machine, rest: &str) -> String {
    let (verb, flags) = rest.split_once(' ').unwrap_or((rest, ""));
    format!(
        "trucgate provision {verb} --dir {} {flags}",
        own.at().display()
    )
}

#[test]
fn every_step_is_undone_from_the_last_one_and_done_again() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box");
    let plan = town.plan(&own, "00.02.W00", &[MEMBER]);
    own.good(&plan);
    let forward = |machine: &Machine| {
        for line in ["init-token", "pin --pin-plain", "keys", "request"] {
            machine.good(&step(machine, line));
        }
        let requests = machine.at().join("provision/requests");
        let requests = requests.display();
        town.ca.good(&format!(
            "trucgate provision ca issue --dir {} {requests}/*.csr",
            town.ca.at().display()
        ));
        machine.good(&step(machine, &format!("import {requests}/*.pem")));
        machine.good(&step(machine, "configure"));
    };
    forward(&own);
    let first = std::fs::read(own.at().join("provision/requests/tls.csr")).unwrap();

    let said = own.bad(&step(&own, "undo keys"));
    assert!(said.contains("trucgate provision undo configure"), "{said}");
    for line in ["undo configure", "undo import", "undo request", "undo keys"] {
        own.good(&step(&own, line));
        own.good(&step(&own, line));
    }
    assert_eq!(own.labels("trucgate"), (vec![], vec![]));
    for name in [
        "signer.toml",
        "relay.toml",
        "certificates/tls.pem",
        "provision/requests/tls.csr",
    ] {
        assert!(!own.at().join(name).exists(), "{name}");
    }
    own.good(&step(&own, "undo pin"));
    own.good(&step(&own, "undo init-token"));
    // The token is found again by its label, and its PINs are known.
    forward(&own);
    let second = std::fs::read(own.at().join("provision/requests/tls.csr")).unwrap();
    assert_ne!(first, second, "new keys ask anew");
    let said = own.good(&step(&own, "status"));
    assert!(said.contains("RỦI RO: PIN không mã hoá"), "{said}");

    // A member more in the plan: what is missing is made, what is there stays.
    let file = own.at().join("plan.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let more = format!("{text}\n[[members]]\ncode = \"000.00.00.H14\"\nname = \"B\"\n");
    Disk::real().replace(&file, more.as_bytes()).unwrap();
    let said = own.good(&step(&own, "status"));
    assert!(said.contains("trucgate provision keys"), "{said}");
    forward(&own);
    assert_eq!(
        std::fs::read(own.at().join("provision/requests/tls.csr")).unwrap(),
        second
    );
    let labels = ["seal-000.00.00.H14", "seal-000.00.00.H41", "tls"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(own.labels("trucgate"), (labels.clone(), labels));
}

#[test]
fn a_pin_is_sealed_where_systemd_can_and_declared_plain_where_not() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box");
    own.good(&town.plan(&own, "00.02.W00", &[MEMBER]));
    own.good(&step(&own, "init-token"));
    // No systemd-creds in reach, as in a bare container.
    let without = format!(
        "env PATH=/nowhere {} provision pin --dir {}",
        crate::bench::PROGRAM,
        own.at().display()
    );
    let said = own.bad(&without);
    assert!(
        said.contains("systemd-creds can't work on this machine"),
        "{said}"
    );
    let declared = format!(
        "trucgate provision pin --dir {} --pin-plain",
        own.at().display()
    );
    assert!(said.contains(&declared), "{said}");
    let said = own.good(&declared);
    assert!(said.contains("RISK: plain PIN"), "{said}");
    assert!(own.at().join("provision/pin").exists());

    // Where it can, the plain one goes; which of the two this machine is decides what is seen.
    let output = own.run(&step(&own, "pin"));
    if output.status.success() {
        assert!(!own.at().join("provision/pin").exists());
        assert!(own.at().join("trucgate.pin").exists());
        own.good(&step(&own, "keys"));
        own.good(&step(&own, "undo keys"));
        own.good(&step(&own, "undo pin"));
    }
    assert!(own.at().join("provision/pin").exists());
}

#[test]
fn mistakes_at_the_bench_are_told_and_cost_nothing() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box");
    let said = own.bad(&step(&own, "keys"));
    assert!(said.contains("trucgate provision plan"), "{said}");
    let plan = town.plan(&own, "00.02.W00", &[MEMBER]);
    own.good(&plan);
    own.good(&plan);
    let said = own.bad(&plan.replace("--name localhost", "--name other"));
    assert!(said.contains("another plan is there"), "{said}");
    let file = own.at().join("plan.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (wrong, word) in [
        (text.replace("[box]\n", "[box]\ncolour = \"red\"\n"), "colour"),
        (text.replace("[[members]]", "[[members]]\ncode = \"H99\"\nname = \"x\"\n[[members]]\ncode = \"H99\"\nname = \"x\"\n[[members]]"), "H99"),
        (text.replace("\nnames = [\"localhost\"]", "\nnames = []"), "names"),
        (text.replace(&format!("name = \"Cơ quan {MEMBER}\""), &format!("name = \"{}\"", "Ủ".repeat(65))), "64"),
        (text.replace("state = \"/", "state = \""), "begins with /"),
    ] {
        Disk::real().replace(&file, wrong.as_bytes()).unwrap();
        let said = own.bad(&step(&own, "status"));
        assert!(said.contains(word), "{word}: {said}");
    }
    Disk::real().replace(&file, text.as_bytes()).unwrap();

    for early in [
        "pin",
        "keys",
        "request",
        "configure",
        "enrol",
        "self-test",
        "close --so-pin-kept",
    ] {
        let said = own.bad(&step(&own, early));
        assert!(
            said.contains("first: trucgate provision"),
            "{early}: {said}"
        );
    }
    assert!(
        own.bad(&step(&own, "undo everything"))
            .contains("init-token")
    );

    // Somebody else's token under this label: its PIN is not tried at random.
    let other = Machine::new(&town.directory, "other");
    other.good(&town.plan(&other, "00.04.W00", &["000.00.00.H14"]));
    own.good(&step(&own, "init-token"));
    let mixed = format!(
        "env SOFTHSM2_CONF={} {}",
        own.token_config().display(),
        step(&other, "init-token")
    );
    let said = other.bad(&mixed);
    assert!(said.contains("give that PIN with --pin FILE"), "{said}");

    // Another token of the same label in place of the one that was initialised.
    own.good(&step(&own, "pin --pin-plain"));
    other.good(&step(&other, "init-token"));
    let swapped = format!(
        "env SOFTHSM2_CONF={} {}",
        other.token_config().display(),
        step(&own, "keys")
    );
    let said = own.bad(&swapped);
    assert!(said.contains("another serial number"), "{said}");
    own.good(&step(&own, "keys"));
    let said = own.bad(&step(&own, "import --for seal-H99 /dev/null"));
    assert!(said.contains("the plan has no key seal-H99"), "{said}");
}

#[test]
fn the_officer_revokes_and_the_bench_hears_of_it() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box");
    own.good(&town.plan(&own, "00.02.W00", &[MEMBER]));
    for line in ["init-token", "pin --pin-plain", "keys", "request"] {
        own.good(&step(&own, line));
    }
    let (ca, at) = (
        town.ca.at().display().to_string(),
        own.at().display().to_string(),
    );
    let officer = |rest: &str| format!("trucgate provision ca {rest}");
    let issue = officer(&format!("issue --dir {ca} {at}/provision/requests/*.csr"));
    town.ca.good(&issue);
    let again = town.ca.good(&issue);
    assert_eq!(again.matches("issued before").count(), 2, "{again}");
    let wrong = town.ca.bad(&officer(&format!(
        "issue --dir {ca} --profile seal {at}/provision/requests/tls.csr"
    )));
    assert!(wrong.contains("asks for tls, not seal"), "{wrong}");

    let listed = town.ca.good(&officer(&format!("list --dir {ca}")));
    let line = listed
        .lines()
        .find(|line| line.contains("\ttls\t00.02.W00\t"))
        .unwrap();
    let serial = line.split('\t').next().unwrap();
    assert!(
        town.ca
            .bad(&officer(&format!("revoke --dir {ca} --serial 00ff")))
            .contains("no certificate of serial")
    );
    assert!(
        town.ca
            .bad(&officer(&format!(
                "revoke --dir {ca} --serial {serial} --reason mood"
            )))
            .contains("keyCompromise")
    );
    town.ca.good(&officer(&format!(
        "revoke --dir {ca} --serial {serial} --reason keyCompromise"
    )));
    town.ca
        .good(&officer(&format!("renew-crl --dir {ca} --days 3")));
    let listed = town.ca.good(&officer(&format!("list --dir {ca}")));
    let line = listed
        .lines()
        .find(|line| line.starts_with(serial))
        .unwrap();
    let columns: Vec<_> = line.split('\t').collect();
    assert_eq!((columns[1], columns[5]), ("revoked", "keyCompromise"));
    let seen = town.ca.good(&format!(
        "openssl crl -inform der -in {ca}/server.crl -noout -text"
    ));
    assert!(
        seen.contains(&serial.to_uppercase()) && seen.contains("Key Compromise"),
        "{seen}"
    );

    let said = own.bad(&step(
        &own,
        &format!("import {at}/provision/requests/*.pem"),
    ));
    assert!(said.contains("its issuer has revoked it"), "{said}");
    let said = own.good(&step(&own, "status"));
    assert!(
        said.contains("1/2"),
        "the seal's certificate is good and kept: {said}"
    );
    // The officer issues anew for the same request: what is revoked is not handed out again.
    town.ca.good(&issue);
    own.good(&step(
        &own,
        &format!("import {at}/provision/requests/*.pem"),
    ));
    // An intermediate is revoked like any other, and with it all that it issued.
    let listed = town.ca.good(&officer(&format!("list --dir {ca}")));
    let agency = listed
        .lines()
        .find(|line| line.contains("\tca\t") && line.contains("agency CA"))
        .unwrap();
    let agency = agency.split('\t').next().unwrap();
    town.ca
        .good(&officer(&format!("revoke --dir {ca} --serial {agency}")));
    let said = own.bad(&step(
        &own,
        &format!("import {at}/provision/requests/seal-*.pem"),
    ));
    assert!(
        said.contains("TEST agency CA") && said.contains("its issuer has revoked it"),
        "{said}"
    );
    // Marked as not the real one, in every subject.
    for line in town.ca.good(&officer(&format!("list --dir {ca}"))).lines() {
        assert!(line.contains("TEST "), "{line}");
    }
    for name in ["root", "server", "agency", "ocsp-server", "tsa"] {
        let subject = town
            .ca
            .good(&format!("openssl x509 -in {ca}/{name}.pem -noout -subject"));
        assert!(
            subject.contains("TEST") && subject.contains("not for production"),
            "{subject}"
        );
    }
    let other = town.ca.bad(&officer(&format!(
        "init --dir {ca} --module {} --label other",
        module().display()
    )));
    assert!(other.contains("another CA is here already"), "{other}");
}
