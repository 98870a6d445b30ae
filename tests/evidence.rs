//! A proof goes to strangers: exported, verified by the library and by openssl, and no changed byte passes either.

#[cfg(test)]
#[path = "tree/files.rs"]
mod tree;
#[cfg(test)]
#[path = "evidence/world.rs"]
mod world;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use clap::Parser;
use time::Duration;
use trucgate::clock::{Chance, Moment};
use trucgate::cmd::evidence::{ExportArgs, FAILS, HOLDS, UNREADABLE, VerifyArgs, export, verify};
use trucgate::durable::Disk;
use trucgate::evidence::{self, Archive, Entry, Log, SealKey, Sealing, Signing};
use trucgate::merkle::Hash;
use trucgate::relay::SCHEMAS;
use trucgate::seal::{Bundle, apart};
use trucgate::spool;
use trucgate::store::{self, Store, params};
use trucgate::trust::ocsp::Reply;

use tree::files;
use world::{DOCUMENT, SENT, World, put};

#[derive(Parser)]
enum Line {
    Verify(VerifyArgs),
    Export(ExportArgs),
}

/// Runs a line as the binary would, `@name` being a file of the world.
fn run(world: &World, line: &str) -> (u8, String) {
    let words = line
        .split_whitespace()
        .map(|word| match word.strip_prefix('@') {
            Some(name) => world.path(name).into_os_string(),
            None => word.into(),
        });
    let mut out = Vec::new();
    let code = match Line::try_parse_from(std::iter::once("evidence".into()).chain(words)) {
        Ok(Line::Verify(args)) => verify(&args, &mut out),
        Ok(Line::Export(args)) => export(&args, &Disk::real(), &mut out),
        Err(error) => return (2, error.to_string()),
    };
    (code, String::from_utf8_lossy(&out).into_owned())
}

#[track_caller]
fn assert_code(world: &World, line: &str, expected: u8) -> String {
    let (code, told) = run(world, line);
    assert_eq!(code, expected, "{line}\n{told}");
    told
}

/// The script's exit code and words.
fn script(directory: &Path, document: &Path, anchors: &Path) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verify-with-openssl.sh");
    let done = Command::new(script)
        .args([directory, document, anchors])
        .output()
        .expect("bash, openssl and python3 are installed");
    let told = [done.stdout, done.stderr].concat();
    (
        done.status.code(),
        String::from_utf8_lossy(&told).into_owned(),
    )
}

const VERIFY: &str = "verify --document @document --anchors @anchors.pem --proof";

fn exported() -> World {
    let world = World::new();
    world.put("proof.json", &world.bundle().to_json());
    assert_code(&world, "export --proof @proof.json --out @out", HOLDS);
    world
}

#[test]
fn a_proof_holds_as_bundle_as_directory_and_for_openssl() {
    let world = exported();
    let told = assert_code(
        &world,
        &format!("{VERIFY} @proof.json --strict --hub TRUC"),
        HOLDS,
    );
    for words in [
        "2026-03-01T08:00:01Z",
        "theo biên nhận của TRUC",
        "văn bản đúng từng byte",
        "000.00.00.H41 says of this packet: delivered",
        "CONCLUSION: the proof holds",
    ] {
        assert!(told.contains(words), "{words} in\n{told}");
    }
    assert_code(&world, &format!("{VERIFY} @out --strict --hub TRUC"), HOLDS);
    let json = assert_code(&world, &format!("{VERIFY} @out --json"), HOLDS);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["holds"], true);
    assert!(json["checks"].as_array().unwrap().len() > 15);
    let names: Vec<_> = files(&world.path("out"));
    assert_eq!(names.len(), 3 * 5 + 2 + 1, "{names:?}");
    let readme = std::fs::read_to_string(world.path("out/README.txt")).unwrap();
    assert!(readme.contains("receipt-1-accepted/  accepted, TRUC,") && !readme.contains('@'));
    let (code, told) = script(
        &world.path("out"),
        &world.path("document"),
        &world.path("anchors.pem"),
    );
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn the_earliest_stamp_is_the_time_and_answers_of_then_say_that_nothing_was_revoked() {
    let world = World::new();
    let bundle = world.stamped_bundle(Reply::Good);
    world.put("proof.json", &bundle.to_json());
    assert_code(&world, "export --proof @proof.json --out @out", HOLDS);
    for proof in ["@proof.json", "@out"] {
        // Nothing of the packet is left unsure, though no hub has witnessed anything.
        let told = assert_code(&world, &format!("{VERIFY} {proof}"), HOLDS);
        let unsure: Vec<&str> = told.lines().filter(|line| line.starts_with('!')).collect();
        assert_eq!(unsure.len(), 1, "{told}");
        assert!(
            unsure[0].starts_with("! [stamp-1] chưa đủ tài liệu thu hồi"),
            "{told}"
        );
        for words in [
            "valid at 2026-03-01T09:00:00Z (by a time stamp)",
            "[stamp-1]",
            "the OCSP answer is signed by its authority",
            "chưa bị thu hồi tại thời điểm đó",
        ] {
            assert!(told.contains(words), "{words} in\n{told}");
        }
    }
    let (document, anchors) = (world.path("document"), world.path("anchors.pem"));
    let (code, told) = script(&world.path("out"), &document, &anchors);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("stamped at 2026-03-01T09:00:00Z"), "{told}");
    assert!(told.contains("✓ [ocsp-1.der] good"), "{told}");

    // Revoked before the stamp; revoked after it; a stamp over something else; an answer about somebody else.
    let told = |bundle: &Bundle, name: &str, code: u8| {
        world.put("other.json", &bundle.to_json());
        assert_code(
            &world,
            &format!("export --proof @other.json --out @{name}"),
            HOLDS,
        );
        let told = assert_code(&world, &format!("{VERIFY} @{name}"), code);
        let expected = i32::from(code != HOLDS);
        let (code, by_script) = script(&world.path(name), &document, &anchors);
        assert_eq!(code, Some(expected), "{name}: {by_script}");
        told
    };
    let before = world.stamped_bundle(Reply::Revoked(SENT - Duration::hours(1)));
    let said = told(&before, "before", FAILS);
    assert!(said.contains("by OCSP"), "{said}");
    told(
        &world.stamped_bundle(Reply::Revoked(SENT + Duration::hours(2))),
        "after",
        HOLDS,
    );
    let (later, _) = bundle.stamps().unwrap().remove(0);
    let elsewhere = world.stamp(&bundle.seal().unwrap(), SENT + Duration::hours(1));
    let seal = bundle.seal().unwrap();
    let plain = Bundle::new(&seal, std::iter::empty(), &[]);
    let said = told(
        &plain.clone().with(&[], &[(later, elsewhere)]),
        "elsewhere",
        FAILS,
    );
    assert!(said.contains("it stamps something else"), "{said}");
    let stranger = World::new().answer(Reply::Good, SENT);
    let said = told(&plain.with(&[stranger], &[]), "stranger", FAILS);
    assert!(said.contains("✗ [ocsp-1]"), "{said}");
}

#[test]
fn no_changed_byte_of_stamps_and_answers_passes_either_verifier() {
    let world = World::new();
    world.put("proof.json", &world.stamped_bundle(Reply::Good).to_json());
    assert_code(&world, "export --proof @proof.json --out @out", HOLDS);
    no_changed_byte(&world, |path| {
        path.contains("/out/stamp-") || path.contains("/out/ocsp-")
    });
}

#[test]
fn no_changed_byte_passes_either_verifier() {
    let world = exported();
    no_changed_byte(&world, |_| true);
    let bundle = std::fs::read(world.path("proof.json")).unwrap();
    for at in (0..bundle.len()).step_by(61) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        world.put("changed.json", &changed);
        assert_code(&world, &format!("{VERIFY} @changed.json"), FAILS);
    }
}

fn no_changed_byte(world: &World, of_interest: impl Fn(&str) -> bool) {
    let (out, document) = (world.path("out"), world.path("document"));
    let anchors = world.path("anchors.pem");
    let line = format!("{VERIFY} @out");
    let mut watched = files(&out);
    watched.retain(|path| !path.ends_with("README.txt") && of_interest(&path.to_string_lossy()));
    watched.push(document.clone());
    for path in watched {
        let good = std::fs::read(&path).expect("an exported file can be read");
        let changed_at = |at: usize| {
            let mut changed = good.clone();
            changed[at] ^= 1;
            put(&path, &changed);
        };
        for at in (0..good.len()).step_by(41).chain([good.len() - 1]) {
            changed_at(at);
            let told = assert_code(world, &line, FAILS);
            assert!(told.contains('✗'), "{} at {at}\n{told}", path.display());
        }
        for at in [good.len() / 2, good.len() - 1] {
            changed_at(at);
            let (code, told) = script(&out, &document, &anchors);
            assert_eq!(code, Some(1), "{} at {at}\n{told}", path.display());
            assert!(told.contains('✗'), "{told}");
        }
        put(&path, &good);
    }
    assert_code(world, &line, HOLDS);
}

#[test]
fn years_later_the_witnessed_time_counts() {
    let world = exported();
    let line = format!("{VERIFY} @proof.json");
    assert_code(&world, &format!("{line} --at 2026-03-20T00:00:00Z"), HOLDS);
    let told = assert_code(&world, &format!("{line} --at 2031-03-20T00:00:00Z"), FAILS);
    assert!(told.contains("it has expired"), "{told}");
    // Without the hub's word the signer's has to do, and with another hub's it is not the hub's.
    let seal = world.sender.seal(&world.packet_record(), SENT);
    let alone = Bundle::new(&seal, std::iter::empty(), &[]);
    world.put("alone.json", &alone.to_json());
    let told = assert_code(&world, &format!("{VERIFY} @alone.json"), HOLDS);
    assert!(told.contains("the time that the signer claims"), "{told}");
    assert!(
        told.contains("! [packet] chưa đủ danh sách thu hồi"),
        "{told}"
    );
    assert_code(&world, &format!("{VERIFY} @alone.json --strict"), FAILS);
    let told = assert_code(&world, &line, HOLDS);
    assert!(told.contains("give --hub TRUC"), "{told}");
    let told = assert_code(&world, &format!("{line} --hub OTHER"), HOLDS);
    assert!(!told.contains("theo biên nhận của TRUC"), "{told}");
}

#[test]
fn what_was_revoked_before_fails_and_what_was_revoked_after_holds() {
    let world = World::new();
    let revoked = |since: Moment| {
        let lists = world.lists(&[world.sender.serial(&world)], since);
        world.put("proof.json", &world.bundle_with(&lists).to_json());
        let out = world.path(&format!("out-{}", since.unix_timestamp()));
        let line = format!("export --proof @proof.json --out {}", out.display());
        assert_code(&world, &line, HOLDS);
        out
    };
    let (document, anchors) = (world.path("document"), world.path("anchors.pem"));
    let before = revoked(SENT - Duration::hours(1));
    let told = assert_code(&world, &format!("{VERIFY} @proof.json"), FAILS);
    assert!(told.contains("chứng thư đã bị thu hồi"), "{told}");
    let (code, told) = script(&before, &document, &anchors);
    assert_eq!(code, Some(1));
    assert!(told.contains("✗ [packet] revocation"), "{told}");
    // A later list that has dropped the serial does not make the earlier one unsaid.
    let newer = world.lists(&[], SENT + Duration::days(9));
    world.put("newer.crl", &newer[1]);
    assert_code(
        &world,
        &format!("{VERIFY} @proof.json --crl @newer.crl"),
        FAILS,
    );
    let after = revoked(SENT + Duration::days(7));
    assert_code(
        &world,
        &format!("{VERIFY} @proof.json --strict --hub TRUC"),
        HOLDS,
    );
    let (code, told) = script(&after, &document, &anchors);
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn what_proves_something_else_is_named() {
    let world = exported();
    let line = format!("{VERIFY} @proof.json");
    let right = assert_code(&world, &format!("{line} --member 000.00.00.G22"), HOLDS);
    assert!(right.contains("the sender is 000.00.00.G22"), "{right}");
    let wrong = assert_code(&world, &format!("{line} --member 000.00.00.H41"), FAILS);
    assert!(
        wrong.contains("✗ [packet] bên gửi là 000.00.00.G22, không phải"),
        "{wrong}"
    );
    // A receipt about another packet, and a receipt where the packet belongs.
    let other = World::new();
    let seal = world.sender.seal(&world.packet_record(), SENT);
    let mut foreign = world.record(evidence::RecordKind::Receipt, &world.hub, SENT);
    foreign.packet = other.packet;
    foreign.status = Some("accepted".to_owned());
    let foreign = world.hub.seal(&foreign, SENT);
    let bundle = Bundle::new(&seal, [foreign.as_slice()].into_iter(), &[]);
    world.put("foreign.json", &bundle.to_json());
    let told = assert_code(&world, &format!("{VERIFY} @foreign.json"), FAILS);
    assert!(
        told.contains("the receipt is about another packet"),
        "{told}"
    );
    let bundle = Bundle::new(&foreign, [seal.as_slice()].into_iter(), &[]);
    world.put("swapped.json", &bundle.to_json());
    let told = assert_code(&world, &format!("{VERIFY} @swapped.json"), FAILS);
    assert!(
        told.contains("not the record of a packet but of a receipt"),
        "{told}"
    );
    // Another authority's anchor, a list that nobody signed, the wrong document.
    world.put("anchors2.pem", &other.ca.root_der());
    let line = "verify --proof @proof.json --anchors @anchors2.pem --document @document";
    let told = assert_code(&world, line, FAILS);
    assert!(told.contains("✗ [packet]"), "{told}");
    world.put("other.crl", &other.lists(&[], SENT)[0]);
    let told = assert_code(
        &world,
        &format!("{VERIFY} @proof.json --crl @other.crl"),
        FAILS,
    );
    assert!(told.contains("✗ [crl-3]"), "{told}");
    world.put("document", b"another");
    let told = assert_code(&world, &format!("{VERIFY} @proof.json"), FAILS);
    assert!(
        told.contains("văn bản KHÔNG phải bản đã niêm phong"),
        "{told}"
    );
}

#[test]
fn wrong_usage_is_no_verdict() {
    let world = exported();
    for line in [
        "verify --proof @proof.json",
        "verify --proof @nothing.json --anchors @anchors.pem",
        "verify --proof @proof.json --anchors @document",
        "verify --proof @proof.json --anchors @anchors.pem --at yesterday",
        "verify --proof @proof.json --anchors @anchors.pem --document @nothing",
        "export --proof @proof.json",
        "export --out @elsewhere",
        "export --proof @proof.json --out @out",
        "export --store @nothing.db --member A --packet 01890000-0000-7000-8000-000000000000 --out @x",
    ] {
        assert_code(&world, line, UNREADABLE);
    }
}

/// The sender's key, where the box's log reaches it.
struct Key(Arc<World>);

impl SealKey for Key {
    fn seal(&self, body: Vec<u8>, _from: u64, _proof: Vec<Hash>) -> Signing<'_> {
        Box::pin(async move { Ok(Sealing::Signed(self.0.sender.sign(&body, SENT))) })
    }
}

#[test]
fn a_box_that_is_down_still_proves_what_lies_in_its_store() {
    let world = Arc::new(World::new());
    let accepted = world.receipt(&world.hub, "accepted", SENT + Duration::seconds(1));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(world.path("box.db"), Disk::real(), SCHEMAS).unwrap();
        let packet = world.packet.to_string();
        let seal: spool::Parted = apart(&accepted).into();
        store
            .write(move |tx| {
                tx.execute(
                    "INSERT INTO receipt VALUES (?1, 'TRUC', 'accepted', ?2, ?3)",
                    params![packet, seal.front, seal.keep_head(tx)?],
                )?;
                Ok::<_, store::Error>(())
            })
            .await
            .unwrap();
        let log = Log::open(
            Archive::new(store),
            world.sender.code.clone(),
            Arc::new(Key(world.clone())),
            Arc::new(Vec::new),
            Chance::system(),
        );
        let entry = Entry {
            key: format!("packet:{}", world.packet),
            record: world.packet_record(),
        };
        log.append(entry).await.unwrap();
    });
    drop(runtime);
    for (at, list) in world
        .lists(&[], SENT + Duration::days(1))
        .iter()
        .enumerate()
    {
        world.put(&format!("{at}.crl"), list);
    }
    let from = format!("export --store @box.db --packet {} --member", world.packet);
    let line = format!("{from} 000.00.00.G22 --crl @0.crl @1.crl --proof @box.json --out @box");
    assert_code(&world, &line, HOLDS);
    let told = assert_code(
        &world,
        &format!("{VERIFY} @box.json --strict --hub TRUC"),
        HOLDS,
    );
    assert!(told.contains("theo biên nhận của TRUC"), "{told}");
    assert_code(&world, &format!("{VERIFY} @box --strict --hub TRUC"), HOLDS);
    assert_eq!(std::fs::read(world.path("document")).unwrap(), DOCUMENT);
    let told = assert_code(&world, &format!("{from} 000.00.00.H41 --out @other"), FAILS);
    assert!(
        told.contains("000.00.00.H41 không gửi hay nhận gói"),
        "{told}"
    );
}
