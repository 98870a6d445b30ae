//! `trucgate demo`: the whole exchange on this machine, with real processes and real documents.

pub mod documents;
pub mod exchange;
pub mod process;
mod smoke;

use std::path::PathBuf;

use super::run::{self, Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Thư mục làm việc / working directory
    #[arg(long, default_value = "target/demo")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    run::process(2, |_signals| async move {
        smoke::run(&arguments.directory)
            .await
            .map_err(Failure::other)
    })
}
