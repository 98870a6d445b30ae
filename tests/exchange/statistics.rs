//! Figures out of the evidence, however the hub that counts it is killed.

use std::time::Duration;

use serde_json::Value;
use trucgate::cmd::demo::documents::Draft;

use crate::world::desks::{Flow, Seeded, seeds};
use crate::world::machines::Who::Hub;
use crate::world::operators::admin;
use crate::world::{RECEIVERS, SENDER, World, document, until};

/// Documents of one repetition.
const FLOW: usize = 6;

/// What the hub's operator is told beside the running hub.
fn figures(world: &World, arguments: &[&str]) -> Value {
    let told = admin(world, &[&["statistics", "--json"], arguments].concat());
    serde_json::from_str(&told).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn counted_anew_the_figures_are_the_same_whenever_the_hub_was_killed() {
    let mut world = World::start();
    for seed in 0..seeds() {
        let mut chance = Seeded(seed);
        let documents = (0..FLOW).map(|nth| {
            let number = u32::try_from(seed).unwrap() * 100 + u32::try_from(nth).unwrap();
            let draft = document(&RECEIVERS, number);
            Draft {
                attachment: 1_000,
                ..draft
            }
            .edxml()
            .unwrap()
        });
        let flow = Flow::start(&world, documents.collect());
        for _ in 0..3 {
            // Within what the hub leaves between two chunks of counting.
            chance.moment(Duration::from_millis(2_500)).await;
            world.kill(Hub);
            world.again(Hub);
        }
        flow.once(&world, (usize::try_from(seed).unwrap() + 1) * FLOW)
            .await;
    }
    // The running hub counts to the end by itself.
    let running = until(async || {
        let seen = figures(&world, &[]);
        (seen["uncounted"] == 0).then_some(seen)
    })
    .await;
    let sent = FLOW * usize::try_from(seeds()).unwrap();
    let of = |member: &str, what: &str| -> usize {
        let kinds = running["members"][member]["traffic"].as_array().unwrap();
        kinds
            .iter()
            .map(|kind| kind[what].as_u64().unwrap() as usize)
            .sum()
    };
    assert_eq!(of(SENDER, "sent"), sent, "{running:#}");
    assert_eq!(of(SENDER, "addressed"), sent * RECEIVERS.len());
    for receiver in RECEIVERS {
        assert_eq!(
            (of(receiver, "delivered"), of(receiver, "collected")),
            (sent, sent)
        );
    }
    assert_eq!(running["nation"]["failures"], serde_json::json!({}));
    // Beside the running hub, and without it.
    assert_eq!(figures(&world, &["--rebuild"]), running);
    world.kill(Hub);
    assert_eq!(figures(&world, &["--rebuild"]), running);
}
