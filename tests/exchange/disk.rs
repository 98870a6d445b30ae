//! Every change of the disk on both walks fails once: not done, and done but reported failed; at every index until a walk
//! meets no fault any more. The same three properties hold as after a power cut.

use trucgate::cmd::demo::documents::Draft;
use trucgate::durable::Verdict;

use crate::world::desks::Flow;
use crate::world::inside::{Inside, Plan};
use crate::world::machines::Who;
use crate::world::{RECEIVERS, World, document};

/// The documents of a walk: one in a row, one in a file.
const SIZES: [u64; 2] = [1_500, 100_000];

async fn every_index(who: Who, verdict: Verdict) {
    let mut world = World::start();
    let plan = Plan::new();
    let _inside = Inside::instead_of(&mut world, who, plan.clone());
    let mut total = 0;
    for size in SIZES {
        let mut index = 0;
        loop {
            let number = u32::try_from(total).unwrap();
            let draft = Draft {
                attachment: size,
                ..document(&RECEIVERS, number)
            };
            total += 1;
            plan.arm(index, verdict);
            Flow::start(&world, vec![draft.edxml().unwrap()])
                .once(&world, total)
                .await;
            if !plan.disarm() {
                break;
            }
            index += 1;
        }
        assert!(index > 5, "only {index} changes of {who:?}'s disk");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_not_done() {
    every_index(Who::Sender, Verdict::NotDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sender_done_but_failed() {
    every_index(Who::Sender, Verdict::DoneButFailed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_not_done() {
    every_index(Who::Receiver, Verdict::NotDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn receiver_done_but_failed() {
    every_index(Who::Receiver, Verdict::DoneButFailed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_not_done() {
    every_index(Who::Hub, Verdict::NotDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hub_done_but_failed() {
    every_index(Who::Hub, Verdict::DoneButFailed).await;
}
