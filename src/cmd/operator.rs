//! Whom an operator asks and how: the process on this machine, or a box from afar with the operator's certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config;
use crate::control::key::{Key, KeyPlace};
use crate::control::{self, Answer, Ask};
use crate::https::{Client, ClientConfig, ClientTls};
use crate::tls::{self, Credential, Current, Grounds, HubVerifier, Judge};
use crate::trust::{Profile, Revocation, Trust, pem};

/// Exit code when nobody could be asked.
pub(super) const CANNOT_ASK: u8 = 3;

/// Where the processes of a machine listen, in the order in which they are tried.
const SOCKETS: [&str; 4] = [
    "/run/trucgate-relay/control.sock",
    "/run/trucgate-hub/control.sock",
    "/var/lib/trucgate-relay/control.sock",
    "/var/lib/trucgate-hub/control.sock",
];

#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Whom {
    /// Hỏi máy ở xa: ĐỊA CHỈ:CỔNG quản trị; đứng trước lệnh / asks a box from afar, at its management address; before the verb
    // Not global: behind a verb, `--box` names a box by its code.
    #[arg(
        long = "box",
        value_name = "HOST:PORT",
        requires = "operator",
        conflicts_with = "socket"
    )]
    address: Option<String>,
    /// Tệp của người vận hành: chứng thư, khoá, CA / the operator's file: certificate, key, authorities
    #[arg(long, global = true, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// Ổ cắm của tiến trình trên máy này / socket of the process on this machine
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// An operator's file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorFile {
    /// The operator's name, as the boxes' configuration lists it.
    pub(super) name: String,
    /// PEM: the operator's certificate, then its issuers.
    certificate: PathBuf,
    /// Where the key lies.
    pub(super) key: KeyPlace,
    /// The authorities of the boxes' certificates.
    anchors: Vec<PathBuf>,
    /// What is between them and the boxes' certificates.
    #[serde(default)]
    intermediates: Vec<PathBuf>,
    /// The name in a box's certificate, where it is not the host of `--box`.
    server_name: Option<String>,
}

impl Whom {
    /// Whether the command line says anything of it.
    pub(super) fn is_given(&self) -> bool {
        self.address.is_some() || self.operator.is_some() || self.socket.is_some()
    }

    /// Whether it is a box elsewhere.
    pub(super) fn is_remote(&self) -> bool {
        self.address.is_some()
    }

    /// The process behind that socket of this machine.
    pub(super) fn at(socket: PathBuf) -> Self {
        Self {
            socket: Some(socket),
            ..Self::default()
        }
    }

    /// Asks.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer, String> {
        if let Some(address) = &self.address {
            return remote(address, &self.file()?, ask);
        }
        let socket = match &self.socket {
            Some(socket) => socket.clone(),
            None => SOCKETS
                .map(PathBuf::from)
                .into_iter()
                .find(|path| path.exists())
                .ok_or_else(|| {
                    format!(
                        "không có tiến trình nào ở {} trên máy này; dùng --socket hoặc --box / no process here: give --socket or --box",
                        SOCKETS.join(", ")
                    )
                })?,
        };
        control::local(&socket, ask).map_err(|error| {
            format!("không hỏi được, tiến trình có chạy không? / can't ask, is it running? {error}")
        })
    }

    /// The operator's file.
    pub(super) fn file(&self) -> Result<OperatorFile, String> {
        let path = self
            .operator
            .as_deref()
            .ok_or("thiếu --operator / --operator is missing")?;
        config::load(path).map_err(|error| error.to_string())
    }
}

fn remote(address: &str, file: &OperatorFile, ask: &Ask) -> Result<Answer, String> {
    let chain = file.chain()?;
    let key = Key::open(&file.key).map_err(told)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(told)?;
    runtime.block_on(async {
        let credential = Credential::new(chain, Arc::new(key)).map_err(told)?;
        let client = client(address, file, credential)?;
        control::remote(&client, ask)
            .await
            .map_err(|error| format!("không hỏi được {address} / can't ask it: {error}"))
    })
}

fn client(address: &str, file: &OperatorFile, credential: Credential) -> Result<Client, String> {
    let trust = Trust::new(
        read_all(&file.anchors)?,
        read_all(&file.intermediates)?,
        Profile::default(),
        // A box's certificate is judged here by chain and name; its revocation is the business of box and hub.
        Revocation::none(),
    )
    .map_err(told)?;
    let (_, grounds) = watch::channel(Grounds::new(Arc::new(trust), None));
    let judge = Judge::new(grounds, Clock::system());
    let verifier = HubVerifier::new(judge, None, true);
    let current = Current::new(credential);
    let config =
        tls::client_config(current, verifier, Clock::system(), &["http/1.1"]).map_err(told)?;
    let (_, config) = watch::channel(config);
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let server_name = file.server_name.clone();
    Ok(Client::http1(ClientConfig::new(
        address,
        Some(ClientTls {
            config,
            server_name: server_name.unwrap_or_else(|| host.to_owned()),
            judge: None,
        }),
    )))
}

impl OperatorFile {
    /// The operator's certificate and those of its issuers, in DER.
    pub(super) fn chain(&self) -> Result<Vec<Vec<u8>>, String> {
        pem::certificates(&read(&self.certificate)?)
            .filter(|chain| !chain.is_empty())
            .ok_or_else(|| {
                format!(
                    "{}: không có chứng thư / no certificate in it",
                    self.certificate.display()
                )
            })
    }
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
