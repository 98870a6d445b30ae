//! Each certificate of sender and hub renewed while documents come at full load: not one request may fail, not one
//! packet stay unsealed.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::process::Command;
use trucgate::cmd::demo::exchange::is;
use trucgate::cmd::demo::process::Process;
use trucgate::durable::Disk;
use trucgate::hub::admin::{CertificateOf, Change};
use trucgate::journal::ids;
use trucgate::provision::lab::Machine;
use trucgate::signer::KeyUse;
use trucgate::trust::directory::Fingerprint;
use trucgate::trust::issue::{Use, Wanted as Certificate};
use trucgate::trust::pem;
use x509_cert::der::{DecodePem, Encode};
use x509_cert::request::CertReq;

use crate::load::{Arrivals, Departures, Outcome, Sender, Shape, run};
use crate::world::{Wanted, World};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The load goes on at least that long, so that all renewals fall into it.
const LEAST: Duration = Duration::from_secs(60);
/// How long a new directory may take to reach everybody.
const SPREAD: Duration = Duration::from_secs(60);

/// What came of the load, and how long the renewals took.
pub(crate) async fn under_load(
    bytes: u64,
    connections: usize,
    mut shape: Shape,
) -> Result<(Outcome, Duration), Failure> {
    let world = World::start(Wanted::TO_HUB)?;
    let sender = Sender {
        endpoint: world.endpoint(&world.exchange.lab.boxes[0])?,
        documents: world.documents(0, bytes)?,
        connections,
    };
    shape.steady = shape.steady.max(LEAST);
    let arrivals = Arrivals::Counted(world.accepted.clone());
    let senders = [sender];
    let load = run(&senders, arrivals, shape, Departures::new(0));
    let renewals = async {
        let begun = Instant::now();
        let (hub, first) = (&world.exchange.lab.hub, &world.exchange.lab.boxes[0]);
        let seal = format!("seal-{}", first.tenants[0].code);
        for (machine, name) in [(first, "tls"), (first, &*seal), (hub, "tls"), (hub, "seal")] {
            renew(&world, machine, name)
                .await
                .map_err(|error| format!("{} {name}: {error}", machine.name))?;
        }
        Ok::<_, Failure>(begun.elapsed())
    };
    let (outcome, took) = tokio::try_join!(load, renewals)?;
    if took > shape.steady {
        return Err(format!("the renewals took {took:?}, longer than the load").into());
    }
    Ok((outcome, took))
}

async fn renew(world: &World, machine: &Machine, name: &str) -> Result<(), Failure> {
    let lab = &world.exchange.lab;
    step(machine, name, &["begin"]).await?;
    let request = std::fs::read_to_string(machine.chain(name).with_extension("next.csr"))?;
    let begin = request.find("-----BEGIN").ok_or("no request")?;
    let request = CertReq::from_pem(&request.as_bytes()[begin..])?;
    let (tls, now) = (name == "tls", trucgate::clock::Clock::system().now());
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let code = match name.strip_prefix("seal-") {
        Some(member) => member.parse()?,
        None => machine.code.clone(),
    };
    let der = lab.issue(&Certificate {
        spki_der: &request.info.public_key.to_der()?,
        usage: if tls {
            Use::Tls { names: &names }
        } else {
            Use::Seal
        },
        code: Some(&code),
        name: "TEST renewed",
        not_before: now - time::Duration::hours(1),
        not_after: now + time::Duration::days(700),
    })?;
    let file = lab.directory().join("issued.pem");
    Disk::real().replace(&file, pem::encode("CERTIFICATE", &der).as_bytes())?;
    step(machine, name, &["import", &file.to_string_lossy()]).await?;
    let use_ = if tls { KeyUse::Tls } else { KeyUse::Seal };
    let certificate = Fingerprint::of(&der);
    enter(
        world,
        &Change::AddCertificate(CertificateOf {
            code,
            use_,
            certificate,
        }),
    )
    .await?;
    step(machine, name, &["rehearse"]).await?;
    step(machine, name, &["switch", "--watch", "2"]).await
}

async fn step(machine: &Machine, name: &str, words: &[&str]) -> Result<(), Failure> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trucgate"));
    command
        .args(["provision", "renew", name, "--signer"])
        .arg(machine.signer_config())
        .arg("--config")
        .arg(machine.config())
        .args(words)
        .envs(machine.token_environment());
    done(command).await
}

/// What the hub's operator enters; returns when hub and box have the new directory.
async fn enter(world: &World, change: &Change) -> Result<(), Failure> {
    let exchange = &world.exchange;
    let processes = [&exchange.hub.main, &exchange.boxes[0].main];
    let from = processes.map(|one| one.as_ref().map_or(0, Process::lines));
    let file: &Path = &exchange.lab.directory().join("changes.json");
    Disk::real().replace(file, &serde_json::to_vec(&[change])?)?;
    tokio::task::block_in_place(|| {
        exchange.apply(file)?;
        for (process, from) in processes.into_iter().flatten().zip(from) {
            process.line(from, SPREAD, |line| is(line, &ids::DIRECTORY_UPDATED))?;
        }
        Ok::<_, String>(())
    })?;
    Ok(())
}

async fn done(mut command: Command) -> Result<(), Failure> {
    let output = command.output().await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}
