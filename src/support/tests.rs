use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use time::Duration;
use time::macros::datetime;

use super::*;
use crate::clock::{Chance, Moment, rfc3339};
use crate::durable::{Disk, Faults, Op, Verdict};
use crate::merkle::checkpoint::Checkpoint;
use crate::packet::MemberId;
use crate::seal::Paper;
use crate::signer::cms::Signer;
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::{Profile, Revocation, Trust};

const MADE: Moment = datetime!(2026-11-27 10:20:05 UTC);
const MEMBER: &str = "000.00.00.G22";

/// A member's seal key and who knows it.
struct Keeper {
    ca: TestCa,
    key: TestKey,
    chain: Vec<Vec<u8>>,
}

impl Keeper {
    fn new() -> Self {
        let chance = Chance::system();
        let (ca, key) = (TestCa::new(&chance, MADE).unwrap(), TestKey::new().unwrap());
        let code: MemberId = MEMBER.parse().unwrap();
        let wanted = Wanted {
            spki_der: &key.spki_der(),
            usage: Use::Seal,
            code: Some(&code),
            name: "Cơ quan thử nghiệm",
            not_before: MADE - Duration::days(1),
            not_after: MADE + Duration::days(365),
        };
        let chain = vec![ca.issue(&wanted, &chance).unwrap(), ca.intermediate_der()];
        Self { ca, key, chain }
    }

    fn trust(&self) -> Trust {
        let anchors = vec![self.ca.root_der()];
        Trust::new(anchors, vec![], Profile::default(), Revocation::none()).unwrap()
    }

    /// Its word on a file, as a signer gives it.
    fn word(&self, paper: Paper, digest: Digest) -> Attestation {
        let head = Checkpoint {
            origin: MEMBER.to_owned(),
            size: 7,
            root: [7; 32],
            extensions: vec![paper.line(digest)],
        };
        let body = head.body().into_bytes();
        let draft = Signer::new(&self.chain).unwrap();
        let draft = draft.draft(&body, MADE).unwrap();
        let signature = self.key.sign(draft.to_sign()).unwrap();
        Attestation::new(&body, &draft.finish(signature).unwrap())
    }
}

fn entries() -> Vec<Entry> {
    let about = format!("{{\"made\":\"{}\",\"box\":\"00.02.W00\"}}\n", rfc3339(MADE));
    [
        (ABOUT, about.into_bytes()),
        ("status.json", b"{}\n".to_vec()),
        ("config/relay.toml", vec![b'#'; 512]),
        ("journal.json", Vec::new()),
    ]
    .map(|(name, bytes)| Entry::new(name, bytes).unwrap())
    .to_vec()
}

fn signed(keeper: &Keeper, to: &Path) -> Written {
    let sign = |digest| Ok(keeper.word(Paper::Support, digest));
    write(&Disk::real(), to, (&entries(), MADE), sign).unwrap()
}

fn files(at: &Path) -> Vec<String> {
    let all = std::fs::read_dir(at).unwrap();
    all.map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn what_a_box_signs_is_verified_and_any_tar_reads_the_same_entries() {
    let (keeper, directory) = (Keeper::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("bundle.tar");
    let written = signed(&keeper, &file);
    assert_eq!((&written.path, &written.unsigned), (&file, &None));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), written.bytes);
    let verified = verify(&file, &keeper.trust()).unwrap();
    assert_eq!(verified.member.as_str(), MEMBER);
    assert_eq!(verified.code.as_deref(), Some("00.02.W00"));
    assert_eq!(verified.made, MADE);
    let listed = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
    assert!(listed.status.success());
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().collect::<Vec<_>>(), verified.entries);
    assert_eq!(
        verified.entries,
        [
            README,
            ABOUT,
            "status.json",
            "config/relay.toml",
            "journal.json",
            SIGNATURE
        ]
    );
    // The same content gives the same bytes up to the signature, which has a time of its own.
    let again = directory.path().join("again.tar");
    signed(&keeper, &again);
    let (one, other) = (
        std::fs::read(&file).unwrap(),
        std::fs::read(&again).unwrap(),
    );
    let covered = one.len() - 1024 - 4096;
    assert_eq!(one[..covered], other[..covered]);
}

#[test]
fn no_changed_byte_no_cut_and_no_addition_passes() {
    let (keeper, directory) = (Keeper::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("bundle.tar");
    signed(&keeper, &file);
    let (whole, trust) = (std::fs::read(&file).unwrap(), keeper.trust());
    let passes = |bytes: &[u8]| {
        Disk::real().replace(&file, bytes).unwrap();
        verify(&file, &trust).is_ok()
    };
    assert!(passes(&whole));
    let entries = archive::entries(&whole).unwrap();
    let signature = entries.last().unwrap().at;
    // Every head and one byte in each other stretch; of the signature's JSON its own tests know more.
    for at in (0..whole.len()).filter(|at| at % 512 < 160 && at % 3 == 0 || at % 61 == 0) {
        if at > signature + 512 {
            break;
        }
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(!passes(&changed), "byte {at} of {signature}");
    }
    for cut in (0..whole.len()).step_by(256) {
        assert!(!passes(&whole[..cut]), "cut to {cut}");
    }
    assert!(!passes(&[&whole[..], &[0; 512]].concat()));
    let mut behind = whole[..whole.len() - 1024].to_vec();
    archive::entry(("more.txt", b"x"), MADE, &mut |piece| {
        behind.extend_from_slice(piece);
        Ok(())
    })
    .unwrap();
    behind.extend([0; 1024]);
    assert!(!passes(&behind));
}

#[test]
fn the_word_of_a_stranger_or_on_a_backup_is_none() {
    let (keeper, stranger) = (Keeper::new(), Keeper::new());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("bundle.tar");
    signed(&keeper, &file);
    let error = verify(&file, &stranger.trust()).unwrap_err();
    assert!(matches!(error, Error::Signer(_)), "{error}");
    let sign = |digest| Ok(keeper.word(Paper::Backup, digest));
    write(&Disk::real(), &file, (&entries(), MADE), sign).unwrap();
    let error = verify(&file, &keeper.trust()).unwrap_err();
    assert!(matches!(error, Error::Altered(_)), "{error}");
    let sign = |_| Ok(keeper.word(Paper::Support, Digest::of(b"another")));
    write(&Disk::real(), &file, (&entries(), MADE), sign).unwrap();
    let error = verify(&file, &keeper.trust()).unwrap_err();
    assert!(matches!(error, Error::Altered(_)), "{error}");
}

#[test]
fn a_box_that_cannot_sign_says_so_in_name_and_words() {
    let (keeper, directory) = (Keeper::new(), tempfile::tempdir().unwrap());
    let file = directory.path().join("bundle.tar");
    let sign = |_| Err("bộ ký không trả lời / the signer is away".to_owned());
    let written = write(&Disk::real(), &file, (&entries(), MADE), sign).unwrap();
    assert_eq!(written.path, directory.path().join("bundle-unsigned.tar"));
    assert_eq!(files(directory.path()), ["bundle-unsigned.tar"]);
    let error = verify(&written.path, &keeper.trust()).unwrap_err();
    assert!(matches!(error, Error::Unsigned), "{error}");
    let bytes = std::fs::read(&written.path).unwrap();
    let entries = archive::entries(&bytes).unwrap();
    let readme = std::str::from_utf8(entries[0].bytes).unwrap();
    for said in ["KHÔNG CÓ CHỮ KÝ", "UNSIGNED", "the signer is away"] {
        assert!(readme.contains(said), "{readme}");
    }
    assert!(!readme.contains("support verify"), "{readme}");
    assert!(entries.iter().all(|entry| entry.name != SIGNATURE));
}

struct FullAt(AtomicUsize, usize);

impl Faults for FullAt {
    fn next(&self, _: Op) -> Verdict {
        if self.0.fetch_add(1, Ordering::Relaxed) == self.1 {
            Verdict::NotDone
        } else {
            Verdict::Do
        }
    }
}

#[test]
fn a_medium_that_fails_at_any_write_keeps_no_half_bundle() {
    let keeper = Keeper::new();
    let mut failed = 0;
    loop {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("bundle.tar");
        let disk = Disk::failing(Arc::new(FullAt(AtomicUsize::new(0), failed)));
        let sign = |digest| Ok(keeper.word(Paper::Support, digest));
        match write(&disk, &file, (&entries(), MADE), sign) {
            Ok(_) => break,
            // The name is there, and only its durability is not certain.
            Err(_) if file.exists() => assert!(verify(&file, &keeper.trust()).is_ok()),
            Err(_) => assert_eq!(files(directory.path()), [""; 0], "fault {failed}"),
        }
        failed += 1;
    }
    assert!(failed > 15, "{failed}");
}

#[test]
fn names_that_a_bundle_has_not_are_none() {
    for name in [
        "",
        "a/b/c",
        "../x",
        "a//b",
        "/etc/passwd",
        ".hidden",
        "config/-x",
        "a b",
        "ă",
    ] {
        assert_eq!(Entry::new(name, ""), None, "{name}");
    }
    assert!(Entry::new("config/relay.toml", "").is_some());
}

#[test]
fn configuration_keeps_what_is_known_and_nothing_else() {
    let text = r#"
# the old secret was 0123456789abcdef
[[system]]
systemid = "QLVB-H41"
secret = "4f1c0a9e77aa02bd"
old_secret = "a \"quoted\" one"
member = "000.00.00.H41"
sources = ["10.1.2.0/24"]
pin_file = "/etc/trucgate/pin"

[update]
url = "https://an:matkhau-dai@updates.example:8443/a.update?token=abcdefgh"

[names]
hosts = { "hub.example" = "192.0.2.20" }

[alerts]
webhook = "https://hooks.example/T000/verysecretpath"
levels = ["x-one-level"]
"#;
    let redacted = redact(text).unwrap();
    for shown in [
        "QLVB-H41",
        "000.00.00.H41",
        "10.1.2.0/24",
        "hub.example",
        "192.0.2.20",
    ] {
        assert!(redacted.text.contains(shown), "{}", redacted.text);
    }
    assert!(
        redacted
            .text
            .contains("https://(removed)@updates.example:8443/a.update?(removed)")
    );
    for hidden in [
        "0123456789abcdef",
        "4f1c0a9e77aa02bd",
        "quoted",
        "/etc/trucgate/pin",
        "matkhau",
        "abcdefgh",
        "verysecretpath",
        "x-one-level",
    ] {
        assert!(
            !redacted.text.contains(hidden),
            "{hidden}: {}",
            redacted.text
        );
    }
    // Nor do they stay where somebody else has written them.
    let elsewhere = r#"{"a":"4f1c0a9e77aa02bd","b":"a \"quoted\" one","c":"matkhau-dai"}"#;
    let plain = without(elsewhere.as_bytes().to_vec(), &redacted.removed);
    assert_eq!(
        String::from_utf8(plain).unwrap(),
        r#"{"a":"(removed)","b":"(removed)","c":"(removed)"}"#
    );
    let error = redact("secret = 4f1c0a9e77aa02bd").unwrap_err();
    assert!(!error.contains("4f1c"), "{error}");
    assert_eq!(without(vec![0xff], &[]), b"(removed): not UTF-8\n");
}

#[test]
fn the_samples_of_an_appliance_lose_nothing() {
    for sample in [
        include_str!("../../image/settings.toml"),
        include_str!("../../image/plan.toml"),
    ] {
        let Redacted { text, .. } = redact(sample).unwrap();
        let left_out: Vec<_> = text
            .lines()
            .filter(|line| line.contains("(removed)"))
            .collect();
        assert!(
            left_out
                .iter()
                .all(|line| line.starts_with("pin_credential")),
            "{left_out:?}"
        );
    }
}
