//! p11-kit between a signer and its token: a network HSM that can be taken away.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use trucgate::cmd::demo::exchange::READY;
use trucgate::cmd::demo::process::Process;
use trucgate::durable::Disk;
use trucgate::provision::lab::module;
use trucgate::provision::token::PublicHalf;
use trucgate::trust::issue::{Use, Wanted};
use trucgate::trust::pem;

use super::machines::Who;
use super::{World, executable, now};

/// The far end of a signer's module.
pub struct Network {
    socket: PathBuf,
    token: [(&'static str, PathBuf); 2],
    /// Where a second token lies, on the signer's own machine.
    second: Vec<(&'static str, PathBuf)>,
    server: Option<Child>,
}

impl World {
    /// Starts a signer anew, with its token behind a network that [`Network`] takes away.
    pub fn network_token(&mut self, who: Who) -> Network {
        let machine = self.machine(who);
        let mut network = Network {
            socket: machine.directory.join("p11.socket"),
            token: machine.token_environment(),
            second: Vec::new(),
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
        let address = network.address();
        let config = machine.signer_config();
        let mut environment = vec![("P11_KIT_SERVER_ADDRESS", Path::new(&address))];
        let second = network.second.iter();
        environment.extend(second.map(|(name, path)| (*name, path.as_path())));
        let mut signer = Process::start(
            "signer",
            executable(),
            &["signer", "--config", &config.to_string_lossy()],
            &environment,
            &machine.directory,
        )
        .unwrap();
        signer.ready(READY).unwrap();
        *self.slot(who) = Some(signer);
    }

    /// Gives the signer of [`World::network_token`] a second token with a sister of its one seal key, which serves when
    /// the first was away for `after`; gives the sister's certificate, which no directory knows yet.
    pub fn sister(&mut self, who: Who, network: &mut Network, after: Duration) -> Vec<u8> {
        let machine = self.machine(who).clone();
        let tenant = machine.tenants[0].code.clone();
        let second = machine.directory.join("second");
        Disk::real().make_dir(&second.join("tokens")).unwrap();
        network.second = machine
            .token_environment()
            .map(|(name, config)| {
                let text = std::fs::read_to_string(&config).unwrap();
                let tokens = machine.directory.join("tokens");
                let moved = text.replace(
                    &*tokens.to_string_lossy(),
                    &second.join("tokens").to_string_lossy(),
                );
                let config = second.join(config.file_name().unwrap());
                Disk::real().replace(&config, moved.as_bytes()).unwrap();
                (name, config)
            })
            .to_vec();
        let prepared = Command::new(executable())
            .args([
                "provision",
                "token",
                "--label",
                "second",
                "--key",
                "sister=p-256",
            ])
            .arg("--module")
            .arg(module())
            .arg("--so-pin")
            .arg(machine.directory.join("so-pin"))
            .arg("--pin")
            .arg(machine.directory.join("pin"))
            .envs(network.second.iter().cloned())
            .output()
            .unwrap();
        let halves: Vec<PublicHalf> = serde_json::from_slice(&prepared.stdout).unwrap();
        let lab = &self.exchange.lab;
        let wanted = Wanted {
            spki_der: &halves[0].spki_der().unwrap(),
            usage: Use::Seal,
            code: Some(&tenant),
            name: "TEST sister",
            not_before: now() - time::Duration::hours(1),
            not_after: now() + time::Duration::days(30),
        };
        let certificate = lab.issue(&wanted).unwrap();
        let mut chain = pem::encode("CERTIFICATE", &certificate);
        chain.push_str(&std::fs::read_to_string(lab.intermediates()).unwrap());
        let file = second.join("sister.pem");
        Disk::real().replace(&file, chain.as_bytes()).unwrap();

        let config = machine.signer_config();
        let mut text = std::fs::read_to_string(&config).unwrap();
        for (label, standby) in [
            (
                format!("seal-{tenant}"),
                format!("{{ sister = {{ label = \"sister\", certificates = {file:?} }} }}"),
            ),
            ("tls".to_owned(), "\"none\"".to_owned()),
        ] {
            let line = format!("label = \"{label}\"\n");
            assert!(text.contains(&line), "{line} in {text}");
            text = text.replace(&line, &format!("{line}standby = {standby}\n"));
        }
        let (module, pin) = (module(), machine.directory.join("pin"));
        let after = after.as_millis();
        text.push_str(&format!(
            "\n[standby]\nmodule = {module:?}\ntoken_label = \"second\"\npin_file = {pin:?}\nafter_ms = {after}\n"
        ));
        Disk::real().replace(&config, text.as_bytes()).unwrap();
        self.kill(who);
        self.network_signer(who, network);
        certificate
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
    /// Where it answers, as p11-kit's client module reads it.
    pub fn address(&self) -> String {
        format!("unix:path={}", self.socket.display())
    }

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
