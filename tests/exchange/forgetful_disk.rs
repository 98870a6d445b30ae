//! Power lost on a machine whose disk forgets what was not flushed: relay or hub and its signer end, their directories
//! hold what was flushed and, of the rest, what chance leaves; then the normal road again. What was answered is there.

use std::time::Duration;

use forgetful::When;
use trucgate::cmd::demo::documents::Draft;
use trucgate::journal::{Id, ids};

use crate::world::desks::seeds;
use crate::world::desks::{Flow, Seeded};
use crate::world::machines::Who::{self, Hub, Receiver, Sender};
use crate::world::{PATIENCE, RECEIVERS, World, document};

/// Documents of one repetition.
const FLOW: u32 = 6;
/// Of these, each third is a file.
const FILE: u64 = 100_000;

/// When the power goes.
#[derive(Clone, Copy)]
enum At {
    /// Before or behind one of the first flushes of the main process.
    Flush(u64),
    /// Between any two of the first changes of the main process's disk.
    Change(u64),
    /// Before or behind one of the first flushes of the signer.
    SignerFlush(u64),
    /// Some moment behind a line of that process.
    Behind(Who, &'static Id),
}

use At::{Behind, Change, Flush, SignerFlush};

async fn cut(main: Who, at: At) {
    let (mut world, mut machine) = World::forgetful(main);
    let mut forgotten = 0;
    for seed in 0..seeds() {
        let mut chance = Seeded(seed);
        match at {
            Flush(most) => machine.main().arm(When::Flush(1 + chance.below(most))),
            Change(most) => machine.main().arm(When::Change(1 + chance.below(most))),
            SignerFlush(most) => machine.signer().arm(When::Flush(1 + chance.below(most))),
            Behind(..) => Ok(()),
        }
        .unwrap();
        let from = match at {
            Behind(who, _) => world.process(who).lines(),
            _ => 0,
        };
        let flow = Flow::start(&world, documents(u32::try_from(seed).unwrap()));
        if let Behind(who, id) = at {
            let nth = usize::try_from(chance.below(FLOW.into())).unwrap();
            world.said(who, from, id, nth, |_| true);
            chance.moment(Duration::from_millis(100)).await;
        } else {
            out(&machine, &flow).await;
        }
        for lost in machine.cut(&mut world, seed) {
            forgotten += lost.contents + lost.names;
        }
        let total = (u32::try_from(seed).unwrap() + 1) * FLOW;
        flow.once(&world, total as usize).await;
    }
    println!("{forgotten} changes had not been flushed");
    if matches!(at, Flush(_) | Change(_)) {
        assert!(forgotten > 0, "every cut found everything flushed");
    }
}

/// Waits until the power is gone, or everything has arrived before it went.
async fn out(machine: &crate::world::volatile::Machine, flow: &Flow) {
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    while !machine.is_out() && !flow.is_taken() {
        assert!(tokio::time::Instant::now() < end, "waited in vain");
        tick.tick().await;
    }
}

fn documents(seed: u32) -> Vec<Vec<u8>> {
    (0..FLOW)
        .map(|number| {
            let draft = document(&RECEIVERS, seed * 100 + number);
            let attachment = match number % 3 {
                0 => FILE,
                _ => draft.attachment,
            };
            Draft {
                attachment,
                ..draft
            }
            .edxml()
            .unwrap()
        })
        .collect()
}

macro_rules! rows {
    ($($name:ident: $main:expr, $at:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            cut($main, $at).await;
        })*
    };
}

rows! {
    sender_at_a_flush: Sender, Flush(60);
    sender_at_a_change: Sender, Change(400);
    sender_at_a_flush_of_its_signer: Sender, SignerFlush(24);
    sender_behind_an_answer: Sender, Behind(Sender, &ids::PACKET_KEPT);
    hub_at_a_flush: Hub, Flush(60);
    hub_at_a_change: Hub, Change(400);
    hub_at_a_flush_of_its_signer: Hub, SignerFlush(24);
    hub_behind_a_receipt: Hub, Behind(Sender, &ids::PACKET_ACCEPTED);
    receiver_at_a_flush: Receiver, Flush(60);
    receiver_at_a_change: Receiver, Change(400);
    receiver_at_a_flush_of_its_signer: Receiver, SignerFlush(24);
    receiver_behind_a_list: Receiver, Behind(Receiver, &ids::PACKET_DELIVERED);
    receiver_behind_a_confirmation: Receiver, Behind(Receiver, &ids::DOCUMENT_COLLECTED);
}
