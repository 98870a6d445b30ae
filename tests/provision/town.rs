//! What is there before a box comes: a TEST CA with its officer, a hub with its operator.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use trucgate::cmd::demo::process::Process;
use trucgate::durable::Disk;
use trucgate::trust::directory::Fingerprint;

use crate::bench::{Machine, PROGRAM, code_in, module, next_commands};

const HUB: &str = "00.01.W00";
const READY: Duration = Duration::from_secs(30);

/// A CA and a running hub.
pub(crate) struct Town {
    pub(crate) directory: TempDir,
    pub(crate) ca: Machine,
    pub(crate) hub: Machine,
    ports: [u16; 2],
    _signer: Process,
    _hub: Process,
}

impl Town {
    pub(crate) fn open() -> Self {
        Self::open_with(Machine::new, 30)
    }

    /// `officer` makes the CA's machine; all boxes together may call the hub's door of enrolments so often a minute.
    pub(crate) fn open_with(officer: impl FnOnce(&TempDir, &str) -> Machine, calls: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (ca, hub) = (officer(&directory, "ca"), Machine::new(&directory, "hub"));
        ca.good(&format!(
            "trucgate provision ca init --dir {} --module {}",
            ca.at().display(),
            ca.module().display()
        ));
        let ports = [free_port(), free_port()];
        // The hub's keys come the way of a box's: one for TLS, one for the seal of its own code.
        let at = hub.at().display().to_string();
        hub.good(&format!(
            "trucgate provision plan --dir {at} --box {HUB} --name localhost --member {HUB}=Trục --hub localhost:1 \
             --hub-code {HUB} --enrolment localhost:1 --module {} --seal-key p-256 {}",
            module().display(),
            trust(&ca)
        ));
        for step in ["init-token", "pin --pin-plain", "keys", "request"] {
            let (verb, flags) = step.split_once(' ').unwrap_or((step, ""));
            hub.good(&format!("trucgate provision {verb} --dir {at} {flags}"));
        }
        let requests = format!("{at}/provision/requests");
        ca.good(&format!(
            "trucgate provision ca issue --dir {} {requests}/*.csr",
            ca.at().display()
        ));
        hub.good(&format!(
            "trucgate provision import --dir {at} {requests}/*.pem"
        ));
        hub.good(&format!("trucgate provision configure --dir {at}"));
        configure(&hub, &ca, ports, calls);
        hub.good(&format!(
            "trucgate hub --config {at}/hub.toml admin apply {at}/registry.json"
        ));
        let process = |name: &str, verb: &str, file: &str| {
            let config = hub.at().join(file);
            let arguments = [verb, "--config", config.to_str().unwrap()];
            let token = hub.token_config();
            let environment = [("SOFTHSM2_CONF", token.as_path())];
            let program = std::path::Path::new(PROGRAM);
            let mut process =
                Process::start(name, program, &arguments, &environment, &hub.directory).unwrap();
            process.ready(READY).unwrap();
            process
        };
        let signer = process("signer", "signer", "signer.toml");
        let running = process("hub", "hub", "hub.toml");
        Self {
            directory,
            ca,
            hub,
            ports,
            _signer: signer,
            _hub: running,
        }
    }

    pub(crate) fn hub_config(&self) -> PathBuf {
        self.hub.at().join("hub.toml")
    }

    pub(crate) fn exchange_port(&self) -> u16 {
        self.ports[0]
    }

    pub(crate) fn enrolment_port(&self) -> u16 {
        self.ports[1]
    }

    /// The one command that a new user has to know: the plan of a box with these members.
    pub(crate) fn plan(&self, machine: &Machine, code: &str, members: &[&str]) -> String {
        let members: String = members
            .iter()
            .map(|code| format!(" --member '{code}=Cơ quan {code}'"))
            .collect();
        format!(
            "trucgate provision plan --dir {} --box {code} --name localhost{members} --hub localhost:{} --hub-code {HUB} \
             --enrolment localhost:{} --module {} --listen 127.0.0.1:{} {}",
            machine.at().display(),
            self.ports[0],
            self.ports[1],
            machine.module().display(),
            free_port(),
            trust(&self.ca)
        )
    }

    /// Where a command is typed, and how it reads there.
    pub(crate) fn typed<'a>(
        &'a self,
        line: &str,
        own: &'a Machine,
        code: &str,
    ) -> (&'a Machine, String) {
        let line = line
            .replace("CA-DIR", &self.ca.at().display().to_string())
            .replace("HUB-CONFIG", &self.hub_config().display().to_string())
            .replace("--code CODE", &format!("--code {code}"));
        let at = if line.starts_with("trucgate provision ca ") {
            &self.ca
        } else if line.starts_with("trucgate hub ") {
            &self.hub
        } else {
            own
        };
        (at, line)
    }

    /// Follows the checklist from the plan until it says that all is done; `each` runs a command. Gives the commands.
    pub(crate) fn follow(
        &self,
        own: &Machine,
        plan: &str,
        mut each: impl FnMut(&Machine, &str) -> Result<String, String>,
    ) -> Vec<String> {
        let mut typed = vec![plan.to_owned()];
        let mut said = each(own, plan).unwrap();
        let mut code = String::new();
        loop {
            let commands = next_commands(&said);
            if commands.is_empty() {
                assert!(said.contains("Xong."), "{said}");
                return typed;
            }
            for command in commands {
                let (at, line) = self.typed(&command, own, &code);
                typed.push(line.clone());
                assert!(typed.len() < 40, "{typed:#?}");
                let heard = match each(at, &line) {
                    Ok(heard) => heard,
                    // What it says to do instead is done instead.
                    Err(heard) => {
                        let other = heard.lines().rfind(|l| l.starts_with("  trucgate "));
                        let other = other.unwrap_or_else(|| panic!("{line}\n{heard}"));
                        typed.push(other.trim().to_owned());
                        each(own, other.trim()).unwrap()
                    }
                };
                if line.contains(" admin invite ") {
                    code = code_in(&heard);
                }
                said = heard;
            }
        }
    }
}

fn trust(ca: &Machine) -> String {
    let at = ca.at().display().to_string();
    format!(
        "--anchors {at}/root.pem --intermediates {at}/server.pem --intermediates {at}/agency.pem \
         --crl {at}/root.crl --crl {at}/server.crl --crl {at}/agency.crl"
    )
}

fn configure(hub: &Machine, ca: &Machine, ports: [u16; 2], calls: u32) {
    let (at, ca) = (
        hub.at().display().to_string(),
        ca.at().display().to_string(),
    );
    let text = format!(
        "listen = \"127.0.0.1:{}\"\nenrolment = {{ listen = \"127.0.0.1:{}\", calls_per_minute = {calls} }}\nseal_key = \"seal-{HUB}\"\n\n\
         [box]\ncode = \"{HUB}\"\nstate = \"{at}/state\"\nsigner = \"{at}/signer.sock\"\ntls_key = \"tls\"\n\n\
         [trust]\nanchors = [\"{ca}/root.pem\"]\nintermediates = [\"{ca}/server.pem\", \"{ca}/agency.pem\"]\n\
         revocation_lists = [\"{ca}/root.crl\", \"{ca}/server.crl\", \"{ca}/agency.crl\"]\n",
        ports[0], ports[1]
    );
    let disk = Disk::real();
    disk.make_dir(&hub.at().join("state")).unwrap();
    disk.replace(&hub.at().join("hub.toml"), text.as_bytes())
        .unwrap();
    let print = |label: &str| {
        let pem = std::fs::read(hub.at().join(format!("certificates/{label}.pem"))).unwrap();
        let chain = trucgate::trust::pem::certificates(&pem).unwrap();
        Fingerprint::of(&chain[0])
    };
    let registry = format!(
        "[{{\"set-hub\": {{\"code\": \"{HUB}\", \"tls\": [\"{}\"], \"seal\": [\"{}\"]}}}}]",
        print("tls"),
        print(&format!("seal-{HUB}"))
    );
    disk.replace(&hub.at().join("registry.json"), registry.as_bytes())
        .unwrap();
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
