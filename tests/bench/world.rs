//! An exchange under load: real processes, RSA-2048 seal keys in soft tokens.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use trucgate::cmd::demo::exchange::Exchange;
use trucgate::cmd::demo::process::Process;
use trucgate::journal::ids;
use trucgate::packet::MemberId;
use trucgate::provision::lab::{BoxPlan, Machine, MemberPlan, Plan, Tenant};
use trucgate::provision::token::Kind;

use crate::request::Documents;
use crate::wire::{self, Endpoint};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The member of the second box, or one that is only listed.
pub(crate) const RECEIVER: &str = "000.00.00.H41";

pub(crate) struct World {
    pub(crate) exchange: Exchange,
    _directory: TempDir,
    /// Counts of the first box's relay.
    pub(crate) accepted: Arc<AtomicU64>,
    lost: Vec<Arc<AtomicU64>>,
    processor: Vec<(String, u64)>,
}

/// What is to be started.
#[derive(Clone, Copy)]
pub(crate) struct Wanted {
    /// Members of the first box.
    pub(crate) senders: usize,
    /// Whether the receiver has a box.
    pub(crate) receiver: bool,
    /// Least milliseconds of a signature at the boxes' tokens.
    pub(crate) slow_token_ms: Option<u64>,
}

impl Wanted {
    pub(crate) const TO_HUB: Self = Self {
        senders: 1,
        receiver: false,
        slow_token_ms: None,
    };
    pub(crate) const END_TO_END: Self = Self {
        receiver: true,
        ..Self::TO_HUB
    };
}

impl World {
    pub(crate) fn start(wanted: Wanted) -> Result<Self, Failure> {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let executable = env!("CARGO_BIN_EXE_trucgate").as_ref();
        let exchange = Exchange::start(&plan(wanted)?, directory.path(), executable)?;
        let counted = [
            &ids::PACKET_ACCEPTED,
            &ids::LINES_DROPPED,
            &ids::PACKET_KEPT,
            &ids::PACKET_SEALED,
            &ids::PACKET_DELIVERED,
            &ids::DOCUMENT_COLLECTED,
            &ids::RECEIPT_VERIFIED,
            &ids::SIGNER_SIGNATURE,
        ];
        let mut lost = Vec::new();
        let mut accepted = Arc::default();
        for (process, name) in processes(&exchange) {
            let counts = process.count_only(&counted);
            if name == "relay 1" {
                accepted = counts[0].clone();
            }
            lost.push(counts[1].clone());
        }
        let mut world = Self {
            exchange,
            _directory: directory,
            accepted,
            lost,
            processor: Vec::new(),
        };
        world.processor = world.processor_now();
        Ok(world)
    }

    /// How often lines were lost, which makes counts of lines wrong.
    pub(crate) fn lines_lost(&self) -> u64 {
        let count = |one: &Arc<AtomicU64>| one.load(std::sync::atomic::Ordering::Relaxed);
        self.lost.iter().map(count).sum()
    }

    /// Processor time of each process since the last question.
    pub(crate) fn processor(&mut self) -> Vec<(String, Duration)> {
        let now = self.processor_now();
        let spent = now
            .iter()
            .zip(&self.processor)
            .map(|((name, now), (_, before))| {
                (name.clone(), Duration::from_millis((now - before) * 10))
            })
            .collect();
        self.processor = now;
        spent
    }

    fn processor_now(&self) -> Vec<(String, u64)> {
        processes(&self.exchange)
            .map(|(process, name)| (name, ticks(process.id())))
            .chain([("bench".to_owned(), ticks(std::process::id()))])
            .collect()
    }

    /// Peak resident memory of each process in MiB.
    pub(crate) fn peaks(&self) -> Vec<(String, f64)> {
        processes(&self.exchange)
            .filter_map(|(process, name)| Some((name, process.peak_memory()? as f64 / 1_048_576.0)))
            .collect()
    }

    /// Spawn to READY of the first box's relay.
    pub(crate) fn restart_relay(&mut self) -> Result<Duration, Failure> {
        if let Some(mut relay) = self.exchange.boxes[0].main.take() {
            relay.terminate()?;
        }
        let begun = Instant::now();
        self.exchange.start_relay(0)?;
        Ok(begun.elapsed())
    }

    pub(crate) fn receiver(&self) -> Result<(&Machine, &Tenant), Failure> {
        Ok(self.exchange.tenant(&RECEIVER.parse()?)?)
    }

    /// Where a machine's software goes: HTTPS, the box's certificate judged, none of its own.
    pub(crate) fn endpoint(&self, machine: &Machine) -> Result<Endpoint, Failure> {
        let read = |path: std::path::PathBuf| -> Result<Vec<u8>, Failure> {
            let text = std::fs::read_to_string(path)?;
            let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
            Ok(data_encoding::BASE64.decode(body.as_bytes())?)
        };
        Ok(Endpoint {
            address: machine.address.to_string(),
            tls: Some(wire::tls(&[read(self.exchange.lab.anchors())?], None)?),
        })
    }

    /// Documents of sender `number` to the receiver.
    pub(crate) fn documents(&self, number: usize, size: u64) -> Result<Arc<Documents>, Failure> {
        let tenant = &self.exchange.lab.boxes[0].tenants[number];
        let software = self.exchange.software(&tenant.code)?;
        Ok(Arc::new(Documents::new(
            &software,
            &tenant.secret,
            &tenant.code,
            &[RECEIVER.parse()?],
            size,
        )?))
    }
}

fn processes(exchange: &Exchange) -> impl Iterator<Item = (&Process, String)> {
    let hub = [
        (&exchange.hub.signer, "signer"),
        (&exchange.hub.main, "hub"),
    ];
    let hub = hub.map(|(process, name)| {
        let suffix = if name == "signer" { " hub" } else { "" };
        (process, format!("{name}{suffix}"))
    });
    let boxes = exchange.boxes.iter().enumerate().flat_map(|(at, pair)| {
        [
            (&pair.signer, format!("signer {}", at + 1)),
            (&pair.main, format!("relay {}", at + 1)),
        ]
    });
    hub.into_iter()
        .chain(boxes)
        .filter_map(|(process, name)| Some((process.as_ref()?, name)))
}

/// User and system time in hundredths of a second.
fn ticks(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let behind = stat.rsplit(") ").next().unwrap_or("");
    behind
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum()
}

/// Resident memory now, in MiB.
pub(crate) fn resident(id: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(f64::NAN, |kilobytes| kilobytes / 1_024.0)
}

fn plan(wanted: Wanted) -> Result<Plan, Failure> {
    let planned = |code: &str| -> Result<MemberPlan, Failure> {
        Ok(MemberPlan {
            code: code.parse::<MemberId>()?,
            name: format!("Cơ quan {code}"),
        })
    };
    let senders = (0..wanted.senders).map(|number| planned(&format!("000.00.{number:02}.G22")));
    let mut boxes = vec![BoxPlan {
        code: "00.02.W00".parse()?,
        members: senders.collect::<Result<_, _>>()?,
    }];
    let mut listed = vec![planned(RECEIVER)?];
    if wanted.receiver {
        boxes.push(BoxPlan {
            code: "00.03.W00".parse()?,
            members: std::mem::take(&mut listed),
        });
    }
    Ok(Plan {
        hub: "00.01.W00".parse()?,
        boxes,
        listed,
        seal_keys: Kind::Rsa2048,
        slow_token_ms: wanted.slow_token_ms,
        clock: None,
    })
}
