//! p11-kit between a signer and its token: a network HSM that can be taken away.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use trucgate::cmd::demo::exchange::READY;
use trucgate::cmd::demo::process::Process;
use trucgate::durable::Disk;
use trucgate::provision::lab::module;

use super::machines::Who;
use super::{World, executable};

/// The far end of a signer's module.
pub struct Network {
    socket: PathBuf,
    token: [(&'static str, PathBuf); 2],
    server: Option<Child>,
}

impl World {
    /// Starts a signer anew, with its token behind a network that [`Network`] takes away.
    pub fn network_token(&mut self, who: Who) -> Network {
        let machine = self.machine(who);
        let mut network = Network {
            socket: machine.directory.join("p11.socket"),
            token: machine.token_environment(),
            server: None,
        };
        let config = machine.signer_config();
        self.rewrite(&config, &module().to_string_lossy(), &client_module());
        network.start();
        self.kill(who);
        self.network_signer(who, &network);
        network
    }

    /// Starts the signer that [`World::network_token`] made.
    pub fn network_signer(&mut self, who: Who, network: &Network) {
        let machine = self.machine(who);
        let address = format!("unix:path={}", network.socket.display());
        let config = machine.signer_config();
        let mut signer = Process::start(
            "signer",
            executable(),
            &["signer", "--config", &config.to_string_lossy()],
            &[("P11_KIT_SERVER_ADDRESS", Path::new(&address))],
            &machine.directory,
        )
        .unwrap();
        signer.ready(READY).unwrap();
        *self.slot(who) = Some(signer);
    }

    /// Changes words of a configuration file.
    pub fn rewrite(&self, file: &Path, from: &str, to: &str) {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let text = text.replace(from, to);
        Disk::real().replace(file, text.as_bytes()).unwrap();
    }
}

impl Network {
    /// The token is there again.
    pub fn start(&mut self) {
        // A socket of the last server would be in the way.
        Disk::real().remove(&self.socket).unwrap();
        let mut server = Command::new("p11-kit")
            .args(["server", "--foreground", "--provider"])
            .arg(module())
            .arg("--name")
            .arg(&self.socket)
            .arg("pkcs11:")
            .envs(self.token.clone())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        // It names its address when it listens.
        let mut line = String::new();
        let mut said = BufReader::new(server.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        assert!(line.contains("P11_KIT_SERVER_ADDRESS"), "{line}");
        self.server = Some(server);
    }

    /// The token is gone.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            signal(&server, "-KILL");
            let _ = server.wait();
        }
    }

    /// The network swallows everything, or goes on.
    pub fn hang(&self, hang: bool) {
        let signal_ = if hang { "-STOP" } else { "-CONT" };
        signal(self.server.as_ref().unwrap(), signal_);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.kill();
    }
}

/// To the server and the children that serve its connections.
fn signal(server: &Child, signal: &str) {
    let group = format!("-{}", server.id());
    let sent = Command::new("kill").args([signal, "--", &group]).status();
    assert!(sent.is_ok());
}

fn client_module() -> String {
    [
        "/usr/lib/x86_64-linux-gnu/pkcs11",
        "/usr/lib/aarch64-linux-gnu/pkcs11",
        "/usr/lib64/pkcs11",
    ]
    .map(|directory| Path::new(directory).join("p11-kit-client.so"))
    .into_iter()
    .find(|path| path.exists())
    .expect("p11-kit-client.so: install p11-kit-modules")
    .to_string_lossy()
    .into_owned()
}
