//! `trucgate demo` as a person meets it: it ends well, its curl lines work, and `software.json` lets others in.
#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// The demo under way; dropped, it is asked to stop, so that no process of it is left behind.
struct Demo(Child);

impl Demo {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_trucgate"))
            .args(["demo", "--quick", "--directory"])
            .arg(directory)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(child)
    }

    fn interrupt(&self) {
        let id = Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        // It may have ended by itself.
        let _ = kill(id, Signal::SIGINT);
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.interrupt();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_holds_and_leaves_an_exchange_to_play_with() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("demo");
    let mut demo = Demo::start(&directory, &["--keep"]);
    let mut told = Vec::new();
    for line in BufReader::new(demo.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        assert!(!line.contains(char::is_control), "{line:?}");
        told.push(line);
        if told.last().unwrap().contains("Ctrl-C ends it") {
            break;
        }
    }
    let all = told.join("\n");
    assert!(all.contains("every row holds"), "{all}");
    assert!(!all.contains('✗'), "{all}");
    assert!(all.contains("500/500"), "{all}");

    let mut answers = Vec::new();
    for line in told.iter().filter(|line| line.trim().starts_with("curl ")) {
        let answer = Command::new("sh").args(["-c", line]).output().unwrap();
        let text = String::from_utf8_lossy(&answer.stdout);
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|_| {
            panic!(
                "{line}\n{text}\n{}",
                String::from_utf8_lossy(&answer.stderr)
            )
        });
        assert_eq!(json["status"], "OK", "{line}\n{json}");
        answers.push(json);
    }
    let [sent, received, listed, agencies] = answers.as_slice() else {
        panic!("{} curl lines", answers.len());
    };
    assert!(received["data"].is_array());
    let rows = listed["data"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["senderDocId"] == sent["DocId"]));
    assert_eq!(agencies["data"].as_array().unwrap().len(), 501);

    let verify = told.iter().find(|line| line.contains("evidence verify"));
    let verified = Command::new("sh").args(["-c", verify.unwrap()]).output();
    assert!(verified.unwrap().status.success(), "{verify:?}");

    let access = std::fs::read(directory.join("software.json")).unwrap();
    let access: Vec<Value> = serde_json::from_slice(&access).unwrap();
    assert_eq!(access.len(), 4);
    for one in &access {
        assert!(Path::new(one["ca"].as_str().unwrap()).is_file());
        for field in ["member", "name", "endpoint", "systemid", "secret"] {
            assert!(!one[field].as_str().unwrap().is_empty(), "{field}");
        }
    }

    let second = Command::new(env!("CARGO_BIN_EXE_trucgate"))
        .args(["demo", "--directory"])
        .arg(&directory)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1), "two demos in one directory");

    demo.interrupt();
    assert!(demo.0.wait().unwrap().success());
}

#[test]
fn an_interrupted_demo_says_so_and_leaves_no_process() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("demo");
    let mut demo = Demo::start(&directory, &[]);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("mutual TLS")));
    demo.interrupt();
    assert_eq!(demo.0.wait().unwrap().code(), Some(130));
    nothing_is_left(&directory);
}

#[test]
fn a_killed_demo_leaves_no_process() {
    let above = tempfile::tempdir().unwrap();
    let directory = above.path().join("demo");
    let mut demo = Demo::start(&directory, &[]);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("mutual TLS")));
    assert!(processes_below(&directory));
    demo.0.kill().unwrap();
    demo.0.wait().unwrap();
    nothing_is_left(&directory);
}

fn nothing_is_left(directory: &Path) {
    let end = std::time::Instant::now() + Duration::from_secs(20);
    while processes_below(directory) {
        assert!(std::time::Instant::now() < end, "a process is left");
        std::thread::yield_now();
    }
}

/// Whether some process was started with a file of `directory`.
fn processes_below(directory: &Path) -> bool {
    let directory = directory.to_string_lossy();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok())
        .any(|line| {
            let line = String::from_utf8_lossy(&line);
            line.contains("trucgate") && line.contains(&*directory)
        })
}
