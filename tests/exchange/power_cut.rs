//! The power-cut table of tests/README.md: SIGKILL at each step of both walks, then the normal road again.

use std::time::Duration;

use trucgate::cmd::demo::documents::Draft;
use trucgate::journal::{Id, ids};

use crate::world::desks::{Flow, Seeded};
use crate::world::machines::Who::{
    self, Hub, HubSigner, Receiver, ReceiverSigner, Sender, SenderSigner,
};
use crate::world::{RECEIVERS, World, document, until};

/// Documents of one repetition.
const FLOW: usize = 6;
/// Beyond this a body is a file.
const LARGE: u64 = 4 << 20;

/// When the plug is pulled.
#[derive(Clone, Copy)]
enum At {
    /// At one of the lines with that id, and that step if it names one.
    Line(Who, &'static Id, Option<&'static str>),
    /// At some moment within so many milliseconds behind such a line.
    Behind(Who, &'static Id, u64),
    /// While a body comes in at a process.
    Body(Who),
    /// When the first DocId was answered.
    Answer,
}

use At::{Answer, Behind, Body, Line};

/// Repetitions of each row: 3, or `TRUCGATE_SEEDS`.
pub fn seeds() -> u64 {
    let told = std::env::var("TRUCGATE_SEEDS").ok();
    told.and_then(|seeds| seeds.parse().ok()).unwrap_or(3)
}

async fn cut(victim: Who, at: At) {
    let mut world = World::start();
    for seed in 0..seeds() {
        let mut chance = Seeded(seed);
        let documents = documents(seed, matches!(at, Body(_)));
        let from = |who| world.process(who).lines();
        let line = match at {
            Line(who, ..) | Behind(who, ..) => from(who),
            Body(_) | Answer => 0,
        };
        let mut flow = Flow::start(&world, documents);
        let mut answered = None;
        match at {
            Line(who, id, step) => {
                let nth = chance.below(FLOW as u64) as usize;
                let fits = |line: &serde_json::Value| step.is_none_or(|step| line["STEP"] == step);
                world.said(who, line, id, nth, fits);
            }
            Behind(who, id, within) => {
                world.said(who, line, id, chance.below(FLOW as u64) as usize, |_| true);
                chance.moment(Duration::from_millis(within)).await;
            }
            Body(who) => {
                let is_part =
                    |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "part");
                until_fast(|| world.bodies(who).iter().any(is_part)).await;
            }
            Answer => answered = Some(flow.sending.remove(0).await.unwrap()),
        }
        world.kill(victim);
        world.again(victim);
        if let Some(sent) = answered {
            flow.sending.push(tokio::spawn(async { sent }));
        }
        flow.once(&world, (seed as usize + 1) * FLOW).await;
    }
    // A repetition later nothing is left of the walks: bodies that were handed on take no room.
    until(async || world.bodies(Sender).is_empty().then_some(())).await;
}

/// Small ones and one that is a file; or large ones only, whose bodies take a while.
fn documents(seed: u64, large: bool) -> Vec<Vec<u8>> {
    (0..FLOW)
        .map(|number| {
            let number = u32::try_from(seed).unwrap() * 100 + u32::try_from(number).unwrap();
            let draft = document(&RECEIVERS, number);
            let attachment = match number % 3 {
                _ if large => LARGE,
                0 => 100_000,
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

/// As [`until`], for what lasts only a moment.
async fn until_fast(seen: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + crate::world::PATIENCE;
    while !seen() {
        assert!(tokio::time::Instant::now() < end, "waited in vain");
        tokio::task::yield_now().await;
    }
}

macro_rules! rows {
    ($($name:ident: $victim:expr, $at:expr;)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            cut($victim, $at).await;
        })*
    };
}

rows! {
    outbound_1_parse: Sender, Body(Sender);
    outbound_3_keep: Sender, Line(Sender, &ids::PACKET_KEPT, None);
    outbound_4_answer: Sender, Answer;
    outbound_5_seal: Sender, Line(Sender, &ids::PACKET_SEALED, None);
    outbound_5_seal_signer: SenderSigner, Line(Sender, &ids::PACKET_KEPT, None);
    outbound_6_submit: Sender, Line(Hub, &ids::PACKET_ACCEPTED, None);
    outbound_6_submit_body: Hub, Body(Hub);
    outbound_6_submit_hub: Hub, Line(Hub, &ids::PACKET_ACCEPTED, None);
    outbound_6_submit_hub_signer: HubSigner, Line(Hub, &ids::PACKET_ACCEPTED, None);
    outbound_7_8_verify_attest: Sender, Behind(Hub, &ids::PACKET_ACCEPTED, 20);
    outbound_9_finish: Sender, Line(Sender, &ids::PACKET_ACCEPTED, None);
    inbound_1_fetch: Receiver, Body(Receiver);
    inbound_1_fetch_hub: Hub, Body(Receiver);
    inbound_2_3_open_permit: Receiver, Behind(Hub, &ids::PACKET_ACCEPTED, 20);
    inbound_4_keep: Receiver, Line(Receiver, &ids::PACKET_DELIVERED, None);
    inbound_5_answer: Receiver, Line(Sender, &ids::RECEIPT_VERIFIED, Some("delivered"));
    inbound_5_answer_signer: ReceiverSigner, Line(Receiver, &ids::PACKET_DELIVERED, None);
    inbound_5_answer_hub: Hub, Line(Receiver, &ids::PACKET_DELIVERED, None);
    inbound_6_offer: Receiver, Behind(Receiver, &ids::PACKET_DELIVERED, 50);
    inbound_7_confirm: Receiver, Line(Receiver, &ids::DOCUMENT_COLLECTED, None);
    inbound_8_finish: Sender, Line(Sender, &ids::RECEIPT_VERIFIED, Some("collected"));
    any_moment_sender: Sender, Behind(Sender, &ids::PACKET_KEPT, 300);
    any_moment_hub: Hub, Behind(Sender, &ids::PACKET_KEPT, 300);
    any_moment_receiver: Receiver, Behind(Sender, &ids::PACKET_KEPT, 300);
}
