//! The journal is one a process, so each test runs this binary again as a process of its own, in a mount namespace
//! where a socket of ours stands as journald's.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::linux::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::*;

/// Names the part that this binary plays when it was started by one of the tests.
const PART: &str = "TRUCGATE_TEST_JOURNAL";
/// Where the test's socket is seen from outside the namespace.
const SOCKET: &str = "TRUCGATE_TEST_SOCKET";

#[test]
fn ids_are_distinct_and_well_formed() {
    let mut seen: Vec<_> = ids::ALL.iter().map(|id| id.message_id).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), ids::ALL.len());
    for id in ids::ALL {
        assert_eq!(id.message_id.len(), 32, "{}", id.name);
        assert!(
            id.message_id
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        );
    }
}

#[test]
fn a_listener_hears_bounded_fields_without_control_characters() {
    let heard = listen();
    line(&ids::PEER_REFUSED)
        .peer("listener\u{1b}[2J\nMESSAGE=forged")
        .reason("x".repeat(1 << 20))
        .warning("refused");
    let entry = heard
        .iter()
        .find(|e| e.peer.as_deref().is_some_and(|p| p.starts_with("listener")))
        .unwrap();
    assert_eq!(entry.peer.as_deref(), Some("listener [2J MESSAGE=forged"));
    assert_eq!(entry.reason.as_ref().map(String::len), Some(1_024));
    assert_eq!(entry.priority, Priority::Warning);
}

#[test]
fn without_journald_lines_are_json_on_stderr() {
    for variable in [None, Some("8:1")] {
        let mut play = part("tell");
        if let Some(stream) = variable {
            play.env("JOURNAL_STREAM", stream);
        }
        let output = play.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        let line = text.lines().find(|l| l.starts_with('{')).unwrap();
        let fields: BTreeMap<String, String> = serde_json::from_str(line).unwrap();
        assert_eq!(fields["MESSAGE"], "sealed");
        assert_eq!(fields["MESSAGE_ID"], ids::PACKET_SEALED.message_id);
        assert_eq!(fields["PRIORITY"], "6");
        assert_eq!(fields["SYSLOG_IDENTIFIER"], "trucgate-test");
        assert_eq!(fields["DOC_CODE"], "7816/VPCP-TTĐT");
        assert_eq!(fields["DURATION_US"], "1500");
        assert!(crate::clock::parse_rfc3339(&fields["TIMESTAMP"]).is_some());
        assert!(!fields.contains_key("PEER"));
    }
}

#[test]
fn journald_gets_the_same_fields_by_its_own_protocol() {
    let Some((datagrams, stderr)) = as_service("tell", |socket| receive(socket, 1)) else {
        return;
    };
    let fields = native(&datagrams[0]);
    assert_eq!(fields["MESSAGE"], "sealed");
    assert_eq!(fields["MESSAGE_ID"], ids::PACKET_SEALED.message_id);
    assert_eq!(fields["PRIORITY"], "6");
    assert_eq!(fields["SYSLOG_IDENTIFIER"], "trucgate-test");
    assert_eq!(fields["DOC_CODE"], "7816/VPCP-TTĐT");
    assert_eq!(fields["PACKET_ID"], "p-1");
    assert_eq!(fields["COUNT"], "3");
    assert!(!fields.contains_key("PEER"));
    assert!(!stderr.contains("MESSAGE_ID"), "{stderr}");
}

#[test]
fn a_child_that_is_read_writes_to_the_journal_all_the_same() {
    let Some((datagrams, stderr)) = as_service("parent", |socket| receive(socket, 1)) else {
        return;
    };
    let fields = native(&datagrams[0]);
    assert_eq!(fields["MESSAGE_ID"], ids::PACKET_SEALED.message_id);
    assert!(stderr.contains("read from the child: nothing"), "{stderr}");
}

#[test]
fn a_journald_that_stands_still_delays_nobody_and_its_losses_are_told() {
    // The part tells far more than fits while nothing is received, says "told", and only then we receive.
    let told = |socket: &UnixDatagram| receive_until(socket, ids::LINES_DROPPED.message_id);
    let Some((datagrams, _)) = as_service("flood", told) else {
        return;
    };
    let last = native(datagrams.last().unwrap());
    assert_eq!(last["MESSAGE_ID"], ids::LINES_DROPPED.message_id);
    assert!(last["COUNT"].parse::<u64>().unwrap() > 0);
}

#[test]
fn a_journald_that_went_away_leaves_its_lines_on_stderr() {
    let Some((_, stderr)) = as_service("orphan", |_| Vec::new()) else {
        return;
    };
    assert!(stderr.contains(ids::PACKET_SEALED.message_id), "{stderr}");
}

/// Not a test of its own: what the processes started above do.
#[test]
fn plays_its_part() {
    let Ok(played) = std::env::var(PART) else {
        return;
    };
    let journal = init("trucgate-test");
    match played.as_str() {
        "flood" => {
            let started = Instant::now();
            for number in 0..3 * 4_096 {
                line(&ids::PACKET_KEPT).count(number).info("kept");
            }
            assert!(started.elapsed() < Duration::from_secs(5));
            let drained = UnixDatagram::unbound().unwrap();
            let told = std::env::var(SOCKET).unwrap() + ".told";
            drained.send_to(b"told", told).unwrap();
            // Room comes as the test receives; then one more line lets the loss be told at the latest.
            QUEUE.get().unwrap().flush(Duration::from_secs(20));
            tell();
        }
        "orphan" => {
            crate::durable::Disk::real()
                .remove(Path::new("/run/systemd/journal/socket"))
                .unwrap();
            tell();
        }
        "parent" => {
            let (mut out, stderr) = std::io::pipe().unwrap();
            let mut child = part("tell");
            share(&mut child, &stderr).unwrap();
            let mut started = child.stderr(stderr).spawn().unwrap();
            drop(child);
            let mut said = String::new();
            out.read_to_string(&mut said).unwrap();
            assert!(started.wait().unwrap().success());
            let said = said.find("MESSAGE_ID").map_or("nothing", |_| &said);
            eprintln!("read from the child: {said}");
        }
        _ => tell(),
    }
    drop(journal);
}

fn tell() {
    line(&ids::PACKET_SEALED)
        .packet("p-1")
        .member("000.00.00.G12")
        .doc_code("7816/VPCP-TTĐT")
        .step("seal")
        .count(3)
        .duration(Duration::from_micros(1_500))
        .say("sealed");
}

/// This binary again, playing one part.
fn part(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "journal::tests::plays_its_part", "--nocapture"])
        .env(PART, name)
        .env_remove("JOURNAL_STREAM")
        .stdout(Stdio::null());
    command
}

/// Runs a part as a service whose journald is a socket of ours; gives what `receive` got and its stderr. `None`, said
/// loudly, where the machine has no mount namespaces for us.
fn as_service(
    name: &str,
    receive: impl FnOnce(&UnixDatagram) -> Vec<Vec<u8>>,
) -> Option<(Vec<Vec<u8>>, String)> {
    let possible = Command::new("unshare")
        .args(["--mount", "--map-root-user", "true"])
        .status()
        .is_ok_and(|status| status.success());
    if !possible {
        eprintln!(
            "SKIPPED: no mount namespace can be made here, journald's protocol stays untested"
        );
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("socket");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let told = UnixDatagram::bind(dir.path().join("socket.told")).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let log = dir.path().join("stderr");
    let stderr = File::options()
        .create(true)
        .append(true)
        .open(&log)
        .unwrap();
    let inode = stderr.metadata().unwrap();

    let played = part(name);
    let mut inside = Command::new("unshare");
    inside
        .args(["--mount", "--map-root-user", "sh", "-ec"])
        .arg(
            "outer=$1; shift
             mount -t tmpfs none /run; mkdir -p /run/systemd/journal
             mount --bind \"$outer\" /run/systemd/journal
             exec \"$@\"",
        )
        .arg("sh")
        .arg(dir.path())
        .arg(played.get_program())
        .args(played.get_args())
        .env(PART, name)
        .env(SOCKET, &path)
        .env(
            "JOURNAL_STREAM",
            format!("{}:{}", inode.st_dev(), inode.st_ino()),
        )
        .stdout(Stdio::null())
        .stderr(stderr);
    let mut child = inside.spawn().unwrap();
    if name == "flood" {
        told.recv(&mut [0; 8]).unwrap();
    }
    let received = receive(&socket);
    // From here on nothing may stop the process from ending.
    drop(socket);
    let ended = child.wait().unwrap();
    let written = std::fs::read_to_string(&log).unwrap();
    assert!(ended.success(), "{written}");
    Some((received, written))
}

/// `count` datagrams, the empty one by which the layer asks at its start left out.
fn receive(socket: &UnixDatagram, count: usize) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; 1 << 16];
    let mut received = Vec::new();
    while received.len() < count {
        let length = socket.recv(&mut buffer).unwrap();
        if length > 0 {
            received.push(buffer[..length].to_vec());
        }
    }
    received
}

/// Datagrams up to the one with this message id.
fn receive_until(socket: &UnixDatagram, message_id: &str) -> Vec<Vec<u8>> {
    let mut received = Vec::new();
    loop {
        let one = receive(socket, 1).remove(0);
        let found = native(&one)["MESSAGE_ID"] == message_id;
        received.push(one);
        if found {
            return received;
        }
    }
}

/// Reads journald's native protocol: `NAME=value\n`, or `NAME\n`, a little-endian length, the value and `\n`.
fn native(mut datagram: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while let Some(end) = datagram.iter().position(|b| *b == b'\n') {
        let head = String::from_utf8(datagram[..end].to_vec()).unwrap();
        datagram = &datagram[end + 1..];
        if let Some((name, value)) = head.split_once('=') {
            fields.insert(name.to_owned(), value.to_owned());
            continue;
        }
        let (length, rest) = datagram.split_at(8);
        let length = usize::try_from(u64::from_le_bytes(length.try_into().unwrap())).unwrap();
        let value = String::from_utf8(rest[..length].to_vec()).unwrap();
        fields.insert(head, value);
        datagram = &rest[length + 1..];
    }
    fields
}
