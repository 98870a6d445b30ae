//! A version on trial, from its writing to its end.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use trucgate::journal::ids;
use trucgate::update::{State, Trial};

use super::world::{Builder, Machine, write};

/// The one line of the journal with that id.
fn line(told: &str, id: &ids::Id) -> Value {
    let mut found = told.lines().filter(|line| line.contains(id.message_id));
    let line = found
        .next()
        .unwrap_or_else(|| panic!("no {}: {told}", id.name));
    assert!(found.next().is_none(), "{told}");
    serde_json::from_str(line).unwrap()
}

fn silent(told: &str) -> bool {
    !told.contains("MESSAGE_ID")
}

/// A machine that runs 0.1.0 and has `trial` written.
fn on_trial(builder: &Builder, version: &str, stage: &str) -> Machine {
    let machine = Machine::of(builder, "0.1.0", "0.0.5");
    write(
        &machine.state().join("state.json"),
        format!(
            r#"{{"floor":"0.0.1","trial":{{"version":"{version}","previous":"0.1.0","stage":"{stage}"}},"later":1}}"#
        ),
    );
    machine
}

fn state(machine: &Machine) -> State {
    State::read(&machine.state()).unwrap()
}

fn trial(machine: &Machine) -> Option<Trial> {
    state(machine).trial
}

#[test]
fn what_passed_its_self_test_is_in_force_and_raises_the_floor_for_good() {
    let builder = Builder::new();
    let machine = on_trial(&builder, "0.2.0", "written");
    machine.entry("0.2.0", "+2-1");
    machine.runs("0.2.0");
    write(&machine.system().join("usr/lib/trucgate/floor"), "0.1.0\n");
    let (good, told) = machine.told(&["settle"]);
    assert!(good, "{told}");
    assert_eq!(line(&told, &ids::UPDATE_IN_FORCE)["STEP"], "0.2.0");
    assert_eq!(trial(&machine), None);
    assert_eq!(state(&machine).floor, Some("0.1.0".parse().unwrap()));
    let (good, told) = machine.told(&["settle"]);
    assert!(good && silent(&told), "{told}");

    // Whatever runs later, the floor stays.
    machine.runs("0.1.0");
    write(&machine.system().join("usr/lib/trucgate/floor"), "0.0.1\n");
    let (good, _) = machine.told(&["settle"]);
    assert!(good);
    assert_eq!(state(&machine).floor, Some("0.1.0".parse().unwrap()));
    let older = builder.bundle("trucgate", "0.0.9", "0.0.1");
    let (good, told) = machine.told(&["install", older.to_str().unwrap()]);
    assert!(
        !good && told.contains("older than the floor 0.1.0"),
        "{told}"
    );
}

#[test]
fn what_failed_is_told_by_the_version_that_comes_back() {
    let builder = Builder::new();
    for (failed, reason) in [
        (true, "it has failed its self-test"),
        (false, "it did not come to the end of its start"),
    ] {
        let machine = on_trial(&builder, "0.2.0", "written");
        machine.entry("0.2.0", "+2-1");
        if failed {
            machine.runs("0.2.0");
            let (good, told) = machine.told(&["trial-failed"]);
            assert!(good, "{told}");
            assert_eq!(line(&told, &ids::UPDATE_TRIAL_FAILED)["STEP"], "0.2.0");
        }
        machine.counted("0.2.0", "+0-3");
        machine.runs("0.1.0");
        let (good, told) = machine.told(&["settle"]);
        assert!(good, "{told}");
        let line = line(&told, &ids::UPDATE_FELL_BACK);
        assert_eq!(
            (&line["STEP"], &line["REASON"], &line["COUNT"]),
            (&"0.2.0".into(), &reason.into(), &"3".into())
        );
        assert_eq!(trial(&machine), None);
        let (good, told) = machine.told(&["settle"]);
        assert!(good && silent(&told), "{told}");
    }
}

#[test]
fn a_start_before_the_trial_says_nothing_and_a_version_in_force_is_never_on_trial() {
    let builder = Builder::new();
    let machine = on_trial(&builder, "0.2.0", "written");
    machine.entry("0.2.0", "+3-0");
    let (good, told) = machine.told(&["settle"]);
    assert!(good && silent(&told), "{told}");
    assert!(trial(&machine).is_some());
    let (good, told) = machine.told(&["status"]);
    assert!(
        good && told.contains("the next start tries 0.2.0"),
        "{told}"
    );
    // Failing its self-test, what runs is not given up for it.
    let (good, told) = machine.told(&["trial-failed"]);
    assert!(!good && silent(&told), "{told}");
}

#[test]
fn a_version_on_trial_has_to_answer_where_the_one_before_did() {
    let builder = Builder::new();
    let machine = on_trial(&builder, "0.2.0", "written");
    let (good, _) = machine.told(&["self-test", "--patience=0"]);
    assert!(good, "it did not answer before");
    write(
        &machine.state().join("state.json"),
        r#"{"trial":{"version":"0.2.0","previous":"0.1.0","stage":"written","relays":true}}"#,
    );
    let (good, _) = machine.told(&["self-test", "--patience=0"]);
    assert!(good, "the version before is not on trial");
    machine.runs("0.2.0");
    let (good, told) = machine.told(&["self-test", "--patience=0"]);
    assert!(!good && told.contains("does not answer"), "{told}");
}

#[test]
fn what_was_cut_off_is_told_once_and_done_again() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let bundle = builder.bundle("trucgate", "0.2.0", "0.1.0");
    let install = ["install", bundle.to_str().unwrap()];
    let (good, told) = machine.told(&install);
    assert!(!good, "{told}");
    line(&told, &ids::UPDATE_NOT_WRITTEN);
    // The parts lie in the spool as systemd-sysupdate takes them, filled up.
    let length = |name: &str| {
        let path = machine.state().join("spool").join(name);
        std::fs::metadata(&path).map(|file| file.len()).unwrap()
    };
    assert_eq!(
        length("trucgate_0.2.0_00112233445566778899aabbccddeeff.root.raw"),
        131_072
    );
    assert_eq!(
        length("trucgate_0.2.0_0123456789abcdeffedcba9876543210.verity.raw"),
        8_192
    );
    assert!(length("trucgate_0.2.0.efi") > 9_000);

    let (good, told) = machine.told(&["settle"]);
    assert!(good, "{told}");
    let line = line(&told, &ids::UPDATE_NOT_WRITTEN);
    assert_eq!(line["REASON"], "it was cut off in the middle of writing");
    let (good, told) = machine.told(&["settle"]);
    assert!(good && silent(&told), "{told}");
    assert_eq!(machine.entries(), ["trucgate_0.1.0+3.efi"]);
}

#[test]
fn killed_while_it_reads_it_leaves_nothing_that_a_repetition_would_take() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    let bundle = std::fs::read(builder.bundle("trucgate", "0.2.0", "0.1.0")).unwrap();
    let pipe = machine.directory.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut child = machine
        .update(&["install", pipe.to_str().unwrap()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut writer = std::fs::File::options().write(true).open(&pipe).unwrap();
    // More than a pipe holds: once it is written, some of it was read.
    writer.write_all(&bundle[..bundle.len() - 4_096]).unwrap();
    // Another one is turned away meanwhile.
    let (good, told) = machine.told(&["install", builder.directory.path().to_str().unwrap()]);
    assert!(
        !good && told.contains("another update is under way"),
        "{told}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    drop(writer);
    assert_eq!(trial(&machine), None);
    let (_, told) = machine.told(&["install", builder.directory.path().to_str().unwrap()]);
    line(&told, &ids::UPDATE_NOT_WRITTEN);
    let spool = std::fs::read_dir(machine.state().join("spool")).unwrap();
    let parts = spool.flatten().filter(|file| {
        let name = file.file_name().into_string().unwrap();
        assert!(
            name.starts_with("trucgate_0.2.0") && !name.ends_with(".part"),
            "{name}"
        );
        true
    });
    assert_eq!(parts.count(), 3);
}

#[test]
fn a_state_that_cannot_be_read_takes_nothing() {
    let builder = Builder::new();
    let machine = Machine::of(&builder, "0.1.0", "0.0.1");
    write(&machine.state().join("state.json"), "{\"floor\":\"x\"}");
    let bundle = builder.bundle("trucgate", "0.2.0", "0.1.0");
    for verb in [
        &["install", bundle.to_str().unwrap()][..],
        &["settle"],
        &["status"],
    ] {
        let (good, told) = machine.told(verb);
        assert!(!good && told.contains("state.json"), "{told}");
    }
}
