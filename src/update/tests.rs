//! Entries of the loader, and what a start says of a trial. Bundles: `tests/update.rs`.

use super::*;
use crate::durable::Disk;

fn esp(names: &[&str]) -> (tempfile::TempDir, Esp) {
    let boot = tempfile::tempdir().unwrap();
    let images = boot.path().join("EFI/Linux");
    Disk::real().make_dir(&images).unwrap();
    for name in names {
        Disk::real().replace(&images.join(name), b"kernel").unwrap();
    }
    let esp = Esp::at(boot.path(), "trucgate");
    (boot, esp)
}

fn names(esp: &Esp) -> Vec<String> {
    let entries = esp.entries().unwrap();
    entries
        .iter()
        .map(|entry| {
            entry
                .path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn entries_are_read_as_the_loader_counts_them_and_others_are_left_alone() {
    let (boot, esp) = esp(&[
        "trucgate_0.9.0.efi",
        "trucgate_0.10.0+2-1.efi",
        "trucgate_1.0.0+0-3.efi",
        "trucgate_0.1.0+3.efi",
        "other_9.0.0.efi",
        "trucgate_x.efi",
        "trucgate_1.0.0+x.efi",
        "trucgate_2.0.0.efi.part",
        ".#sysupdatetrucgate_3.0.0+3-0.efi0123456789abcdef",
    ]);
    let found: Vec<_> = esp
        .entries()
        .unwrap()
        .iter()
        .map(|entry| (entry.version.to_string(), entry.left, entry.done))
        .collect();
    let expected = [
        ("1.0.0", Some(0), 3),
        ("0.10.0", Some(2), 1),
        ("0.9.0", None, 0),
        ("0.1.0", Some(3), 0),
    ];
    assert_eq!(
        found,
        expected.map(|(version, left, done)| (version.to_owned(), left, done))
    );
    esp.sweep(&Disk::real()).unwrap();
    assert!(
        names(&esp).len() == 4
            && std::fs::read_dir(boot.path().join("EFI/Linux"))
                .unwrap()
                .count()
                == 8
    );
}

#[test]
fn what_is_put_behind_is_the_loaders_last_choice_and_stays_where_it_was() {
    let (_boot, esp) = esp(&["trucgate_0.2.0+3.efi", "trucgate_0.1.0+3-0.efi"]);
    for _ in 0..2 {
        let running = esp.entry("0.2.0".parse().unwrap()).unwrap().unwrap();
        esp.put_behind(&Disk::real(), &running).unwrap();
        assert_eq!(
            names(&esp),
            ["trucgate_0.2.0+0-0.efi", "trucgate_0.1.0+3-0.efi"]
        );
    }
    let running = esp.entry("0.2.0".parse().unwrap()).unwrap().unwrap();
    assert!(running.is_given_up());
}

#[test]
fn each_end_of_a_trial_is_told_from_the_others() {
    let version = |text: &str| -> Version { text.parse().unwrap() };
    let (old, new) = (version("0.1.0"), version("0.2.0"));
    let state = |stage| State {
        floor: None,
        trial: Some(Trial {
            version: new,
            previous: old,
            stage,
            relays: false,
            failed: None,
        }),
    };
    let trial = |stage| state(stage).trial.unwrap();
    let (_boot, esp) = esp(&["trucgate_0.2.0+3-0.efi"]);
    let (_boot, given_up) = self::esp(&["trucgate_0.2.0+0-3.efi"]);
    let untried = esp.entry(new).unwrap();
    let given_up = given_up.entry(new).unwrap();
    let cases = [
        (Stage::Written, old, &untried, Outcome::Nothing),
        (
            Stage::Written,
            old,
            &given_up,
            Outcome::FellBack {
                trial: trial(Stage::Written),
                tries: 3,
            },
        ),
        // Somebody took its kernel away: it never came.
        (
            Stage::Written,
            old,
            &None,
            Outcome::FellBack {
                trial: trial(Stage::Written),
                tries: 0,
            },
        ),
        (
            Stage::Written,
            new,
            &untried,
            Outcome::Good(trial(Stage::Written)),
        ),
        (
            Stage::Writing,
            old,
            &None,
            Outcome::CutOff(trial(Stage::Writing)),
        ),
        (
            Stage::Writing,
            old,
            &untried,
            Outcome::CutOff(trial(Stage::Writing)),
        ),
        // Cut off behind the last change: it was whole.
        (
            Stage::Writing,
            new,
            &untried,
            Outcome::Good(trial(Stage::Writing)),
        ),
    ];
    for (stage, running, entry, outcome) in cases {
        assert_eq!(state(stage).outcome(running, entry.as_ref()), outcome);
    }
    assert_eq!(State::default().outcome(old, None), Outcome::Nothing);
}

#[test]
fn the_floor_is_the_highest_and_never_falls() {
    let version = |text: &str| -> Version { text.parse().unwrap() };
    let mut state = State::default();
    assert_eq!(state.floor(version("0.1.0")), version("0.1.0"));
    state.floor = Some(version("0.3.0"));
    assert_eq!(state.floor(version("0.1.0")), version("0.3.0"));
    assert_eq!(state.floor(version("0.4.0")), version("0.4.0"));
}
