//! The register's history and certificates, as an operator and an auditor see them.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use trucgate::hub::admin::Change;

use crate::world::boxes::enter;
use crate::world::operators::admin;
use crate::world::{RECEIVERS, SENDER, World, executable, until};

/// Whether a stranger finds the proof of a change good.
fn verified(world: &World, proof: &Path, text: &Path) -> bool {
    let lab = &world.exchange.lab;
    let done = Command::new(executable())
        .args(["evidence", "verify", "--member", lab.hub.code.as_str()])
        .arg("--proof")
        .arg(proof)
        .arg("--document")
        .arg(text)
        .arg("--anchors")
        .arg(lab.anchors())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(said.contains("a change in the hub's register"), "{said}");
    done.status.success()
}

fn described(code: &str, contact: &str) -> Change {
    let text = format!(r#"{{"describe-member":{{"code":"{code}","contact":"{contact}"}}}}"#);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_change_is_listed_with_who_ordered_it_and_proven_to_a_stranger() {
    let world = World::start();
    enter(&world.exchange, &[described(SENDER, "Bà Mai")]);
    let listed: Value =
        serde_json::from_str(&admin(&world, &["history", "--code", SENDER, "--json"])).unwrap();
    let newest = &listed[0];
    assert_eq!(
        (newest["kind"].as_str(), newest["recorded"].as_bool()),
        (Some("applied"), Some(true))
    );
    assert!(
        newest["by"].as_str().unwrap().starts_with("local: "),
        "{newest}"
    );
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let of_another: Value = serde_json::from_str(&admin(
        &world,
        &["history", "--code", RECEIVERS[0], "--json"],
    ))
    .unwrap();
    assert_eq!(of_another.as_array().unwrap().len(), 1);
    let told = admin(&world, &["history"]);
    assert!(told.contains("đã vào chứng cứ / on record"), "{told}");

    let number = newest["number"].to_string();
    let out = world.directory.path().join("audit");
    let exported = admin(
        &world,
        &[
            "history",
            "--proof",
            &number,
            "--out",
            &out.to_string_lossy(),
        ],
    );
    assert!(exported.contains("trucgate evidence verify"), "{exported}");
    let text = out.join(format!("change-{number}.json"));
    let proof = out.join(format!("change-{number}.proof.json"));
    let change: Value = serde_json::from_slice(&std::fs::read(&text).unwrap()).unwrap();
    assert_eq!(
        change["done"]["applied"][0]["describe-member"]["contact"],
        "Bà Mai"
    );
    assert!(verified(&world, &proof, &text));
    let forged = std::fs::read_to_string(&text)
        .unwrap()
        .replace("Bà Mai", "Bà Lan");
    crate::world::write(&text, forged);
    assert!(!verified(&world, &proof, &text));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_listed_with_how_far_each_has_come() {
    let world = World::start();
    let all: Value = serde_json::from_str(&admin(&world, &["certificates", "--json"])).unwrap();
    let with = |use_: &str, state: &str| {
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one["use"] == use_ && one["state"] == state)
            .count()
    };
    assert_eq!(
        with("seal", "active"),
        1,
        "the hub's, whose log has a head: {all:#}"
    );
    assert_eq!(
        with("seal", "registered"),
        4,
        "nobody has sealed yet: {all:#}"
    );
    // What a box shows at the door is written down twice a second.
    let words = ["certificates", "--code", "00.02.W00", "--state", "active"];
    let told = until(async || {
        let told = admin(&world, &words);
        told.contains("đang dùng / active").then_some(told)
    })
    .await;
    assert!(told.contains("days left"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}
