//! A lab's processes: hub, boxes and their signers, each a real process of this program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::process::Process;
use crate::https::ClientTls;
use crate::journal::ids;
use crate::packet::MemberId;
use crate::provision::lab::{Lab, Machine, Plan, Tenant};
use crate::tls::{self, Current, Grounds, HubVerifier, Judge};
use crate::trust::{Profile, Revocation, Trust};
use crate::vxp::client::Software;

/// How long a process may take to be ready.
pub const READY: Duration = Duration::from_secs(20);

/// A running exchange.
#[derive(Debug)]
pub struct Exchange {
    /// What lies on disk.
    pub lab: Lab,
    executable: PathBuf,
    /// The hub.
    pub hub: Pair,
    /// The boxes, in the plan's order.
    pub boxes: Vec<Pair>,
}

/// A machine's two processes; each is there or not.
#[derive(Debug, Default)]
pub struct Pair {
    /// Alone with the token.
    pub signer: Option<Process>,
    /// `trucgate relay` or `trucgate hub`.
    pub main: Option<Process>,
}

impl Exchange {
    /// Lays a lab out and starts all of it; every box has the directory when it returns.
    ///
    /// # Errors
    /// What could not be made or started, with its last words.
    pub fn start(plan: &Plan, directory: &Path, executable: &Path) -> Result<Self, String> {
        let mut exchange = Self::lay(plan, directory, executable)?;
        exchange.start_all()?;
        Ok(exchange)
    }

    /// Lays a lab out and enters its members at the hub; nothing runs yet.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn lay(plan: &Plan, directory: &Path, executable: &Path) -> Result<Self, String> {
        let lab = Lab::lay(plan, directory, executable)?;
        let boxes = lab.boxes.iter().map(|_| Pair::default()).collect();
        let exchange = Self {
            lab,
            executable: executable.to_owned(),
            hub: Pair::default(),
            boxes,
        };
        exchange.apply(&exchange.lab.hub.directory.join("registry.json"))?;
        Ok(exchange)
    }

    /// Starts hub, boxes and signers; every box has the directory when it returns.
    ///
    /// # Errors
    /// What could not be started, with its last words.
    pub fn start_all(&mut self) -> Result<(), String> {
        self.start_hub()?;
        for number in 0..self.boxes.len() {
            self.start_signer(number)?;
            self.start_relay(number)?;
        }
        for number in 0..self.boxes.len() {
            self.wait_for_directory(number)?;
        }
        Ok(())
    }

    /// Enters a file of changes at the hub's register.
    ///
    /// # Errors
    /// What `trucgate hub admin apply` says.
    pub fn apply(&self, changes: &Path) -> Result<(), String> {
        let output = Command::new(&self.executable)
            .args(["hub", "--config"])
            .arg(self.lab.hub.config())
            .args(["admin", "apply"])
            .arg(changes)
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// Starts the hub with its signer where it is not running.
    ///
    /// # Errors
    /// As [`Process::ready`].
    pub fn start_hub(&mut self) -> Result<(), String> {
        if self.hub.signer.is_none() {
            self.hub.signer = Some(self.signer(&self.lab.hub)?);
        }
        if self.hub.main.is_none() {
            self.hub.main = Some(self.main("hub", &self.lab.hub)?);
        }
        Ok(())
    }

    /// Starts a box's signer.
    ///
    /// # Errors
    /// As [`Process::ready`].
    pub fn start_signer(&mut self, number: usize) -> Result<(), String> {
        self.boxes[number].signer = Some(self.signer(&self.lab.boxes[number])?);
        Ok(())
    }

    /// Starts a box's relay.
    ///
    /// # Errors
    /// As [`Process::ready`].
    pub fn start_relay(&mut self, number: usize) -> Result<(), String> {
        self.boxes[number].main = Some(self.main("relay", &self.lab.boxes[number])?);
        Ok(())
    }

    /// A box's relay, if it runs.
    ///
    /// # Errors
    /// When it does not.
    pub fn relay(&self, number: usize) -> Result<&Process, String> {
        self.boxes[number]
            .main
            .as_ref()
            .ok_or_else(|| format!("box {number} has no relay"))
    }

    /// Waits until a box has a directory.
    ///
    /// # Errors
    /// When none came in time.
    pub fn wait_for_directory(&self, number: usize) -> Result<(), String> {
        self.relay(number)?
            .line(0, READY, |line| is(line, &ids::DIRECTORY_UPDATED))
            .map(drop)
    }

    /// A member's software, speaking HTTPS to its box.
    ///
    /// # Errors
    /// When there is no such member, or its client can't be made.
    pub fn software(&self, member: &MemberId) -> Result<Software, String> {
        let (machine, tenant) = self.tenant(member)?;
        software(&self.lab, machine, tenant)
    }

    /// A member of some box.
    ///
    /// # Errors
    /// When there is none of that code.
    pub fn tenant(&self, member: &MemberId) -> Result<(&Machine, &Tenant), String> {
        self.lab
            .boxes
            .iter()
            .find_map(|machine| {
                let tenant = machine
                    .tenants
                    .iter()
                    .find(|tenant| tenant.code == *member)?;
                Some((machine, tenant))
            })
            .ok_or_else(|| format!("no box has a member {member}"))
    }

    fn signer(&self, machine: &Machine) -> Result<Process, String> {
        let config = machine.signer_config();
        let arguments = ["signer", "--config", &config.to_string_lossy()];
        let token = machine.token_environment();
        let environment = token.each_ref().map(|(name, path)| (*name, path.as_path()));
        self.run("signer", &arguments, &environment, machine)
    }

    fn main(&self, verb: &str, machine: &Machine) -> Result<Process, String> {
        let config = machine.config();
        let arguments = [verb, "--config", &config.to_string_lossy()];
        self.run(verb, &arguments, &[], machine)
    }

    fn run(
        &self,
        name: &str,
        arguments: &[&str],
        environment: &[(&str, &Path)],
        machine: &Machine,
    ) -> Result<Process, String> {
        let directory = &machine.directory;
        let mut process =
            Process::start(name, &self.executable, arguments, environment, directory)?;
        process.ready(READY)?;
        Ok(process)
    }
}

/// Whether a journal line has that message id.
#[must_use]
pub fn is(line: &Value, id: &crate::journal::Id) -> bool {
    line["MESSAGE_ID"] == id.message_id
}

/// A tenant's software, trusting the lab's root.
///
/// # Errors
/// When the client can't be made.
pub fn software(lab: &Lab, machine: &Machine, tenant: &Tenant) -> Result<Software, String> {
    let endpoint = format!("https://{}/XrdAdapter/adapter", machine.address);
    let tls = Some(client_tls(lab)?);
    Software::new(
        &endpoint,
        &tenant.systemid,
        &tenant.secret,
        tls,
        lab.clock(),
    )
    .map_err(|error| error.to_string())
}

/// TLS of a software: no certificate of its own, the box's judged by the lab's root.
fn client_tls(lab: &Lab) -> Result<ClientTls, String> {
    let read = |path: PathBuf| std::fs::read(path).map_err(|error| error.to_string());
    let trust = Trust::new(
        vec![read(lab.anchors())?],
        vec![read(lab.intermediates())?],
        Profile::default(),
        Revocation::none(),
    )
    .map_err(|error| error.to_string())?;
    let grounds = Grounds::new(std::sync::Arc::new(trust), None);
    let (_, grounds) = tokio::sync::watch::channel(grounds);
    let judge = Judge::new(grounds, lab.clock().clone());
    let verifier = HubVerifier::new(judge, None, true);
    let config = tls::client_config(
        Current::empty(),
        verifier,
        lab.clock().clone(),
        &["http/1.1"],
    )
    .map_err(|error| error.to_string())?;
    let (_, config) = tokio::sync::watch::channel(config);
    Ok(ClientTls {
        config,
        server_name: "localhost".to_owned(),
        judge: None,
    })
}
