//! The units' sandboxes stay closed and explained.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Units and the highest exposure that each may have, in tenths.
const EXPOSURE: &[(&str, u32)] = &[
    ("trucgate-signer.service", 10),
    ("trucgate-relay.service", 20),
    ("trucgate-hub.service", 20),
    ("trucgate-console@.service", 12),
    ("trucgate-backup.service", 5),
];

/// The same of units that only an appliance has, below `appliance/usr/lib/systemd/system`.
const APPLIANCE: &[(&str, u32)] = &[
    ("trucgate-update.service", 14),
    ("trucgate-update-fetch.service", 20),
    ("trucgate-update-settle.service", 10),
    ("trucgate-support.service", 12),
    ("trucgate-settings-change.service", 17),
    ("trucgate-backup-carry.service", 10),
];

fn units() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn sandboxes_are_as_closed_as_declared() {
    let appliance = units().join("appliance/usr/lib/systemd/system");
    let ours = EXPOSURE.iter().map(|(unit, limit)| (unit, limit, units()));
    let others = APPLIANCE
        .iter()
        .map(|(unit, limit)| (unit, limit, appliance.clone()));
    for (unit, limit, place) in ours.chain(others) {
        let analysis = Command::new("systemd-analyze")
            .args(["security", "--offline=true", "--no-pager"])
            .arg(format!("--threshold={limit}"))
            .arg(place.join(unit))
            .output();
        match analysis {
            Ok(told) => assert!(
                told.status.success(),
                "{unit} is more exposed than {limit} tenths:\n{}{}",
                String::from_utf8_lossy(&told.stdout),
                String::from_utf8_lossy(&told.stderr)
            ),
            Err(error) => {
                eprintln!("SKIPPED: no systemd-analyze here ({error}), {unit} stays unchecked");
            }
        }
    }
}

#[test]
fn every_unit_has_a_declared_exposure() {
    let mut found: Vec<_> = std::fs::read_dir(units())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".service"))
        .collect();
    found.sort();
    let mut declared: Vec<_> = EXPOSURE
        .iter()
        .map(|(unit, _)| (*unit).to_owned())
        .collect();
    declared.sort();
    assert_eq!(found, declared);
}

/// What the console can only ask for, as it names it, and what systemd does about it.
#[test]
fn orders_of_the_console_reach_systemd() {
    for (request, target) in [
        ("power-off", "poweroff.target"),
        ("restart", "reboot.target"),
    ] {
        let path = read(&units().join(format!("trucgate-console-{request}.path")));
        assert!(path.contains(&format!(
            "\nPathExists=/run/trucgate-console/{request}\nUnit={target}\n"
        )));
    }
    let appliance = units().join("appliance/usr/lib/systemd/system");
    for request in ["update", "support"] {
        let path = read(&appliance.join(format!("trucgate-console-{request}.path")));
        assert!(path.contains(&format!(
            "\nPathExists=/run/trucgate-console/{request}\nUnit=trucgate-{request}.service\n"
        )));
        let unit = read(&appliance.join(format!("trucgate-{request}.service")));
        let first = unit.lines().find(|line| line.starts_with("Exec"));
        assert_eq!(
            first,
            Some(&*format!(
                "ExecStartPre=-+/usr/bin/rm --force /run/trucgate-console/{request}"
            )),
            "an order that stays is carried out for ever"
        );
    }
    let console = read(&units().join("trucgate-console@.service"));
    assert!(console.contains("\nRuntimeDirectory=trucgate-console\n"));
}

#[test]
fn every_directive_of_a_service_is_explained() {
    let readme = read(&units().join("README.md"));
    for (unit, _) in EXPOSURE {
        let text = read(&units().join(unit));
        let service = text
            .split("[Service]")
            .nth(1)
            .and_then(|rest| rest.split("\n[").next())
            .unwrap();
        for line in service.lines().filter(|line| !line.starts_with('#')) {
            if let Some((directive, _)) = line.split_once('=') {
                assert!(
                    readme.contains(&format!("`{directive}`")),
                    "{unit}: {directive} is not explained in systemd/README.md"
                );
            }
        }
    }
}
