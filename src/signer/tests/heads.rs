use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::durable::{Disk, Faults, Op, Verdict as Fault};
use crate::merkle::{Hash, leaf_hash, node_hash};
use crate::packet::MemberId;
use crate::signer::heads::{Head, Ledger, Verdict};

fn leaf(n: u8) -> Hash {
    leaf_hash(&[n])
}

fn one() -> Head {
    Head {
        size: 1,
        root: leaf(1),
    }
}

fn two() -> Head {
    Head {
        size: 2,
        root: node_hash(&leaf(1), &leaf(2)),
    }
}

fn member() -> MemberId {
    "000.00.00.G22".parse().unwrap()
}

#[test]
fn a_log_only_grows() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(dir.path(), &member()).unwrap();
    assert_eq!(ledger.judge(&one(), 1, &[]), Verdict::Behind(0));
    assert_eq!(ledger.judge(&one(), 0, &[]), Verdict::Extends);
    ledger.write(&Disk::real(), one())().unwrap();
    ledger.advance(one());
    assert_eq!(ledger.judge(&one(), 77, &[]), Verdict::Known);
    assert_eq!(ledger.judge(&two(), 0, &[]), Verdict::Behind(1));
    assert_eq!(ledger.judge(&two(), 1, &[leaf(2)]), Verdict::Extends);
    assert!(matches!(
        ledger.judge(&two(), 1, &[leaf(3)]),
        Verdict::Refused(_)
    ));
    ledger.write(&Disk::real(), two())().unwrap();

    // After a restart the file speaks.
    let ledger = Ledger::open(dir.path(), &member()).unwrap();
    assert_eq!(ledger.last(), Some(two()));
    assert!(matches!(ledger.judge(&one(), 0, &[]), Verdict::Refused(_)));
    let fork = Head {
        size: 2,
        root: leaf(9),
    };
    for from in [0, 1, 2] {
        assert!(matches!(
            ledger.judge(&fork, from, &[]),
            Verdict::Refused(_)
        ));
    }
}

#[test]
fn a_ledger_of_another_or_without_sense_stops_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let other: MemberId = "H41".parse().unwrap();
    let ledger = Ledger::open(dir.path(), &other).unwrap();
    ledger.write(&Disk::real(), one())().unwrap();
    let bytes = std::fs::read(dir.path().join("H41.head")).unwrap();
    super::put(&dir.path().join("000.00.00.G22.head"), &bytes);
    assert!(Ledger::open(dir.path(), &member()).is_err());
    super::put(&dir.path().join("000.00.00.G22.head"), &bytes[..9]);
    assert!(Ledger::open(dir.path(), &member()).is_err());
}

struct FailAt(AtomicUsize, usize, Fault);

impl Faults for FailAt {
    fn next(&self, _: Op) -> Fault {
        if self.0.fetch_add(1, Ordering::Relaxed) == self.1 {
            self.2
        } else {
            Fault::Do
        }
    }
}

#[test]
fn a_disk_fault_leaves_one_of_both_heads_and_the_way_forward_open() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        for index in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let mut ledger = Ledger::open(dir.path(), &member()).unwrap();
            ledger.write(&Disk::real(), one())().unwrap();
            ledger.advance(one());
            let disk = Disk::failing(Arc::new(FailAt(AtomicUsize::new(0), index, fault)));
            assert!(ledger.write(&disk, two())().is_err());
            let after = Ledger::open(dir.path(), &member()).unwrap();
            assert!([Some(one()), Some(two())].contains(&after.last()));
            for ledger in [ledger, after] {
                assert!(matches!(
                    ledger.judge(&two(), 1, &[leaf(2)]),
                    Verdict::Extends | Verdict::Known
                ));
            }
        }
    }
}
