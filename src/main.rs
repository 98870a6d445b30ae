//! One verb, one exit code.

use std::process::ExitCode;

use clap::Parser;

/// Packets are made on one thread and dropped on another, which the C library's allocator does slowly.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    trucgate::cmd::main(trucgate::cmd::Arguments::parse())
}
