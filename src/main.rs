//! One verb, one exit code.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    trucgate::cmd::main(trucgate::cmd::Arguments::parse())
}
