//! `trucgate provision ca ocsp` and `ca tsa`: the TEST CA's servers, plain HTTP: what they give carries its own signature.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::{Chance, Clock};
use crate::cmd::run::{self, Failure};
use crate::durable::Disk;
use crate::https::{Handler, Server, ServerConfig};
use crate::journal;
use crate::provision::ca::{Ca, Layout, OcspDesk, Settings, TsaDesk};

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Ocsp {
    /// Thư mục của CA / directory of the CA
    #[arg(long)]
    dir: PathBuf,
    /// Địa chỉ lắng nghe / where to listen
    #[arg(long, default_value = "127.0.0.1:8888")]
    listen: SocketAddr,
    /// Số phút mỗi câu trả lời có hiệu lực / minutes for which an answer is good
    #[arg(long, default_value_t = 60)]
    minutes: u32,
}

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Tsa {
    /// Thư mục của CA / directory of the CA
    #[arg(long)]
    dir: PathBuf,
    /// Địa chỉ lắng nghe / where to listen
    #[arg(long, default_value = "127.0.0.1:8889")]
    listen: SocketAddr,
}

pub(super) fn ocsp(arguments: &Ocsp) -> Result<(), Failure> {
    let desk = OcspDesk::new(open(&arguments.dir)?, arguments.minutes);
    serve("ocsp", desk, arguments.listen)
}

pub(super) fn tsa(arguments: &Tsa) -> Result<(), Failure> {
    serve("tsa", TsaDesk::new(open(&arguments.dir)?), arguments.listen)
}

/// Without the directory's lock: certificates are issued and revoked while this runs.
fn open(directory: &Path) -> Result<Ca, Failure> {
    let layout = Layout::at(directory);
    Settings::read(&layout).map_err(Failure::other)?;
    Ca::open(layout, Disk::real(), Clock::system(), Chance::system()).map_err(Failure::other)
}

fn serve(name: &'static str, desk: impl Handler, listen: SocketAddr) -> Result<(), Failure> {
    let _journal = journal::init(&format!("trucgate-ca-{name}"));
    run::process(2, |signals| async move {
        let server = Server::bind(ServerConfig::plain(listen)).map_err(Failure::other)?;
        run::ready(name, &server.local_addr().to_string());
        server.serve(Arc::new(desk), signals.stop).await;
        Ok(())
    })
}
