//! `trucgate hub`.

use super::run::Failure;

/// hub
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {}

pub(super) fn run(_arguments: Arguments) -> Result<(), Failure> {
    Ok(())
}
