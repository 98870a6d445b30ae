//! `trucgate provision enrol`: the box asks the hub to be registered, with TLS by its own key in the token.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use super::steps::{At, open, show};
use crate::clock::Clock;
use crate::cmd::run::{self, Failure};
use crate::durable::Disk;
use crate::https::{Client, ClientConfig, ClientTls};
use crate::provision::HeldKey;
use crate::provision::bench::Bench;
use crate::provision::enrol::enrolment;
use crate::provision::plan::TLS_KEY;
use crate::tls::{self, Credential, Current, Grounds, HubVerifier, Judge};
use crate::uplink::enrolment::{self as wire, Enrolled};

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Enrol {
    #[command(flatten)]
    at: At,
    /// Mã dùng một lần do người vận hành Trục đưa / single-use code from the hub's operator
    #[arg(long)]
    code: Option<String>,
    /// Ghi đăng ký ra tệp để chuyển tay, không qua mạng / write it to a file to be carried by hand
    #[arg(long, requires = "code")]
    file: Option<PathBuf>,
}

pub(super) fn run(arguments: Enrol) -> Result<(), Failure> {
    let (mut bench, _alone) = open(&arguments.at.dir)?;
    bench.ready_to_enrol().map_err(Failure::other)?;
    let token = bench.workbench().map_err(Failure::other)?;
    let message = match &arguments.code {
        Some(code) => Some(enrolment(&bench, &token, code).map_err(Failure::other)?),
        None => None,
    };
    if let (Some(file), Some(message)) = (&arguments.file, &message) {
        let json = serde_json::to_vec_pretty(message).map_err(Failure::other)?;
        Disk::real()
            .replace_secret(file, &json)
            .map_err(Failure::other)?;
        println!(
            "Chuyển tay tệp này đến người vận hành Trục / carry this file to the hub's operator:\n  trucgate hub --config HUB-CONFIG admin enrol {}\n",
            file.display()
        );
        bench.enrolled(&Enrolled::Pending).map_err(Failure::other)?;
        show(&bench);
        return Ok(());
    }
    let token = Arc::new(Mutex::new(token));
    let said = run::process(2, |_| async {
        let client = client(&bench, &token)?;
        let asked = match &message {
            Some(message) => wire::enrol(&client, message).await,
            None => wire::enrolled(&client).await,
        };
        let said = asked.map_err(Failure::other)?;
        bench.enrolled(&said).map_err(Failure::other)?;
        if let Some(message) = &message {
            println!(
                "Vân tay để so với người vận hành Trục / fingerprints to compare with the hub's operator:"
            );
            let print = |what: &str, shown: &wire::Shown| {
                if let Ok(print) = shown.fingerprint() {
                    println!("  {what:<20} {print}");
                }
            };
            print("TLS", &message.tls);
            for member in &message.members {
                print(member.code.as_str(), &member.seal);
            }
        }
        println!("Trục / the hub: {said}\n");
        match said {
            Enrolled::Refused(_) => Err(Failure::other(said)),
            _ => Ok(()),
        }
    });
    said?;
    show(&bench);
    Ok(())
}

/// Asks the hub whether the enrolment was approved; writes it down.
pub(super) async fn refresh(
    bench: &mut Bench,
    token: &Arc<Mutex<hsm::Workbench>>,
) -> Result<Enrolled, Failure> {
    let client = client(bench, token)?;
    let said = wire::enrolled(&client).await.map_err(Failure::other)?;
    bench.enrolled(&said).map_err(Failure::other)?;
    Ok(said)
}

/// A client of the hub's door of enrolments that presents the box's certificate.
fn client(bench: &Bench, token: &Arc<Mutex<hsm::Workbench>>) -> Result<Client, Failure> {
    let clock = Clock::system();
    let chain = bench.chain(TLS_KEY).map_err(Failure::other)?;
    let key = Arc::new(HeldKey::new(token, TLS_KEY));
    let credential = Credential::new(chain, key).map_err(Failure::other)?;
    let trust = bench.plan.trust.load().map_err(Failure::configuration)?;
    let (_keep, grounds) = watch::channel(Grounds::new(Arc::new(trust), None));
    let judge = Judge::new(grounds, clock.clone());
    let hub = &bench.plan.hub;
    let verifier = HubVerifier::new(judge, Some(hub.code.clone()), true);
    let config = tls::client_config(Current::new(credential), verifier, clock, &["h2"])
        .map_err(Failure::configuration)?;
    let (_keep, config) = watch::channel(config);
    Ok(Client::http2(ClientConfig::new(
        hub.enrolment.clone(),
        Some(ClientTls {
            config,
            server_name: hub.name.clone(),
            judge: None,
        }),
    )))
}
