//! A box whose clock is wrong judges no certificate by it, and goes on by itself when it is right again.

use serde_json::Value;
use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;

use crate::gauges::status;
use crate::world::machines::Who::{Hub, Receiver};
use crate::world::{
    PATIENCE, RECEIVERS, SENDER, World, document, plan, received, send, until, write,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_judges_nothing_and_heals_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (all, own) = (directory.path().join("all"), directory.path().join("own"));
    let mut plan = plan();
    plan.clock = Some(all.clone());
    let mut world = World::with(&plan);
    // The receiver's box has a clock of its own.
    let config = world.machine(Receiver).config();
    world.rewrite(&config, &all.to_string_lossy(), &own.to_string_lossy());
    world.kill(Receiver);
    world.again(Receiver);
    let sender = world.software(SENDER);
    send(&sender, document(&RECEIVERS[..1], 1).edxml().unwrap()).await;
    let receiver = world.software(RECEIVERS[0]);
    received(&receiver, 1).await;

    // Off by less than declared: told by the gauge, and all goes on.
    write(&own, "300");
    let level = |said: &str| said == status(world.machine(Receiver)).gauge("clock", "")["level"];
    until(async || level("warning").then_some(())).await;
    send(&sender, document(&RECEIVERS[..1], 2).edxml().unwrap()).await;
    received(&receiver, 2).await;

    // Off by more.
    let box_ = world.process(Receiver);
    let from = box_.lines();
    write(&own, "3600");
    let line = |from, id| {
        let line = box_.line(from, PATIENCE, |line| is(line, id)).unwrap();
        (line.0, line.1)
    };
    let (_, told) = line(from, &ids::CLOCK_BEYOND_SKEW);
    let reason = told["REASON"].as_str().unwrap();
    assert!(
        reason.contains("3600 s off") || reason.contains("3599 s off"),
        "{told}"
    );
    assert!(level("stops"));
    let hub_from = world.process(Hub).lines();
    send(&sender, document(&RECEIVERS[..1], 3).edxml().unwrap()).await;
    world.said(Hub, hub_from, &ids::PACKET_ACCEPTED, 0, |_| true);
    // It is on its way in, and is neither offered nor refused.
    let refused = |line: &Value| is(line, &ids::PACKET_REFUSED) || is(line, &ids::PACKET_DELIVERED);
    let early = box_.line(from, std::time::Duration::from_secs(3), refused);
    assert!(early.is_err(), "{early:?}");
    received(&receiver, 2).await;

    write(&own, "0");
    line(from, &ids::CLOCK_BACK);
    received(&receiver, 3).await;
    assert!(
        level("risk"),
        "a clock that a test moves is a declared risk"
    );
}
