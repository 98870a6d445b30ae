use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::envelope::{ContentKey, Recipient};
use super::*;
use crate::clock::{Chance, Clock};
use crate::durable::{Disk, Faults, Op, Verdict};
use crate::packet::Digest;
use crate::seal::Attestation;
use crate::spool::Spool;
use crate::store::Store;

const SCHEMAS: [&str; 5] = [
    evidence::SCHEMA,
    spool::SEAL_HEADS,
    spool::SCHEMA,
    evidence::MATERIAL_SCHEMA,
    evidence::RESEALED_SCHEMA,
];

/// The agency's certificate and key, made by openssl.
struct Agency {
    directory: TempDir,
}

impl Agency {
    fn new() -> Self {
        let agency = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        agency.openssl(&[
            "req",
            "-new",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            "/CN=TEST backup",
            "-days",
            "10",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ]);
        agency
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let done = Command::new("openssl")
            .args(arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
        done.stdout
    }

    fn recipient(&self) -> Recipient {
        let pem = std::fs::read(self.directory.path().join("cert.pem")).unwrap();
        let der = crate::trust::pem::certificates(&pem).unwrap().remove(0);
        Recipient::of(&der).unwrap()
    }

    fn key(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("key.pem")).unwrap()
    }
}

fn header() -> Header {
    let (clock, chance) = (Clock::system(), Chance::system());
    Header {
        id: PacketId::new(clock.now(), &chance),
        own: "00.02.W00".parse().unwrap(),
        // As it is written: whole milliseconds.
        made: crate::clock::parse_rfc3339("2026-03-01T00:00:00Z").unwrap(),
        logs: Vec::new(),
    }
}

/// A copied spool without packets, and a directory of `bytes`.
async fn copied(directory: &Path, bytes: usize) -> (PathBuf, Vec<Part>) {
    let (disk, state) = (Disk::real(), directory.join("state"));
    let store = Store::open(state.join("box.db"), disk.clone(), &SCHEMAS).unwrap();
    let spool = Spool::open(store, disk.clone(), &state.join("bodies")).unwrap();
    let snapshot = directory.join("snapshot");
    spool.snapshot(&disk, &snapshot).await.unwrap();
    let from = directory.join("directory");
    let content: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
    disk.replace(&from, &content).unwrap();
    let kind = Kind::Directory;
    (snapshot, vec![Part { kind, from }])
}

fn unsigned(_: Digest) -> Result<Attestation, Error> {
    Ok(Attestation::new(b"a checkpoint", b"a signature"))
}

fn written(
    disk: &Disk,
    at: &Path,
    from: &(PathBuf, Vec<Part>),
    to: &Recipient,
) -> Result<Written, Error> {
    let (snapshot, parts) = from;
    let what = (snapshot.as_path(), parts.as_slice());
    write(
        disk,
        at,
        &header(),
        what,
        std::slice::from_ref(to),
        &Chance::system(),
        unsigned,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_in_comes_out_with_the_agencys_key_and_openssl_opens_the_envelope() {
    let (agency, directory, disk) = (Agency::new(), tempfile::tempdir().unwrap(), Disk::real());
    let file = directory.path().join("backup");
    // The sizes around the ends of chunks, and a stream that ends with one.
    for bytes in [0, 1, chunks::CHUNK - 1, chunks::CHUNK, 3 * chunks::CHUNK] {
        let room = tempfile::tempdir().unwrap();
        let from = copied(room.path(), bytes).await;
        let made = written(&disk, &file, &from, &agency.recipient()).unwrap();
        let checked = check(&file).unwrap();
        assert_eq!(checked.digest, made.digest);
        assert_eq!(std::fs::metadata(&file).unwrap().len(), made.bytes);
        let key = envelope::open(&checked.envelope, &agency.key()).unwrap();
        assert_eq!(key[..], made.key[..]);
        let out = room.path().join("out");
        extract(&file, &checked, &key, &disk, &out).unwrap();
        assert_eq!(
            std::fs::read(Kind::Directory.below(&out)).unwrap(),
            std::fs::read(&from.1[0].from).unwrap()
        );
        assert_eq!(inspect(&out, &SCHEMAS).unwrap().bodies, 0);
        envelope::judge(&checked.envelope, &[agency.recipient()]).unwrap();

        disk.replace(
            &agency.directory.path().join("envelope.der"),
            &checked.envelope,
        )
        .unwrap();
        let opened = agency.openssl(&[
            "cms",
            "-decrypt",
            "-inform",
            "DER",
            "-in",
            "envelope.der",
            "-inkey",
            "key.pem",
            "-recip",
            "cert.pem",
        ]);
        assert_eq!(opened, made.key[..]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_changed_byte_each_cut_and_each_addition_is_found() {
    let (agency, directory, disk) = (Agency::new(), tempfile::tempdir().unwrap(), Disk::real());
    let from = copied(directory.path(), 10).await;
    let file = directory.path().join("backup");
    let made = written(&disk, &file, &from, &agency.recipient()).unwrap();
    let whole = std::fs::read(&file).unwrap();
    let changed = directory.path().join("changed");
    let refused = |bytes: &[u8]| {
        disk.replace(&changed, bytes).unwrap();
        let unchanged = serde_json::to_string(&unsigned(made.digest).unwrap()).unwrap();
        match check(&changed) {
            Err(Error::Altered(_)) => true,
            // The signature is over another digest, or is another one.
            Ok(checked) => {
                checked.digest != made.digest
                    || serde_json::to_string(&checked.signature).unwrap() != unchanged
            }
            Err(other) => panic!("{other}"),
        }
    };
    assert!(!refused(&whole));
    let step = (whole.len() / 200).max(1);
    let every = |from: usize, to: usize| (from..to).step_by(5);
    let places = every(0, 900)
        .chain((900..whole.len() - 300).step_by(step))
        .chain(every(whole.len() - 300, whole.len()));
    for at in places {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        assert!(refused(&bytes), "byte {at} of {}", whole.len());
        if at % 7 == 0 {
            assert!(refused(&whole[..at]), "cut at {at}");
        }
    }
    assert!(refused(&[&whole[..], b"x"].concat()));
    // Chunks are bound to each other, and to the key that the envelope holds.
    let checked = check(&file).unwrap();
    let out = directory.path().join("out");
    let wrong = extract(&file, &checked, &[7; 32], &disk, &out);
    assert!(matches!(wrong, Err(Error::Key(_))), "{wrong:?}");
    let stranger = envelope::open(&checked.envelope, &Agency::new().key());
    assert!(matches!(stranger, Err(Error::Key(_))));
    assert!(envelope::judge(&checked.envelope, &[Agency::new().recipient()]).is_err());
}

/// Whoever has the key can make any entry; it finds no place.
#[test]
fn entries_that_are_no_data_of_a_box_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (disk, file) = (Disk::real(), directory.path().join("backup"));
    let key = ContentKey::new([9; 32]);
    let entry = |kind: u8, name: &str| {
        let mut bytes = vec![kind];
        bytes.extend_from_slice(&u16::try_from(name.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&1_u64.to_be_bytes());
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(b'x');
        bytes
    };
    let packet = PacketId::new(Clock::system().now(), &Chance::system());
    let fine = format!("in-000.00.00.H41/{packet}");
    let table: &[(u8, &str, bool)] = &[
        (2, &fine, true),
        (3, "", true),
        (2, "in-000.00.00.H41/../../../etc/passwd", false),
        (2, &format!("/in-000.00.00.H41/{packet}"), false),
        (2, &format!("in-../{packet}"), false),
        (2, &format!("hub-000.00.00.H41/{packet}"), false),
        (2, &format!("in-000.00.00.H41/{packet}/x"), false),
        (3, "../directory", false),
        (5, "0198f4c2", false),
        (8, "300", false),
        (8, "01", false),
        (10, "", false),
        (200, "run.sh", false),
    ];
    for (kind, name, good) in table {
        let mut out = file::Out::new(&disk, &file).unwrap();
        out.put(MAGIC).unwrap();
        let head = serde_json::to_vec(&header()).unwrap();
        out.block(&head).unwrap();
        out.block(b"no envelope").unwrap();
        let mut chunks =
            chunks::Writer::new(&key, Digest::of(&head), |bytes| out.put(bytes)).unwrap();
        chunks.put(&entry(*kind, name)).unwrap();
        chunks.put(&[0]).unwrap();
        chunks.finish().unwrap();
        let signature = serde_json::to_vec(&unsigned(out.digest()).unwrap()).unwrap();
        out.block(&signature).unwrap();
        out.finish().unwrap();
        let place = directory.path().join("state/below");
        disk.remove_tree(&directory.path().join("state")).unwrap();
        let done = extract(&file, &check(&file).unwrap(), &key, &disk, &place);
        assert_eq!(done.is_ok(), *good, "{kind} {name:?}: {done:?}");
        assert!(good | matches!(done, Err(Error::Content(_))), "{done:?}");
        assert!(!directory.path().join("state/etc").exists());
    }
}

struct FullAfter(std::sync::atomic::AtomicUsize);

impl Faults for FullAfter {
    fn next(&self, op: Op) -> Verdict {
        use std::sync::atomic::Ordering::SeqCst;
        if op != Op::SyncDir && self.0.fetch_sub(1, SeqCst) == 1 {
            Verdict::NotDone
        } else {
            Verdict::Do
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_at_any_write_leaves_the_last_backup_and_no_half_one() {
    let (agency, directory) = (Agency::new(), tempfile::tempdir().unwrap());
    let from = copied(directory.path(), 3 * chunks::CHUNK).await;
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("backup");
    written(&Disk::real(), &file, &from, &agency.recipient()).unwrap();
    let before = std::fs::read(&file).unwrap();
    let mut at = 1;
    loop {
        let disk = Disk::failing(std::sync::Arc::new(FullAfter(at.into())));
        let done = written(&disk, &file, &from, &agency.recipient());
        if done.is_ok() {
            break;
        }
        assert!(matches!(done, Err(Error::Disk(_))), "{done:?}");
        assert_eq!(std::fs::read(&file).unwrap(), before, "write {at}");
        assert_eq!(
            std::fs::read_dir(place.path()).unwrap().count(),
            1,
            "write {at}"
        );
        at += 1;
    }
    assert!(at > 10, "{at}");
}

#[test]
fn only_keys_on_the_curve_are_recipients() {
    let directory = tempfile::tempdir().unwrap();
    let made = Command::new("openssl")
        .args([
            "req", "-new", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout",
            "k", "-out", "c",
        ])
        .current_dir(directory.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let pem = std::fs::read(directory.path().join("c")).unwrap();
    let der = crate::trust::pem::certificates(&pem).unwrap().remove(0);
    assert!(matches!(Recipient::of(&der), Err(Error::Recipient(_))));
    assert!(matches!(
        Recipient::of(b"nothing"),
        Err(Error::Recipient(_))
    ));
}
