//! `trucgate signer`: alone with the token.

use std::path::{Path, PathBuf};

use tokio::sync::watch;

use super::run::{self, Failure};
use crate::clock::Clock;
use crate::config;
use crate::durable::Disk;
use crate::journal;
use crate::signer::{self, Config};

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config: Config = config::load(path).map_err(Failure::configuration)?;
    run::process(2, |signals| async move {
        let place = config.socket.display().to_string();
        let server = signer::server::Server::bind(config, Disk::real(), Clock::system())
            .await
            .map_err(failure)?;
        tokio::spawn(reload(path.to_owned(), server.reload(), signals.reload));
        run::ready("signer", &place);
        server.serve(signals.stop).await.map_err(failure)
    })
}

/// SIGHUP: keys and certificates are read again; what can't be used leaves the old in force.
async fn reload(path: PathBuf, reload: signer::server::Reload, mut asked: watch::Receiver<u64>) {
    while asked.changed().await.is_ok() {
        let done = match config::load(&path) {
            Ok(config) => reload.keys(&config).await.map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(reason) = done {
            journal::line(&journal::ids::CONFIGURATION_REFUSED)
                .step("reload")
                .reason(reason)
                .next("mend the file and reload again; what was in force stays")
                .error("keys could not be read again");
        }
    }
}

fn failure(error: signer::Error) -> Failure {
    match error {
        signer::Error::Broken(reason) => Failure::with(run::CONFIGURATION, reason),
        other => Failure::other(other),
    }
}
