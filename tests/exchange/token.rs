//! Token, signer or hub away: software is answered at once, what is kept waits, and goes on by itself within a second of
//! the return.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trucgate::cmd::demo::exchange::is;
use trucgate::hub::admin::Change;
use trucgate::journal::ids;
use trucgate::merkle::checkpoint::Checkpoint;
use trucgate::provision::lab::MemberPlan;
use trucgate::signer::{self, SealAnswer, SealRequest};
use trucgate::trust::directory::{Fingerprint, Member};
use trucgate::vxp::MessageType;

use crate::world::boxes::{enter, first_certificate};
use crate::world::desks::{Flow, Seeded, Verifier, persist, seeds};
use crate::world::machines::Who::{self, Hub, Sender, SenderSigner};
use crate::world::token::Network;
use crate::world::{PATIENCE, RECEIVERS, SENDER, World, document, member, plan, received, sending};

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

/// Times that the token is taken away, at most.
const TAKEN: u64 = 20;
/// Exchanges that wait for their tokens side by side where an absence is long.
const SIDE_BY_SIDE: u64 = 10;
/// Between the absences of two exchanges, so that each return has the machine to itself, as it has in life.
const APART: Duration = Duration::from_secs(5);

/// Software that sends one document after the other, each answered at once, until it is told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    sending: tokio::task::JoinHandle<Vec<Vec<u8>>>,
}

impl Load {
    fn start(world: &World, first: usize, pace: Duration) -> Self {
        let (stop, answered) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let software = world.plain_software(SENDER);
        let (stopped, count) = (stop.clone(), answered.clone());
        let sending = tokio::spawn(async move {
            let mut all = Vec::new();
            let mut tick = tokio::time::interval(pace);
            while !stopped.load(Ordering::Relaxed) {
                tick.tick().await;
                let edxml = edxml(first + all.len());
                let begun = Instant::now();
                let reply = software
                    .send(&sending(MessageType::Edoc), edxml.clone().into())
                    .await;
                assert!(reply.unwrap().doc_id().is_some());
                assert!(
                    begun.elapsed() < AT_ONCE,
                    "answered in {:?}",
                    begun.elapsed()
                );
                count.fetch_add(1, Ordering::Relaxed);
                all.push(edxml);
            }
            all
        });
        Self {
            stop,
            answered,
            sending,
        }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits while all is answered.
    async fn until(&self, holds: impl Fn(usize) -> bool) {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        while !holds(self.answered()) {
            assert!(!self.sending.is_finished(), "the software has ended");
            tick.tick().await;
        }
    }

    async fn end(self) -> Vec<Vec<u8>> {
        self.stop.store(true, Ordering::Relaxed);
        self.sending.await.unwrap()
    }
}

/// Under load: software is answered all the time, the first seal follows the return within a second, nothing is lost.
///
/// Each time the token is away for as long as `TRUCGATE_TOKEN_AWAY` says in seconds, and at least until [`AWAY`]
/// documents were answered without it. Long absences are waited for by several exchanges at a time.
#[test]
fn a_token_taken_away_under_load_is_waited_for() {
    let seconds = std::env::var("TRUCGATE_TOKEN_AWAY").ok();
    let absence = Duration::from_secs(seconds.map_or(0, |text| text.parse().unwrap()));
    let taken = seeds().min(TAKEN);
    let worlds = if absence.is_zero() { 1 } else { SIDE_BY_SIDE };
    std::thread::scope(|threads| {
        for world in 0..worlds {
            let seeds = (0..taken).filter(move |seed| seed % worlds == world);
            threads.spawn(move || {
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()
                    .unwrap();
                let after = APART * u32::try_from(world).unwrap();
                // A long absence has no more documents than a short one, which go through together afterwards.
                let pace =
                    (absence / 100).max(Duration::from_millis(20) * u32::try_from(worlds).unwrap());
                runtime.block_on(taken_away(seeds, absence, pace, after));
            });
        }
    });
}

/// In one exchange, once for each of `seeds`; the first time after a while.
async fn taken_away(
    seeds: impl Iterator<Item = u64>,
    absence: Duration,
    pace: Duration,
    after: Duration,
) {
    tokio::time::sleep(after).await;
    let (world, mut network) = world_with_network();
    let mut total = 0;
    for seed in seeds {
        let from = world.process(Sender).lines();
        let load = Load::start(&world, total, pace);
        world.said(Sender, from, &ids::PACKET_SEALED, 2, |_| true);
        Seeded(seed).moment(3 * pace).await;
        let from = world.process(Sender).lines();
        network.kill();
        let gone = (Instant::now(), load.answered());
        world.said(Sender, from, &ids::SIGNER_AWAY, 0, |_| true);
        let from = world.process(Sender).lines();
        load.until(|answered| gone.0.elapsed() >= absence && answered >= gone.1 + AWAY)
            .await;
        let sealed = world
            .process(Sender)
            .line(from, Duration::ZERO, |line| is(line, &ids::PACKET_SEALED));
        assert!(sealed.is_err(), "sealed without a token: {sealed:?}");
        let away = gone.0.elapsed();
        network.start();
        let back = Instant::now();
        soon(&world, back, from, &ids::PACKET_SEALED);
        let sealed = back.elapsed();
        let documents = load.end().await;
        total += documents.len();
        println!(
            "{seed}: away {away:?}, {} answered; sealed {sealed:?} after the return",
            documents.len()
        );
        arrive(&world, documents, total).await;
    }
}

/// A box of 32 members, each with a key and a certificate of its own: it is ready soon, small, and seals for each.
#[tokio::test(flavor = "multi_thread")]
async fn a_box_of_thirty_two_members_starts_at_once_and_stays_small() {
    const MEMBERS: u32 = 32;
    const READY: Duration = Duration::from_secs(3);
    const RESIDENT: u64 = 96 << 20;
    let codes: Vec<String> = (0..MEMBERS).map(|n| format!("000.00.{n:02}.G09")).collect();
    let mut plan = plan();
    plan.boxes[0]
        .members
        .extend(codes.iter().map(|code| MemberPlan {
            code: member(code),
            name: format!("Cơ quan {code}"),
        }));
    plan.boxes[0].members.remove(0);
    let mut world = World::with(&plan);
    [Sender, SenderSigner]
        .into_iter()
        .for_each(|who| world.kill(who));
    let begun = Instant::now();
    [SenderSigner, Sender]
        .into_iter()
        .for_each(|who| world.again(who));
    let ready = begun.elapsed();
    assert!(ready < READY, "start to ready took {ready:?}");

    let all: Vec<_> = codes
        .iter()
        .map(|code| {
            let mut draft = document(&RECEIVERS[..1], 1);
            draft.from = member(code);
            let software = Arc::new(world.software(code));
            tokio::spawn(persist(software, draft.edxml().unwrap()))
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    let receiver = world.software(RECEIVERS[0]);
    let rows = received(&receiver, codes.len()).await;
    let mut from: Vec<&str> = rows
        .iter()
        .map(|row| row["from"].as_str().unwrap())
        .collect();
    from.sort_unstable();
    // Delivered means that each seal was made with the certificate that the directory has for its member.
    assert_eq!(from, codes, "one document of each member");
    keys_apart(&world, &codes).await;
    for who in [Sender, SenderSigner] {
        let peak = world.process(who).peak_memory().unwrap();
        assert!(peak < RESIDENT, "{who:?} used {} MiB", peak >> 20);
        println!("{who:?}: ready after {ready:?}, {} MiB at most", peak >> 20);
    }
}

/// Whoever reaches the signer's socket has no member's key seal for another member, whatever key and log they name.
async fn keys_apart(world: &World, codes: &[String]) {
    let socket = world.machine(SenderSigner).signer_socket();
    let client = signer::Client::new(&socket).unwrap();
    for own in codes {
        for other in codes {
            let forged = Checkpoint {
                origin: other.clone(),
                size: 1_000_000,
                root: [7; 32],
                extensions: Vec::new(),
            };
            let request = SealRequest {
                checkpoint: forged.body().into_bytes(),
                proof: Vec::new(),
                from_size: 1_000_000,
            };
            let answer = client.seal(&format!("seal-{own}"), request).await;
            match answer {
                // One's own key asks for a proof first: the log is another one.
                Ok(SealAnswer::Behind { .. }) => assert_eq!(own, other),
                Ok(signed) => panic!("{own} for {other}: {signed:?}"),
                Err(error) => {
                    let words = format!("a checkpoint of {other} under the key of {own}");
                    assert!(error.to_string().contains(&words), "{error}");
                }
            }
        }
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
    let from = world.process(Sender).lines();
    world.again(SenderSigner);
    world.said(Sender, from, &ids::SIGNER_BACK, 0, |line| {
        line["STEP"] == "seal"
    });
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

/// A sister key has a certificate of its own: the hub and the receivers take its seals, since the directory knows both.
#[tokio::test(flavor = "multi_thread")]
async fn a_sister_key_in_a_second_token_seals_while_the_first_is_away() {
    const AFTER: Duration = Duration::from_millis(500);
    let (mut world, mut network) = world_with_network();
    arrive(&world, vec![edxml(0)], 1).await;
    let sister = world.sister(SenderSigner, &mut network, AFTER);
    let own = first_certificate(&world.machine(SenderSigner).chain(&format!("seal-{SENDER}")));
    let prints = [&own, &sister].map(|der| Fingerprint::of(der));
    enter(&world.exchange, &[registered(&world, prints.to_vec())]);

    let from = world.process(Sender).lines();
    let signer_from = world.process(SenderSigner).lines();
    network.kill();
    let gone = Instant::now();
    let documents = answered(&world, 1).await;
    world.said(SenderSigner, signer_from, &ids::STANDBY_SERVES, 0, |_| true);
    world.said(Sender, from, &ids::PACKET_SEALED, AWAY - 1, |_| true);
    let sealed = gone.elapsed();
    assert!(
        AFTER <= sealed && sealed < AFTER + 2 * AT_ONCE,
        "after {sealed:?}"
    );
    let verifier = Verifier::of(&world);
    for code in RECEIVERS {
        let software = world.software(code);
        let mut got = Vec::new();
        for row in received(&software, AWAY).await {
            let doc = row["docId"].as_str().unwrap();
            let bytes = software.get(doc).await.unwrap().document().unwrap();
            assert!(verifier.proves(&software, doc, &bytes).await);
            got.push(bytes);
        }
        got.sort();
        let mut sent = documents.clone();
        sent.sort();
        assert_eq!(got, sent);
    }

    // Back again, the first serves at once, and its own certificate stands in the seals.
    let signer_from = world.process(SenderSigner).lines();
    network.start();
    let back = Instant::now();
    let more = answered(&world, 1 + AWAY).await;
    world.said(SenderSigner, signer_from, &ids::TOKEN_BACK, 0, |_| true);
    assert!(back.elapsed() < 2 * AT_ONCE, "{:?}", back.elapsed());
    let all: Vec<_> = documents.into_iter().chain(more).collect();
    arrive(&world, all, 1 + 2 * AWAY).await;
}

/// [`SENDER`] as the hub's operator enters it.
fn registered(world: &World, seal: Vec<Fingerprint>) -> Change {
    let (machine, tenant) = world.exchange.tenant(&member(SENDER)).unwrap();
    Change::AddMember(Box::new(Member {
        level: 1,
        box_code: Some(machine.code.clone()),
        seal,
        ..Member::new(tenant.code.clone(), 1, tenant.name.clone())
    }))
}
