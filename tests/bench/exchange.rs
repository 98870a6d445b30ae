//! `make bench`: the exchange under load beside nginx, on this machine, in one run.
//!
//! `to_hub.*` counts documents for which the sender's box holds the hub's verified receipt; `end_to_end.*` counts
//! documents that the receiving software listed, got and confirmed. Software speaks HTTPS. The generator keeps a
//! bounded number of documents on their way, so that each run is steady, with the hub keeping up.

mod collect;
mod load;
mod peers;
mod renewal;
mod report;
mod request;
mod rows;
mod tenancy;
mod wire;
mod world;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    // `cargo test --benches` only asks whether it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(rows::all())
}
