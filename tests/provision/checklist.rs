//! From an empty token to the first delivered document with nothing but the checklist's own words.

use std::path::Path;

use crate::bench::{Machine, module, words};
use crate::town::Town;

const MEMBER: &str = "000.00.00.H41";
const TENANTS: [&str; 3] = ["000.00.00.H14", "000.00.00.H17", "H37.02"];

#[test]
fn a_new_user_follows_the_checklist_to_the_first_document() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box-1");
    let plan = town.plan(&own, "00.02.W00", &[MEMBER]);
    let mut delivered_after = 0;
    let mut count = 0;
    // The CA stands first: it is the officer's one command.
    let typed = town.follow(&own, &plan, |at, line| {
        count += 1;
        let ready = format!(
            "trucgate provision status --require-self-test --dir {}",
            at.at().display()
        );
        let before = at.run(&ready).status.success();
        assert_eq!(before, delivered_after > 0, "before {line}");
        let output = at.run(line);
        if line.contains("self-test") && output.status.success() {
            delivered_after = count + 1;
            at.good(&ready);
        }
        let said = words(&output);
        if output.status.success() {
            Ok(said)
        } else {
            Err(said)
        }
    });
    assert!(delivered_after > 0, "{typed:#?}");
    assert!(delivered_after < 15, "{delivered_after}: {typed:#?}");

    requests_and_chains_hold(&town, &own, &["tls", &format!("seal-{MEMBER}")]);
    closed_is_closed(&own);
    a_box_starts_with_what_was_written(&own);
}

#[test]
fn a_shared_box_has_keys_and_papers_of_each_member_apart() {
    let town = Town::open();
    let own = Machine::new(&town.directory, "box-1");
    let plan = town.plan(&own, "00.03.W00", &TENANTS);
    town.follow(&own, &plan, |at, line| {
        let output = at.run(line);
        let said = words(&output);
        if output.status.success() {
            Ok(said)
        } else {
            Err(said)
        }
    });
    let labels: Vec<String> = TENANTS.iter().map(|code| format!("seal-{code}")).collect();
    let mut all: Vec<&str> = labels.iter().map(String::as_str).collect();
    all.push("tls");
    requests_and_chains_hold(&town, &own, &all);
    let keys: Vec<String> = all.iter().map(|label| key_of_chain(&own, label)).collect();
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{}: one key for two", all[at]);
    }
    let said = own.good(&format!(
        "trucgate provision status --dir {}",
        own.at().display()
    ));
    for code in TENANTS {
        let text = std::fs::read_to_string(own.at().join("relay.toml")).unwrap();
        assert!(
            text.contains(&format!("code = \"{code}\"\nseal_key = \"seal-{code}\"")),
            "{text}"
        );
    }
    assert!(said.contains("4/4"), "{said}");
}

fn requests_and_chains_hold(town: &Town, own: &Machine, labels: &[&str]) {
    let ca = town.ca.at();
    let mut wanted: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
    wanted.sort();
    // Nothing in the token but the planned pairs, as OpenSC sees it.
    assert_eq!(own.labels("trucgate"), (wanted.clone(), wanted));
    for label in labels {
        let request = own.at().join(format!("provision/requests/{label}.csr"));
        let said = words(&own.run(&format!(
            "openssl req -in {} -noout -verify -text",
            request.display()
        )));
        assert!(said.contains("verify OK"), "{said}");
        let code = label.strip_prefix("seal-").unwrap_or("W00");
        assert!(
            said.contains(&format!(
                "URI:urn:trucgate:member:{}",
                if *label == "tls" { "" } else { code }
            )),
            "{said}"
        );
        match *label {
            "tls" => assert!(
                said.contains("TLS Web Server Authentication, TLS Web Client Authentication"),
                "{said}"
            ),
            _ => assert!(
                said.contains("Digital Signature, Non Repudiation") && !said.contains("TLS Web"),
                "{said}"
            ),
        }
        let chain = own.at().join(format!("certificates/{label}.pem"));
        let said = own.good(&format!(
            "openssl verify -CAfile {}/root.pem -crl_check_all -CRLfile {} -untrusted {} {}",
            ca.display(),
            lists(own, &ca).display(),
            chain.display(),
            chain.display()
        ));
        assert!(said.contains(": OK"), "{said}");
        let requested = own.good(&format!(
            "openssl req -in {} -noout -pubkey",
            request.display()
        ));
        assert_eq!(requested, key_of_chain(own, label), "{label}");
    }
    keys_never_leave(own, labels[0]);
}

/// The CA's lists in one file, as openssl reads them.
fn lists(own: &Machine, ca: &Path) -> std::path::PathBuf {
    let all: String = ["root", "server", "agency"]
        .iter()
        .map(|name| {
            own.good(&format!(
                "openssl crl -inform der -in {}/{name}.crl",
                ca.display()
            ))
        })
        .collect();
    let file = own.directory.join("lists.pem");
    trucgate::durable::Disk::real()
        .replace(&file, all.as_bytes())
        .unwrap();
    file
}

fn key_of_chain(own: &Machine, label: &str) -> String {
    let chain = own.at().join(format!("certificates/{label}.pem"));
    own.good(&format!(
        "openssl x509 -in {} -noout -pubkey",
        chain.display()
    ))
}

fn keys_never_leave(own: &Machine, label: &str) {
    let said = own.good(&format!(
        "pkcs11-tool --module {} --token-label trucgate --login --pin {} --list-objects --type privkey",
        module().display(),
        own.pin()
    ));
    assert!(
        said.contains("sensitive, always sensitive, never extract"),
        "{label}: {said}"
    );
}

fn closed_is_closed(own: &Machine) {
    let at = own.at().display().to_string();
    assert!(!own.at().join("provision/so-pin").exists());
    for line in ["undo self-test", "keys", "request", "configure"] {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let said = own.bad(&format!("trucgate provision {verb} --dir {at} {rest}"));
        assert!(said.contains("niêm"), "{line}: {said}");
    }
    // After an update, say: the box shows that it still works.
    own.good(&format!("trucgate provision self-test --dir {at}"));
}

/// The configuration is a box's own: the two processes start with it as the units start them.
fn a_box_starts_with_what_was_written(own: &Machine) {
    let mut running = own.services();
    let at = own.at().display().to_string();
    let said = own.good(&format!("trucgate provision self-test --dir {at}"));
    assert!(said.contains("the running services are used"), "{said}");
    // One without the other is no box.
    running.pop().unwrap().kill().unwrap();
    let said = own.bad(&format!("trucgate provision self-test --dir {at}"));
    assert!(said.contains("start or stop both"), "{said}");
}
