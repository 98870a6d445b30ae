//! `trucgate signer`: alone with the token.

use std::path::Path;

use super::run::{self, Failure};
use crate::clock::Clock;
use crate::config;
use crate::durable::Disk;
use crate::signer::{self, Config};

pub(super) fn run(path: &Path) -> Result<(), Failure> {
    let config: Config = config::load(path).map_err(Failure::configuration)?;
    run::process(2, |signals| async move {
        let place = config.socket.display().to_string();
        let server = signer::server::Server::bind(config, Disk::real(), Clock::system())
            .await
            .map_err(failure)?;
        run::ready("signer", &place);
        server.serve(signals.stop).await.map_err(failure)
    })
}

fn failure(error: signer::Error) -> Failure {
    match error {
        signer::Error::Broken(reason) => Failure::with(run::CONFIGURATION, reason),
        other => Failure::other(other),
    }
}
