//! A bench: commands run as a shell runs them, each with the token of the machine it is typed at.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use trucgate::cmd::demo::process::Process;
use trucgate::durable::Disk;

use crate::network::Network;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_trucgate");
/// The PKCS#11 module of the tests.
pub(crate) fn module() -> PathBuf {
    trucgate::provision::lab::module()
}

/// A machine with a soft token that is blank at first.
pub(crate) struct Machine {
    pub(crate) directory: PathBuf,
    network: Option<Network>,
}

impl Machine {
    pub(crate) fn new(above: &TempDir, name: &str) -> Self {
        let directory = above.path().join(name);
        let (disk, tokens) = (Disk::real(), directory.join("tokens"));
        disk.make_dir(&tokens).unwrap();
        let config = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            tokens.display()
        );
        disk.replace(&directory.join("softhsm2.conf"), config.as_bytes())
            .unwrap();
        Self {
            directory,
            network: None,
        }
    }

    /// A machine whose token is a process of its own.
    pub(crate) fn networked(above: &TempDir, name: &str) -> Self {
        let mut machine = Self::new(above, name);
        let socket = machine.directory.join("p11.socket");
        let network = Network::start(&module(), &machine.token_config(), &socket);
        machine.network = Some(network);
        machine
    }

    /// The module by which programs of this machine reach the token.
    pub(crate) fn module(&self) -> PathBuf {
        self.network
            .as_ref()
            .map_or_else(module, |_| Network::module())
    }

    pub(crate) fn token_config(&self) -> PathBuf {
        self.directory.join("softhsm2.conf")
    }

    /// Where the box's own files lie.
    pub(crate) fn at(&self) -> PathBuf {
        self.directory.join("box")
    }

    /// Starts what a person types.
    pub(crate) fn start(&self, line: &str) -> Child {
        let above = Path::new(PROGRAM).parent().unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        Command::new("sh")
            // The shell becomes the program: a kill meets it and not the shell.
            .args(["-c", &format!("exec {line}")])
            .env("PATH", format!("{}:{path}", above.display()))
            .env("SOFTHSM2_CONF", self.token_config())
            .env(
                "P11_KIT_SERVER_ADDRESS",
                self.network.as_ref().map_or("", |network| &network.address),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs what a person types.
    pub(crate) fn run(&self, line: &str) -> Output {
        self.start(line).wait_with_output().unwrap()
    }

    /// Runs what must go well; gives what it printed.
    pub(crate) fn good(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}\n{}", words(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must be refused; gives what it said.
    pub(crate) fn bad(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}\n{}", words(&output));
        words(&output)
    }

    /// Runs it, killed after `moment` unless it ends before; says whether it was killed.
    pub(crate) fn killed(&self, line: &str, moment: Duration) -> bool {
        let mut child = self.start(line);
        let end = Instant::now() + moment;
        let mut out = child.stdout.take().unwrap();
        // The end of its output is the end of the process: the drain waits without a clock.
        let drained = std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        while Instant::now() < end {
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::park_timeout(Duration::from_millis(1));
        }
        child.kill().unwrap();
        let status = child.wait().unwrap();
        drained.join().unwrap().unwrap();
        if let Some(network) = &self.network {
            network.settle();
        }
        !status.success()
    }

    /// The user's PIN of the box's token, however it is kept.
    pub(crate) fn pin(&self) -> String {
        let plain = self.at().join("provision/pin");
        if plain.exists() {
            return std::fs::read_to_string(plain).unwrap();
        }
        let sealed = self.at().join("trucgate.pin");
        let line = format!("systemd-creds decrypt --name=pin {} -", sealed.display());
        self.good(&line)
    }

    /// Signer and relay, started as the units start them.
    pub(crate) fn services(&self) -> Vec<Process> {
        let (disk, credentials) = (Disk::real(), self.directory.join("credentials"));
        disk.make_dir(&credentials).unwrap();
        disk.replace(&credentials.join("pin"), self.pin().trim().as_bytes())
            .unwrap();
        let token = self.token_config();
        let environment = [
            ("SOFTHSM2_CONF", token.as_path()),
            ("CREDENTIALS_DIRECTORY", credentials.as_path()),
        ];
        let mut running = Vec::new();
        for (verb, file) in [("signer", "signer.toml"), ("relay", "relay.toml")] {
            let config = self.at().join(file);
            let arguments = [verb, "--config", config.to_str().unwrap()];
            let mut process = Process::start(
                verb,
                Path::new(PROGRAM),
                &arguments,
                &environment,
                &self.directory,
            )
            .unwrap();
            process.ready(Duration::from_secs(30)).unwrap();
            running.push(process);
        }
        running
    }

    /// Labels of private and of public keys in the token, as OpenSC sees them.
    pub(crate) fn labels(&self, label: &str) -> (Vec<String>, Vec<String>) {
        let of = |kind: &str| {
            let line = format!(
                "pkcs11-tool --module {} --token-label {label} --login --pin {} --list-objects --type {kind}",
                module().display(),
                self.pin()
            );
            let text = self.good(&line);
            let labels = text.lines().filter_map(|l| l.trim().strip_prefix("label:"));
            let mut labels: Vec<String> = labels.map(|l| l.trim().to_owned()).collect();
            labels.sort();
            labels
        };
        (of("privkey"), of("pubkey"))
    }
}

pub(crate) fn words(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The commands that a checklist says come next, in their order.
pub(crate) fn next_commands(said: &str) -> Vec<String> {
    let from = said
        .rfind("Tiếp theo")
        .map_or(said.len(), |_| said.find("Tiếp theo").unwrap_or(said.len()));
    said[from..]
        .lines()
        .filter(|line| line.starts_with("  trucgate "))
        .map(|line| line.trim().to_owned())
        .collect()
}

/// An enrolment code among what the hub said.
pub(crate) fn code_in(said: &str) -> String {
    let line = said.lines().map(str::trim).find(|line| {
        let groups: Vec<_> = line.split('-').collect();
        groups.len() == 4 && groups.iter().all(|group| group.len() == 5)
    });
    line.expect("a code").to_owned()
}
