//! Token, signer or hub away: software is answered at once, what is kept waits, and goes on by itself within a second of
//! the return.

use std::time::{Duration, Instant};

use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;
use trucgate::vxp::MessageType;

use crate::world::desks::Flow;
use crate::world::machines::Who::{self, Hub, Sender, SenderSigner};
use crate::world::token::Network;
use crate::world::{PATIENCE, RECEIVERS, SENDER, World, document, sending};

/// Documents sent while something is away.
const AWAY: usize = 5;
/// In which software is answered whatever is away, and in which the first seal follows a return.
const AT_ONCE: Duration = Duration::from_secs(1);

fn edxml(number: usize) -> Vec<u8> {
    let number = u32::try_from(number).unwrap();
    document(&RECEIVERS, number).edxml().unwrap()
}

/// Sends [`AWAY`] documents from `first` on, all answered at once although none can be sealed.
async fn answered(world: &World, first: usize) -> Vec<Vec<u8>> {
    // Without TLS, whose handshakes need the token.
    let software = world.plain_software(SENDER);
    let mut all = Vec::new();
    for number in first..first + AWAY {
        let edxml = edxml(number);
        let start = Instant::now();
        let edoc = sending(MessageType::Edoc);
        let reply = software.send(&edoc, edxml.clone().into()).await.unwrap();
        assert!(reply.doc_id().is_some(), "{reply:?}");
        assert!(
            start.elapsed() < AT_ONCE,
            "answered in {:?}",
            start.elapsed()
        );
        all.push(edxml);
    }
    all
}

/// The first line of that id from line `from` on comes within a second of `back`.
fn soon(world: &World, back: Instant, from: usize, id: &trucgate::journal::Id) {
    let line = world
        .process(Sender)
        .line(from, PATIENCE, |line| is(line, id));
    line.unwrap();
    assert!(back.elapsed() < AT_ONCE, "it took {:?}", back.elapsed());
}

/// What was sent before arrives once; sent again it is the same.
async fn arrive(world: &World, documents: Vec<Vec<u8>>, total: usize) {
    Flow::start(world, documents).once(world, total).await;
}

fn world_with_network() -> (World, Network) {
    let mut world = World::start();
    let network = world.network_token(SenderSigner);
    (world, network)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_token_is_waited_for() {
    let (world, mut network) = world_with_network();
    arrive(&world, vec![edxml(0)], 1).await;
    for round in 0..2 {
        let (first, from) = (1 + round * AWAY, world.process(Sender).lines());
        network.kill();
        let documents = answered(&world, first).await;
        let sealed = |line: &_| is(line, &ids::PACKET_SEALED);
        assert!(
            world
                .process(Sender)
                .line(from, Duration::ZERO, sealed)
                .is_err()
        );
        network.start();
        soon(&world, Instant::now(), from, &ids::PACKET_SEALED);
        arrive(&world, documents, first + AWAY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_hangs_is_waited_for() {
    let (world, network) = world_with_network();
    arrive(&world, vec![edxml(0)], 1).await;
    let from = world.process(Sender).lines();
    network.hang(true);
    let documents = answered(&world, 1).await;
    network.hang(false);
    soon(&world, Instant::now(), from, &ids::PACKET_SEALED);
    arrive(&world, documents, 1 + AWAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_signer_is_waited_for() {
    let mut world = World::start();
    world.kill(SenderSigner);
    let documents = answered(&world, 0).await;
    // The relay, too, starts without it.
    world.kill(Sender);
    world.again(Sender);
    let more = answered(&world, AWAY).await;
    world.again(SenderSigner);
    soon(&world, Instant::now(), 0, &ids::PACKET_SEALED);
    let all = documents.into_iter().chain(more).collect();
    arrive(&world, all, 2 * AWAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_is_waited_for() {
    let mut world = World::start();
    world.kill(Hub);
    let documents = answered(&world, 0).await;
    world.again(Hub);
    arrive(&world, documents, AWAY).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_pin_stops_seals_and_not_intake() {
    let mut world = World::start();
    let pin = world.machine(SenderSigner).directory.join("pin");
    let right = std::fs::read_to_string(&pin).unwrap();
    world.rewrite(&pin, &right, "0000");
    world.kill(SenderSigner);
    world.again(SenderSigner);
    let from = world.process(Sender).lines();
    let documents = answered(&world, 0).await;
    let waits = |line: &_| is(line, &ids::SIGNER_AWAY);
    let (_, line) = world.process(Sender).line(from, PATIENCE, waits).unwrap();
    assert!(line["REASON"].as_str().unwrap().contains("PIN"), "{line}");
    world.rewrite(&pin, "0000", &right);
    world.kill(SenderSigner);
    world.again(SenderSigner);
    arrive(&world, documents, AWAY).await;
}

/// Everything at once: both boxes, all signers and the hub go and come back in any order.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_exchange_goes_and_comes_back() {
    const ALL: [Who; 6] = [
        Who::Receiver,
        SenderSigner,
        Hub,
        Sender,
        Who::ReceiverSigner,
        Who::HubSigner,
    ];
    let mut world = World::start();
    let documents = (0..AWAY).map(edxml).collect();
    let flow = Flow::start(&world, documents);
    ALL.into_iter().for_each(|who| world.kill(who));
    // A hub and a relay start without their signers.
    for who in [
        Sender,
        Who::Receiver,
        SenderSigner,
        Who::ReceiverSigner,
        Hub,
    ] {
        world.again(who);
    }
    flow.once(&world, AWAY).await;
}
