//! Every change of the disk fails once, not done and done but reported failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::World;
use super::member::*;
use super::world::*;
use crate::durable::{Disk, Faults, Op, Verdict};
use crate::hub::Config;
use crate::retry::Class;

/// Fails the change that is `left` away, once.
struct FailOnce {
    left: AtomicI64,
    verdict: Verdict,
}

impl Faults for FailOnce {
    fn next(&self, _: Op) -> Verdict {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.verdict
        } else {
            Verdict::Do
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_write_fails_a_repeated_put_ends_with_one_entry() {
    for verdict in [Verdict::NotDone, Verdict::DoneButFailed] {
        let faults = Arc::new(FailOnce {
            left: AtomicI64::new(i64::MAX),
            verdict,
        });
        let world = World::with(Disk::failing(faults.clone()), Config::default()).await;
        let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
        let (mut a, mut b) = (world.member("A"), world.member("B"));
        for (size, changes) in [(100, 4), (100_000, 12)] {
            for index in 0..changes {
                let mut draft = document(&["B"], "one");
                draft.body = vec![index; size];
                let sealed = a.seal_draft(&world, draft);
                a.announce(&box_a.hub).await;
                faults.left.store(i64::from(index), Ordering::SeqCst);
                let mut tries = 0;
                loop {
                    tries += 1;
                    match box_a
                        .hub
                        .put(sealed.packet, &sealed.seal, Some(&sealed.body()))
                        .await
                    {
                        Ok(_) => break,
                        Err(error) => assert_eq!(error.class(), Class::Retry, "{error}"),
                    }
                    assert!(tries < 4, "{verdict:?} {index}");
                }
                faults.left.store(i64::MAX, Ordering::SeqCst);
                let listed = list(&shared).await;
                assert_eq!(
                    names(&listed),
                    [(sealed.packet, "B".to_owned())],
                    "{verdict:?} {index} of {size}"
                );
                let mut fetched = shared.hub.fetch(sealed.packet, &code("B")).await.unwrap();
                let rest = fetched.rest.read_all(u64::MAX).await.unwrap();
                assert!([&fetched.start[..], &rest[..]].concat() == sealed.body);
                let delivered = b.receipt(&world, &sealed.record, "delivered");
                b.announce(&shared.hub).await;
                shared.hub.give_receipts(&[delivered.seal]).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_write_fails_a_poll_and_a_receipt_can_be_repeated() {
    for verdict in [Verdict::NotDone, Verdict::DoneButFailed] {
        let faults = Arc::new(FailOnce {
            left: AtomicI64::new(i64::MAX),
            verdict,
        });
        let world = World::with(Disk::failing(faults.clone()), Config::default()).await;
        let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
        let (mut a, mut b) = (world.member("A"), world.member("B"));
        let sealed = a.seal_draft(&world, document(&["B"], "one"));
        send(&box_a, &mut a, &sealed).await;
        faults.left.store(0, Ordering::SeqCst);
        let ask = crate::uplink::Ask {
            wait_ms: 0,
            limit: 1,
            anew: false,
        };
        let failed = shared.hub.mailbox(&ask).await.unwrap_err();
        assert_eq!(failed.class(), Class::Retry);
        world.clock.advance(std::time::Duration::from_secs(61));
        assert_eq!(list(&shared).await.entries.len(), 1, "{verdict:?}");
        let delivered = b.receipt(&world, &sealed.record, "delivered");
        b.announce(&shared.hub).await;
        let seals = [delivered.seal];
        faults.left.store(0, Ordering::SeqCst);
        assert!(shared.hub.give_receipts(&seals).await.is_err());
        shared.hub.give_receipts(&seals).await.unwrap();
        let got = box_a.hub.take_receipts(0, std::time::Duration::ZERO).await;
        assert_eq!(got.unwrap().len(), 1, "{verdict:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_whose_commit_seemed_to_fail_still_releases_and_wakes() {
    let faults = Arc::new(FailOnce {
        left: AtomicI64::new(i64::MAX),
        verdict: Verdict::DoneButFailed,
    });
    let world = World::with(Disk::failing(faults.clone()), Config::default()).await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let (mut a, mut b) = (world.member("A"), world.member("B"));
    let original = a.seal_draft(&world, document(&["B"], "decision"));
    let recall = Draft {
        message: "recall",
        refs: &["decision"],
        ..document(&["B"], "recall")
    };
    let recall = a.seal_draft(&world, recall);
    send(&box_a, &mut a, &original).await;
    send(&box_a, &mut a, &recall).await;
    assert_eq!(list(&shared).await.entries.len(), 1);
    let delivered = b.receipt(&world, &original.record, "delivered");
    b.announce(&shared.hub).await;
    let seals = [delivered.seal];
    faults.left.store(0, Ordering::SeqCst);
    assert!(shared.hub.give_receipts(&seals).await.is_err());
    shared.hub.give_receipts(&seals).await.unwrap();
    let listed = list(&shared).await;
    assert_eq!(names(&listed), [(recall.packet, "B".to_owned())]);
}
