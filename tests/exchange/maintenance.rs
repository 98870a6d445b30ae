//! The one way to a shell: an operator's permit, of use once, at the machine that it names.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use trucgate::journal::ids;

use crate::console::line::Line;
use crate::world::machines::Who::Sender;
use crate::world::operators::{Operator, employ, operator, succeeded};
use crate::world::{World, executable};

const CODE: &str = "00.02.W00";

fn permit(by: &Operator, world: &World, at: &str, out: &Path) -> String {
    let out = out.to_str().unwrap();
    let words = ["maintenance", "permit", "--at", at, "--reason"];
    let rest = ["thay cáp mạng", "--minutes", "5", "--out", out];
    succeeded(&by.types(world, Sender, &[&words[..], &rest[..]].concat()))
}

/// A session's command; what it journals goes to `told`.
fn session(world: &World, room: &Path, told: &Path) -> Command {
    let told = File::options()
        .create(true)
        .append(true)
        .open(told)
        .unwrap();
    let mut command = Command::new(executable());
    command
        .args(["maintenance", "session", "--line", "tty7", "--from"])
        .arg(room)
        .arg("--config")
        .arg(world.machine(Sender).config())
        .arg("--used")
        .arg(room.join("used"))
        .env("TERM", "linux")
        .stderr(told);
    command
}

fn journalled(told: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(told).unwrap();
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_opens_one_session_and_every_line_of_it_is_journalled() {
    let mut world = World::start();
    let (an, binh) = (operator(&world, "an"), operator(&world, "binh"));
    employ(&mut world, Sender, &[(&an, "approve"), (&binh, "view")]);
    let room = tempfile::tempdir().unwrap();
    let (room, told) = (room.path(), room.path().join("told"));
    let refused = || {
        assert!(!session(&world, room, &told).status().unwrap().success());
        let text = std::fs::read_to_string(&told).unwrap();
        let at = text.rfind("trucgate: ").unwrap();
        text[at..].to_owned()
    };

    assert!(refused().contains("TRUC-MNT"));
    permit(&an, &world, "00.03.W00", room);
    let said = refused();
    assert!(said.contains("signed for 00.03.W00"), "{said}");
    permit(&binh, &world, CODE, room);
    let said = refused();
    assert!(said.contains("binh lacks the role approve"), "{said}");
    let text = permit(&an, &world, CODE, room);
    assert!(
        text.contains("minutes: 5\nreason: thay cáp mạng\n"),
        "{text}"
    );
    let file = room.join("maintenance.permit");
    let good = std::fs::read_to_string(&file).unwrap();
    crate::world::write(&file, good.replace("minutes: 5", "minutes: 90"));
    let said = refused();
    assert!(said.contains("not what was signed"), "{said}");
    crate::world::write(&file, good);
    assert!(journalled(&told).iter().all(|line| {
        line["MESSAGE_ID"] == ids::MAINTENANCE_REFUSED.message_id && line["PEER"] == "tty7"
    }));

    let mut line = Line::with(&mut session(&world, room, &told));
    line.until(|shown| shown.contains("MAINTENANCE SESSION, 5 minutes"));
    line.press("test -t 0 && echo dòng-$((40+2))\r");
    line.until(|shown| shown.contains("dòng-42"));
    line.press("exit\r");
    let (status, restored) = line.ends();
    assert!(status.success() && restored);
    let lines = journalled(&told);
    let of = |id: &str| {
        let these = lines.iter().filter(move |line| line["MESSAGE_ID"] == id);
        these.collect::<Vec<_>>()
    };
    let opened = of(ids::MAINTENANCE_OPENED.message_id);
    assert_eq!(opened.len(), 1);
    assert_eq!(opened[0]["PEER"], "tty7, an");
    assert_eq!(opened[0]["REASON"], "thay cáp mạng");
    let shown: Vec<_> = of(ids::MAINTENANCE_LINE.message_id)
        .iter()
        .map(|line| line["MESSAGE"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        shown.iter().any(|line| line.contains("$((40+2))")),
        "{shown:?}"
    );
    assert!(
        shown.iter().any(|line| line.ends_with("dòng-42")),
        "{shown:?}"
    );
    let closed = of(ids::MAINTENANCE_CLOSED.message_id);
    assert_eq!(closed[0]["REASON"], "the shell was left");

    let said = refused();
    assert!(said.contains("used before"), "{said}");
}
