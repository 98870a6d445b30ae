//! The rows, one after the other, each in an exchange of its own.

use std::collections::HashMap;
use std::time::Duration;

use crate::collect::Collector;
use crate::load::{Arrivals, Departures, Outcome, Sender, Shape, quantile, run};
use crate::peers::Nginx;
use crate::renewal;
use crate::report::{self, Row};
use crate::tenancy;
use crate::world::{Wanted, World, resident};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes that one row may leave on the disk.
const DISK: u64 = 6 << 30;
/// Milliseconds of a signature of the slow token: 50 a second.
const SLOW: u64 = 20;

/// A document size of the table.
#[derive(Clone, Copy)]
struct Size {
    name: &'static str,
    bytes: u64,
    connections: usize,
    window: usize,
}

const SIZES: [Size; 3] = [
    Size {
        name: "4k",
        bytes: 4 << 10,
        connections: 64,
        window: 1_000,
    },
    Size {
        name: "100k",
        bytes: 100 << 10,
        connections: 32,
        window: 256,
    },
    Size {
        name: "10m",
        bytes: 10 << 20,
        connections: 8,
        window: 16,
    },
];

struct Bench {
    steady: Duration,
    only: Option<Vec<String>>,
    rows: Vec<Row>,
    /// nginx's requests a second by size.
    peers: HashMap<&'static str, Outcome>,
}

/// Takes all rows, or those that `BENCH_ROWS` names.
pub(crate) async fn all() -> Result<(), Failure> {
    let seconds = match std::env::var("BENCH_SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => 60,
    };
    let only = std::env::var("BENCH_ROWS").ok();
    let mut bench = Bench {
        steady: Duration::from_secs(seconds),
        only: only.map(|names| names.split(',').map(str::to_owned).collect()),
        rows: Vec::new(),
        peers: HashMap::new(),
    };
    let ran = bench.run().await;
    report::write(&bench.rows, seconds)?;
    ran
}

impl Bench {
    async fn run(&mut self) -> Result<(), Failure> {
        if self.wants("relay.") {
            self.relay_alone().await?;
        }
        for size in SIZES {
            if self.wants(&format!("to_hub.{}", size.name)) {
                self.peer(size).await?;
                self.accepted(size).await?;
            }
        }
        let small = SIZES[0];
        for (name, senders, window) in [
            ("to_hub.4k.slow_token", 1, small.window),
            ("to_hub.4k.slow_token.32m", 32, 4 * small.window),
        ] {
            if self.wants(name) {
                let size = Size { window, ..small };
                self.slow_token(name, senders, size).await?;
            }
        }
        for size in SIZES {
            if self.wants(&format!("end_to_end.{}", size.name)) {
                self.end_to_end(size).await?;
            }
        }
        if self.wants("tenancy.") {
            self.tenancy().await?;
        }
        if self.wants("renewal.4k") {
            self.renewal(small).await?;
        }
        Ok(())
    }

    /// Whether a row is asked for; a name that ends with a dot stands for all that begin so.
    fn wants(&self, name: &str) -> bool {
        let fits = |one: &String| {
            one == name
                || (one.ends_with('.') && name.starts_with(one.as_str()))
                || (name.ends_with('.') && one.starts_with(name))
        };
        self.only.as_ref().is_none_or(|only| only.iter().any(fits))
    }

    fn shape(&self, size: Size) -> Shape {
        let seconds = self.steady.as_secs() + 6;
        let most = (DISK / size.bytes).min(seconds * 20_000);
        Shape {
            steady: self.steady,
            window: size.window,
            pace: None,
            first: 0,
            most: u32::try_from(most).unwrap_or(u32::MAX),
        }
    }

    /// nginx with the same requests, connections and client; the sender's certificate is the one thing more.
    async fn peer(&mut self, size: Size) -> Result<(), Failure> {
        let world = World::start(Wanted::TO_HUB)?;
        let documents = world.documents(0, size.bytes)?;
        drop(world);
        for (kind, keep) in [("nginx", false), ("durable", true)] {
            let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
            let nginx = Nginx::start(directory.path(), keep).await?;
            let sender = Sender {
                endpoint: nginx.endpoint.clone(),
                documents: documents.clone(),
                connections: size.connections,
            };
            let mut shape = self.shape(size);
            shape.steady = shape.steady.min(Duration::from_secs(10));
            let none = Departures::new(0);
            let outcome = run(&[sender], Arrivals::Answers, shape, none).await?;
            trouble(&format!("{kind}.{}", size.name), &outcome)?;
            let name = format!("{kind}.{}", size.name);
            let what = if keep {
                "nginx before a writer that syncs the bytes twice"
            } else {
                "nginx as plain mutual TLS proxy, nothing kept"
            };
            self.put(Row::alone(&name, outcome.rate, "1/s", what));
            let slot = match (kind, size.name) {
                ("nginx", name) => name,
                (_, "4k") => "durable.4k",
                (_, "100k") => "durable.100k",
                _ => "durable.10m",
            };
            self.peers.insert(slot, outcome);
        }
        Ok(())
    }

    async fn accepted(&mut self, size: Size) -> Result<(), Failure> {
        let mut world = World::start(Wanted::TO_HUB)?;
        let outcome = self.sends(&mut world, size, self.shape(size)).await?;
        let name = format!("to_hub.{}", size.name);
        trouble(&name, &outcome)?;
        self.rate(&name, size, &outcome);
        if size.name == "4k" {
            let nginx = &self.peers[size.name];
            for (name, share) in [("answer.full.p50", 0.5), ("answer.full.p99", 0.99)] {
                let (ours, theirs) = (
                    quantile(&outcome.answers, share),
                    quantile(&nginx.answers, share),
                );
                let what = "the software's answer at full load; nginx at its own";
                self.rows
                    .push(Row::beside(name, ours, "ms", Some(theirs), what));
            }
            for (process, mebibytes) in world.peaks() {
                let name = format!("{}.rss.load", process.replace(' ', "."));
                let what = "peak during to_hub.4k";
                self.put(Row::alone(&name, mebibytes, "MiB", what));
            }
        }
        Ok(())
    }

    async fn slow_token(&mut self, name: &str, senders: usize, size: Size) -> Result<(), Failure> {
        let mut world = World::start(Wanted {
            senders,
            slow_token_ms: Some(SLOW),
            ..Wanted::TO_HUB
        })?;
        let outcome = self.sends(&mut world, size, self.shape(size)).await?;
        trouble(name, &outcome)?;
        let fast = self.rows.iter().find(|row| row.name == "to_hub.4k");
        let fast = fast.map(|row| row.value);
        let what = "to_hub.4k with the token as it is";
        self.put(Row::beside(name, outcome.rate, "1/s", fast, what));
        Ok(())
    }

    /// All members of the first box send until the hub has all of it.
    async fn sends(&self, world: &mut World, size: Size, shape: Shape) -> Result<Outcome, Failure> {
        let machine = &world.exchange.lab.boxes[0];
        let endpoint = world.endpoint(machine)?;
        let members = machine.tenants.len();
        let mut senders = Vec::new();
        for number in 0..members {
            senders.push(Sender {
                endpoint: endpoint.clone(),
                documents: world.documents(number, size.bytes)?,
                connections: (size.connections / members).max(1),
            });
        }
        world.processor();
        let arrivals = Arrivals::Counted(world.accepted.clone());
        let outcome = run(&senders, arrivals, shape, Departures::new(0)).await?;
        costs(world, &outcome);
        Ok(outcome)
    }

    async fn end_to_end(&mut self, size: Size) -> Result<(), Failure> {
        let mut world = World::start(Wanted::END_TO_END)?;
        let mut shape = self.shape(size);
        let name = format!("end_to_end.{}", size.name);
        let (outcome, _) = through(&mut world, size, shape).await?;
        trouble(&name, &outcome)?;
        self.rate(&name, size, &outcome);
        if size.name != "4k" {
            return Ok(());
        }
        drop(world);
        let mut world = World::start(Wanted::END_TO_END)?;
        shape.pace = Some((outcome.rate / 2.0).max(1.0));
        let (paced, times) = through(&mut world, size, shape).await?;
        trouble("end_to_end.p50", &paced)?;
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let what = "4 KiB at half of end_to_end.4k's rate";
            let answer = quantile(&paced.answers, share);
            self.put(Row::alone(&format!("answer.{name}"), answer, "ms", what));
            let end = quantile(&times, share);
            self.put(Row::alone(&format!("end_to_end.{name}"), end, "ms", what));
        }
        Ok(())
    }

    /// One member's answers while another one of its box floods.
    async fn tenancy(&mut self) -> Result<(), Failure> {
        let beside = tenancy::beside(self.steady).await?;
        for outcome in [&beside.alone, &beside.flooded, &beside.flood] {
            trouble("tenancy", outcome)?;
        }
        for (name, share) in [("tenancy.p50", 0.5), ("tenancy.p99", 0.99)] {
            let (alone, flooded) = beside.quantiles(share);
            let what = "a quiet member's answer while another floods; alone; bound: 2";
            self.put(Row::beside(name, flooded, "ms", Some(alone), what));
        }
        let what = "documents of the one that floods";
        self.put(Row::alone("tenancy.flood", beside.flood.rate, "1/s", what));
        Ok(())
    }

    /// Each certificate renewed at full load; a request that fails or a packet that stays unsealed fails the row.
    async fn renewal(&mut self, size: Size) -> Result<(), Failure> {
        let shape = self.shape(size);
        let (outcome, took) = renewal::under_load(size.bytes, size.connections, shape).await?;
        trouble("renewal.4k", &outcome)?;
        let steady = self.rows.iter().find(|row| row.name == "to_hub.4k");
        let steady = steady.map(|row| row.value);
        let what = "to_hub.4k; here all four certificates are renewed meanwhile";
        self.put(Row::beside("renewal.4k", outcome.rate, "1/s", steady, what));
        let what = "four renewals one after the other";
        self.put(Row::alone("renewal.took", took.as_secs_f64(), "s", what));
        Ok(())
    }

    /// Memory at rest and with the largest document, time to start.
    async fn relay_alone(&mut self) -> Result<(), Failure> {
        let mut world = World::start(Wanted::TO_HUB)?;
        let mut starts = Vec::new();
        for _ in 0..5 {
            starts.push(world.restart_relay()?.as_secs_f64());
        }
        starts.sort_by(f64::total_cmp);
        drop(world);
        let mut world = World::start(Wanted::TO_HUB)?;
        let pairs = [
            ("relay.rss.idle", &world.exchange.boxes[0].main),
            ("relay.signer.rss.idle", &world.exchange.boxes[0].signer),
            ("hub.rss.idle", &world.exchange.hub.main),
            ("hub.signer.rss.idle", &world.exchange.hub.signer),
        ];
        for (name, process) in pairs {
            let mebibytes = process.as_ref().map_or(f64::NAN, |one| resident(one.id()));
            let what = "after start; bound: 32";
            self.rows.push(Row::alone(name, mebibytes, "MiB", what));
        }
        let what = "spawn to READY, median of 5; bound: 1";
        self.put(Row::alone("relay.start", starts[2], "s", what));
        let one = Size {
            name: "1g",
            bytes: 1 << 30,
            connections: 1,
            window: 1,
        };
        let mut shape = self.shape(one);
        shape.most = 1;
        let outcome = self.sends(&mut world, one, shape).await?;
        trouble("relay.rss.1g", &outcome)?;
        let relay = world
            .peaks()
            .into_iter()
            .find(|(name, _)| name == "relay 1");
        let what = "peak while 1 GiB passes; bound: 64";
        let peak = relay.map_or(f64::NAN, |(_, mebibytes)| mebibytes);
        self.put(Row::alone("relay.rss.1g", peak, "MiB", what));
        let hub = world.peaks().into_iter().find(|(name, _)| name == "hub");
        let peak = hub.map_or(f64::NAN, |(_, mebibytes)| mebibytes);
        self.put(Row::alone("hub.rss.1g", peak, "MiB", what));
        Ok(())
    }

    fn rate(&mut self, name: &str, size: Size, outcome: &Outcome) {
        let rate = |slot: &str| self.peers.get(slot).map(|peer| peer.rate);
        let (nginx, durable) = (rate(size.name), rate(&format!("durable.{}", size.name)));
        let what = "nginx as plain mutual TLS proxy";
        self.put(Row::beside(name, outcome.rate, "1/s", nginx, what));
        if durable.is_some() {
            let name = format!("{name}.vs_durable");
            let what = "nginx and a writer that syncs twice";
            self.put(Row::beside(&name, outcome.rate, "1/s", durable, what));
        }
    }

    fn put(&mut self, row: Row) {
        println!("{:<30} {:>12.2} {}", row.name, row.value, row.unit);
        self.rows.push(row);
    }
}

/// One member sends, another collects; gives the times from departure to the last byte at the receiver, too.
async fn through(
    world: &mut World,
    size: Size,
    shape: Shape,
) -> Result<(Outcome, Vec<u32>), Failure> {
    let documents = world.documents(0, size.bytes)?;
    let departures = Departures::new(shape.most);
    let (machine, tenant) = world.receiver()?;
    let collector = Collector::new(
        world.endpoint(machine)?,
        &world.exchange.software(&tenant.code)?,
        &tenant.secret,
        documents.clone(),
        departures.clone(),
    )?;
    let sender = Sender {
        endpoint: world.endpoint(&world.exchange.lab.boxes[0])?,
        documents,
        connections: size.connections,
    };
    world.processor();
    let collecting = tokio::spawn(collector.clone().run(size.connections.min(16)));
    let arrivals = Arrivals::Counted(collector.count());
    let mut outcome = run(&[sender], arrivals, shape, departures).await?;
    costs(world, &outcome);
    collector.stop();
    match tokio::time::timeout(Duration::from_secs(20), collecting).await {
        Ok(ended) => {
            if let Err(error) = ended? {
                outcome.tell(format!("collecting: {error}"));
            }
        }
        Err(_) => outcome.tell("collecting does not end".to_owned()),
    }
    Ok((outcome, collector.times()))
}

/// Where the processor's time went.
fn costs(world: &mut World, outcome: &Outcome) {
    let each: Vec<String> = world
        .processor()
        .into_iter()
        .map(|(name, spent)| {
            let each = spent.as_micros() as f64 / outcome.arrived.max(1) as f64;
            format!("{name} {each:.0}")
        })
        .collect();
    println!(
        "  {} documents; processor microseconds each: {}; lost journal lines {}",
        outcome.arrived,
        each.join(", "),
        world.lines_lost()
    );
}

fn trouble(name: &str, outcome: &Outcome) -> Result<(), Failure> {
    match outcome.trouble.as_slice() {
        [] => Ok(()),
        some => Err(format!("{name}: {}", some.join("; ")).into()),
    }
}
