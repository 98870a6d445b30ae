//! `trucgate support` at a running box: what is in a bundle and what is in none, who signed it, and what becomes of one when
//! the signer, the box or room on the medium is missing. `support::tests` has the file's own properties.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use trucgate::journal::ids;
use trucgate::provision::lab::Machine;

use crate::world::machines::Who::{Sender, SenderSigner};
use crate::world::operators::{failed, succeeded};
use crate::world::{RECEIVERS, SENDER, World, collect, document, executable, now, send, write};

/// What a bundle of a box in order holds.
const ENTRIES: [&str; 11] = [
    "README.txt",
    "about.json",
    "status.json",
    "certificates.json",
    "units.txt",
    "network.txt",
    "disks.txt",
    "config/signer.toml",
    "config/systems.toml",
    "config/trucgate.toml",
    "journal.json",
];

/// A journal of two lines: one of a unit of ours, in which somebody has written `secret`, and one of a stranger.
fn journal(directory: &Path, secret: &str) -> PathBuf {
    let (export, journal) = (directory.join("export"), directory.join("one.journal"));
    let line = |unit: &str, message: &str| {
        format!(
            "__REALTIME_TIMESTAMP={}\n__MONOTONIC_TIMESTAMP=1\n_BOOT_ID={1}\n_MACHINE_ID={1}\n_CMDLINE=never shown\n\
             _SYSTEMD_UNIT={unit}\nMESSAGE={message}\nMESSAGE_ID={2}\nPRIORITY=3\nREASON=CKR_DEVICE_REMOVED\n\n",
            now().unix_timestamp() * 1_000_000,
            "1".repeat(32),
            ids::TOKEN_AWAY.message_id
        )
    };
    let ours = line(
        "trucgate-signer.service",
        &format!("the token is away, {secret}"),
    );
    write(
        &export,
        ours + &line("stranger.service", "of somebody else"),
    );
    let made = Command::new("/usr/lib/systemd/systemd-journal-remote")
        .arg("-o")
        .args([&journal, &export])
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    journal
}

/// The command over a machine of the lab, writing to `out`.
fn support(machine: &Machine, out: &Path, journal: &Path) -> Command {
    let mut command = Command::new(executable());
    command
        .args(["support", "--out"])
        .arg(out)
        .arg("--dir")
        .arg(&machine.directory)
        .arg("--socket")
        .arg(machine.state().join("control.sock"))
        .arg("--journal")
        .arg(journal)
        .arg("--progress")
        .arg(journal.with_extension("progress"));
    command
}

fn verify(world: &World, bundle: &Path) -> Output {
    Command::new(executable())
        .args(["support", "verify"])
        .arg(bundle)
        .arg("--anchors")
        .arg(world.exchange.lab.anchors())
        .output()
        .unwrap()
}

fn bundles(directory: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(directory).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

fn tar(bundle: &Path, words: &[&str]) -> String {
    let done = Command::new("tar")
        .args(words)
        .arg("-f")
        .arg(bundle)
        .output();
    succeeded(&done.unwrap())
}

fn entry(bundle: &Path, name: &str) -> String {
    let done = Command::new("tar")
        .args(["-xO", "-f"])
        .arg(bundle)
        .arg(name)
        .output();
    succeeded(&done.unwrap())
}

fn json(bundle: &Path, name: &str) -> Value {
    serde_json::from_str(&entry(bundle, name)).unwrap()
}

fn said(told: &Output, id: &trucgate::journal::Id) -> Value {
    let text = String::from_utf8_lossy(&told.stderr);
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut lines = lines.filter(|line: &Value| line["MESSAGE_ID"] == id.message_id);
    lines
        .next()
        .unwrap_or_else(|| panic!("no {} in {text}", id.name))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_tells_how_the_box_stands_and_none_of_its_secrets() {
    let world = World::start();
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    trucgate::durable::Disk::real().make_dir(&out).unwrap();
    let edxml = document(&[RECEIVERS[0]], 7).edxml().unwrap();
    send(&world.software(SENDER), edxml.clone()).await;
    collect(&world.software(RECEIVERS[0])).await;
    let machine = world.machine(Sender);
    let secret = &machine.tenants[0].secret;
    let journal = journal(place.path(), secret);

    let told = support(machine, &out, &journal).output().unwrap();
    let words = succeeded(&told);
    assert!(
        words.contains("máy đã ký") && words.contains("signed by this box"),
        "{words}"
    );
    let line = said(&told, &ids::SUPPORT_MADE);
    assert!(
        line["REASON"].as_str().unwrap().ends_with(", signed"),
        "{line}"
    );
    let progress = std::fs::read(journal.with_extension("progress")).unwrap();
    let progress: Value = serde_json::from_slice(&progress).unwrap();
    assert_eq!(progress["good"], true);
    assert!(
        progress["vi"]
            .as_str()
            .unwrap()
            .starts_with("Đã lập gói hỗ trợ")
    );

    let [bundle] = &bundles(&out)[..] else {
        panic!("{:?}", bundles(&out));
    };
    let name = bundle.file_name().unwrap().to_str().unwrap();
    assert!(
        name.starts_with("trucgate-support-00.02.W00-2") && name.ends_with("Z.tar"),
        "{name}"
    );
    let entries = tar(bundle, &["-t"]);
    let entries: Vec<&str> = entries.lines().collect();
    assert_eq!(entries[..ENTRIES.len()], ENTRIES);
    assert_eq!(entries[ENTRIES.len()..], ["signature.json"]);

    // What it says.
    let about = json(bundle, "about.json");
    assert_eq!(
        (&about["box"], &about["role"]),
        (&"00.02.W00".into(), &"relay".into())
    );
    assert!(about["uptime_seconds"].as_f64().unwrap() > 0.0 && about["kernel"].is_string());
    let status = json(bundle, "status.json");
    assert!(status["gauges"].as_array().unwrap().len() > 5, "{status}");
    let certificates = json(bundle, "certificates.json");
    let certificates = certificates.as_array().unwrap();
    assert!(
        certificates
            .iter()
            .any(|one| one["file"] == format!("seal-{SENDER}.pem")),
        "{certificates:?}"
    );
    assert!(
        certificates
            .iter()
            .all(|one| one["sha256"].as_str().unwrap().len() == 64)
    );
    let systems = entry(bundle, "config/systems.toml");
    assert!(
        systems.contains(&machine.tenants[0].systemid) && systems.contains("(removed)"),
        "{systems}"
    );
    let lines = entry(bundle, "journal.json");
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["MESSAGE"], "the token is away, (removed)");
    assert_eq!(lines[0]["MESSAGE_ID"], ids::TOKEN_AWAY.message_id);

    // What it never says.
    let bytes = std::fs::read(bundle).unwrap();
    let has = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    let pin = std::fs::read(machine.directory.join("pin")).unwrap();
    for (what, hidden) in [
        ("the secret", secret.as_bytes()),
        ("the PIN", pin.trim_ascii()),
        ("a private key", b"PRIVATE KEY"),
        ("a field that is not listed", b"never shown"),
        ("a unit of somebody else", b"of somebody else"),
        ("a document's subject", "V/v triển khai".as_bytes()),
        ("a document", &edxml[edxml.len() / 2..][..40]),
    ] {
        assert!(!has(hidden), "{what} is in it");
    }
    assert!(has(b"CKR_DEVICE_REMOVED"), "what is there is found so");

    // Whose it is.
    let held = succeeded(&verify(&world, bundle));
    assert!(
        held.contains(SENDER) && held.contains("00.02.W00"),
        "{held}"
    );
    by_hand(&world, bundle, place.path());
    let mut changed = bytes;
    let at = changed
        .windows(18)
        .position(|window| window == b"CKR_DEVICE_REMOVED")
        .unwrap();
    changed[at] ^= 1;
    let forged = place.path().join("forged.tar");
    write(&forged, changed);
    assert!(failed(&verify(&world, &forged)).contains("bị sửa"));
}

/// As its README says, without a line of trucgate.
fn by_hand(world: &World, bundle: &Path, place: &Path) {
    let signature = json(bundle, "signature.json");
    let field = |name: &str| signature[name].as_str().unwrap().to_owned();
    let script = "set -eu; digest=sha256:$(head -c $BYTES $FILE | sha256sum | cut -d ' ' -f 1); [ $digest = $DIGEST ]; \
        echo $CHECKPOINT | base64 -d >checkpoint; grep -qx \"support $digest\" checkpoint; echo $CMS | base64 -d >checkpoint.p7s; \
        openssl cms -verify -cades -purpose any -binary -inform DER -in checkpoint.p7s -content checkpoint -CAfile $ROOT -out /dev/null";
    let done = Command::new("sh")
        .args(["-c", script])
        .env("FILE", bundle)
        .env("BYTES", signature["bytes"].to_string())
        .env("DIGEST", field("digest"))
        .env("CHECKPOINT", field("checkpoint"))
        .env("CMS", field("cms"))
        .env("ROOT", world.exchange.lab.anchors())
        .current_dir(place)
        .output();
    succeeded(&done.unwrap());
    let readme = entry(bundle, "README.txt");
    assert!(
        readme.contains("openssl cms -verify -cades -purpose any -binary -inform DER"),
        "{readme}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_signer_or_box_it_is_made_unsigned_and_says_why() {
    let mut world = World::start();
    let place = tempfile::tempdir().unwrap();
    let journal = journal(place.path(), "no secret");
    let unsigned = |world: &World, name: &str, why: &str| {
        let file = place.path().join(format!("{name}.tar"));
        let told = support(world.machine(Sender), &file, &journal)
            .output()
            .unwrap();
        let words = succeeded(&told);
        assert!(
            words.contains("KHÔNG CÓ CHỮ KÝ") && words.contains("UNSIGNED"),
            "{words}"
        );
        let bundle = place.path().join(format!("{name}-unsigned.tar"));
        assert!(bundle.exists() && !file.exists());
        let readme = entry(&bundle, "README.txt");
        assert!(
            readme.contains("UNSIGNED") && readme.contains(why),
            "{readme}"
        );
        assert!(!tar(&bundle, &["-t"]).contains("signature.json"));
        assert!(failed(&verify(world, &bundle)).contains("không có chữ ký"));
        bundle
    };
    unsigned(&world, "new", "has sealed anything yet");
    send(
        &world.software(SENDER),
        document(&[RECEIVERS[0]], 7).edxml().unwrap(),
    )
    .await;
    collect(&world.software(RECEIVERS[0])).await;
    world.kill(SenderSigner);
    unsigned(&world, "signer-away", "signer");
    world.kill(Sender);
    let bundle = unsigned(&world, "nobody", "control.sock");
    let status = json(&bundle, "status.json");
    assert!(
        status["unanswered"]
            .as_str()
            .unwrap()
            .contains("control.sock"),
        "{status}"
    );
    assert_eq!(json(&bundle, "about.json")["box"], "00.02.W00");
}

#[test]
fn without_a_medium_or_room_on_it_nothing_is_left_and_the_reason_is_named() {
    let place = tempfile::tempdir().unwrap();
    let journal = journal(place.path(), "no secret");
    let make = |out: &Path, more: &[&str]| {
        let mut words = vec![
            "support".to_owned(),
            "--out".to_owned(),
            out.display().to_string(),
        ];
        words.extend(
            [
                "--dir",
                "/nowhere",
                "--socket",
                "/nowhere/control.sock",
                "--journal",
            ]
            .map(str::to_owned),
        );
        words.push(journal.display().to_string());
        words.extend(more.iter().map(|word| (*word).to_owned()));
        words
    };
    let medium = place.path().join("medium");
    trucgate::durable::Disk::real().make_dir(&medium).unwrap();
    let told = Command::new(executable())
        .args(make(&medium, &["--medium", "TRUC-SUP"]))
        .output()
        .unwrap();
    assert!(failed(&told).contains("there is no medium labelled TRUC-SUP"));
    said(&told, &ids::SUPPORT_FAILED);
    assert_eq!(bundles(&medium), Vec::<PathBuf>::new());
    let told = Command::new(executable())
        .args(make(&place.path().join("none/x.tar"), &[]))
        .output()
        .unwrap();
    assert!(failed(&told).contains("none/x.tar: No such file"));

    // A real medium of 8 KiB, in a mount namespace of its own.
    let script = "mount -t tmpfs -o size=8k medium \"$1\" || exit 9; out=$1; shift; \"$@\"; code=$?; ls -A \"$out\"; exit $code";
    let told = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(&medium)
        .arg(executable())
        .args(make(&medium, &["--medium", "TRUC-SUP"]))
        .output()
        .unwrap();
    if told.status.code() == Some(9)
        || String::from_utf8_lossy(&told.stderr).starts_with("unshare:")
    {
        eprintln!("SKIPPED: no mount namespace here, a full medium stays untried");
        return;
    }
    let why = failed(&told);
    assert!(
        why.contains("đĩa đầy") && why.contains("the medium is full"),
        "{why}"
    );
    said(&told, &ids::SUPPORT_FAILED);
    let left = String::from_utf8_lossy(&told.stdout);
    assert!(!left.contains(".tar"), "{left}");
}
