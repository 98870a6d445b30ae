//! A whole exchange laid out in a directory, for the demo, the bench and tests: a TEST certification authority, a token for
//! each machine, certificates, configurations. Nothing of it is for production, and its names say so.

mod files;
mod machine;

use std::path::{Path, PathBuf};
use std::sync::Mutex;

pub use machine::{Machine, Tenant, free_address, module};

use super::token::Kind;
use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::hub::admin::{CertificateOf, Change};
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::trust::directory::{BoxEntry, Fingerprint, Member};
use crate::trust::issue::{TestCa, Use, Wanted};
use crate::trust::{pem, summary};

/// What is to be laid out.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The hub's code.
    pub hub: MemberId,
    /// The boxes with their members.
    pub boxes: Vec<BoxPlan>,
    /// Members that are only in the directory: their packets end at the hub's mailbox.
    pub listed: Vec<MemberPlan>,
    /// Kind of the seal keys.
    pub seal_keys: Kind,
    /// Milliseconds that each signature of a box's token takes at least.
    pub slow_token_ms: Option<u64>,
    /// A file with the seconds by which all clocks of the exchange are moved.
    pub clock: Option<PathBuf>,
}

/// One box.
#[derive(Clone, Debug)]
pub struct BoxPlan {
    /// Its code.
    pub code: MemberId,
    /// Its members.
    pub members: Vec<MemberPlan>,
}

/// One member.
#[derive(Clone, Debug)]
pub struct MemberPlan {
    /// Its code.
    pub code: MemberId,
    /// Its name.
    pub name: String,
}

/// The exchange on disk.
#[derive(Debug)]
pub struct Lab {
    directory: PathBuf,
    ca: TestCa,
    revoked: Mutex<Vec<String>>,
    clock: Clock,
    chance: Chance,
    disk: Disk,
    /// The hub's machine.
    pub hub: Machine,
    /// The boxes, in the plan's order.
    pub boxes: Vec<Machine>,
}

/// Where every machine of a lab finds what it trusts.
#[derive(Clone, Debug)]
struct TrustPaths {
    anchors: PathBuf,
    intermediates: PathBuf,
    root_list: PathBuf,
    list: PathBuf,
}

impl Lab {
    /// Lays everything out below `directory`, which is to be empty. `executable` is this program: tokens are prepared by
    /// processes of their own, since a process has one PKCS#11 context.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn lay(plan: &Plan, directory: &Path, executable: &Path) -> Result<Self, String> {
        let clock = plan.clock.clone().map_or_else(Clock::system, Clock::moved);
        let (chance, disk) = (Chance::system(), Disk::real());
        disk.make_dir(directory).map_err(told)?;
        let ca = TestCa::new(&chance, clock.now() - time::Duration::days(30)).map_err(told)?;
        let lab = Laying {
            plan,
            directory,
            executable,
            ca: &ca,
            now: clock.now(),
            chance: &chance,
            disk: &disk,
            trust: TrustPaths::below(directory),
        };
        lab.write_trust()?;
        let hub = lab.machine("hub", &plan.hub, &[])?;
        let hub_port = hub.address.port();
        files::hub(&lab, &hub)?;
        let mut boxes = Vec::new();
        for (number, planned) in plan.boxes.iter().enumerate() {
            let machine = lab.machine(
                &format!("box-{}", number + 1),
                &planned.code,
                &planned.members,
            )?;
            files::relay(&lab, &machine, hub_port)?;
            boxes.push(machine);
        }
        files::registry(&lab, &hub, &boxes)?;
        Ok(Self {
            directory: directory.to_owned(),
            revoked: Mutex::default(),
            ca,
            clock,
            chance,
            disk,
            hub,
            boxes,
        })
    }

    /// The clock of its processes.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A new machine for a box that was lost: the same code and members, a token, keys and certificates of its own. It takes
    /// the box's place in this lab; the old machine is given back, its files stay.
    ///
    /// # Errors
    /// What could not be made, and why.
    pub fn replace_box(
        &mut self,
        plan: &Plan,
        number: usize,
        executable: &Path,
    ) -> Result<Machine, String> {
        let laying = Laying {
            plan,
            directory: &self.directory,
            executable,
            ca: &self.ca,
            now: self.clock.now(),
            chance: &self.chance,
            disk: &self.disk,
            trust: TrustPaths::below(&self.directory),
        };
        let planned = &plan.boxes[number];
        let name = format!("box-{}-new", number + 1);
        let machine = laying.machine(&name, &planned.code, &planned.members)?;
        files::relay(&laying, &machine, self.hub.address.port())?;
        Ok(std::mem::replace(&mut self.boxes[number], machine))
    }

    /// What the hub's operator enters for such a machine: its TLS certificate instead of the old one, its seals beside the
    /// old ones.
    #[must_use]
    pub fn replacing(&self, number: usize) -> Vec<Change> {
        let machine = &self.boxes[number];
        let seals = machine.tenants.iter().map(|tenant| {
            Change::AddCertificate(CertificateOf {
                code: tenant.code.clone(),
                use_: KeyUse::Seal,
                certificate: tenant.seal,
            })
        });
        std::iter::once(Change::AddBox(machine.entry()))
            .chain(seals)
            .collect()
    }

    /// Where everything lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The TEST root, PEM.
    #[must_use]
    pub fn anchors(&self) -> PathBuf {
        TrustPaths::below(&self.directory).anchors
    }

    /// The TEST issuing authority, PEM.
    #[must_use]
    pub fn intermediates(&self) -> PathBuf {
        TrustPaths::below(&self.directory).intermediates
    }

    /// Issues a certificate of the TEST authority.
    ///
    /// # Errors
    /// When the key or a name can't be certified.
    pub fn issue(&self, wanted: &Wanted<'_>) -> Result<Vec<u8>, String> {
        self.ca.issue(wanted, &self.chance).map_err(told)
    }

    /// Revokes a certificate by its serial number in hexadecimal; running processes see it at their next reload.
    ///
    /// # Errors
    /// When the list can't be made or written.
    pub fn revoke(&self, serial: &str) -> Result<(), String> {
        self.revoked.lock().map_err(told)?.push(serial.to_owned());
        self.renew_lists(self.clock.now())
    }

    /// Lets the root revoke the issuing authority; running processes see it at their next reload.
    ///
    /// # Errors
    /// When the list can't be made or written.
    pub fn revoke_issuer(&self) -> Result<(), String> {
        let made = self.clock.now();
        let issuer = summary(&self.ca.intermediate_der()).map_err(told)?;
        let next = made + time::Duration::days(7);
        let list = self.ca.root_revocation_list(&[issuer.serial], made, next);
        let path = TrustPaths::below(&self.directory).root_list;
        self.disk.replace(&path, &list.map_err(told)?).map_err(told)
    }

    /// Makes the authorities' revocation lists anew, as of `made` and good for a week.
    ///
    /// # Errors
    /// When a list can't be made or written.
    pub fn renew_lists(&self, made: Moment) -> Result<(), String> {
        let revoked = self.revoked.lock().map_err(told)?;
        let next = made + time::Duration::days(7);
        let paths = TrustPaths::below(&self.directory);
        let root = self.ca.root_revocation_list(&[], made, next);
        let list = self.ca.revocation_list(&revoked, made, next);
        for (path, list) in [(paths.root_list, root), (paths.list, list)] {
            self.disk
                .replace(&path, &list.map_err(told)?)
                .map_err(told)?;
        }
        Ok(())
    }
}

/// What the laying out of one lab shares.
struct Laying<'a> {
    plan: &'a Plan,
    directory: &'a Path,
    executable: &'a Path,
    ca: &'a TestCa,
    now: Moment,
    chance: &'a Chance,
    disk: &'a Disk,
    trust: TrustPaths,
}

impl TrustPaths {
    fn below(directory: &Path) -> Self {
        let trust = directory.join("trust");
        Self {
            anchors: trust.join("root.pem"),
            intermediates: trust.join("issuing.pem"),
            root_list: trust.join("root.crl"),
            list: trust.join("issuing.crl"),
        }
    }
}

impl Laying<'_> {
    fn write_trust(&self) -> Result<(), String> {
        self.disk
            .make_dir(&self.directory.join("trust"))
            .map_err(told)?;
        let next = self.now + time::Duration::days(7);
        let files = [
            (
                &self.trust.anchors,
                pem::encode("CERTIFICATE", &self.ca.root_der()).into_bytes(),
            ),
            (
                &self.trust.intermediates,
                pem::encode("CERTIFICATE", &self.ca.intermediate_der()).into_bytes(),
            ),
            (
                &self.trust.root_list,
                self.ca
                    .root_revocation_list(&[], self.now, next)
                    .map_err(told)?,
            ),
            (
                &self.trust.list,
                self.ca.revocation_list(&[], self.now, next).map_err(told)?,
            ),
        ];
        for (path, bytes) in files {
            self.disk.replace(path, &bytes).map_err(told)?;
        }
        Ok(())
    }

    /// A certificate for a key in a token, valid from yesterday for a year.
    fn certificate(&self, spki: &[u8], code: &MemberId, usage: Use<'_>) -> Result<Vec<u8>, String> {
        let name = match usage {
            Use::Tls { .. } => format!("TEST TLS {code}"),
            _ => format!("TEST seal {code}"),
        };
        let wanted = Wanted {
            spki_der: spki,
            usage,
            code: Some(code),
            name: &name,
            not_before: self.now - time::Duration::days(1),
            not_after: self.now + time::Duration::days(365),
        };
        self.ca.issue(&wanted, self.chance).map_err(told)
    }

    fn write_chain(&self, path: &Path, certificate: &[u8]) -> Result<(), String> {
        let mut chain = pem::encode("CERTIFICATE", certificate);
        chain.push_str(&pem::encode("CERTIFICATE", &self.ca.intermediate_der()));
        self.disk.replace(path, chain.as_bytes()).map_err(told)
    }
}

/// What the hub's operator enters for a lab: the hub, its boxes, their members, and those only listed.
fn registry(plan: &Plan, hub: &Machine, boxes: &[Machine]) -> Vec<Change> {
    let mut changes = vec![Change::SetHub(hub.entry())];
    changes.extend(boxes.iter().map(|machine| Change::AddBox(machine.entry())));
    let mut id = 0;
    let mut member = |planned: &MemberPlan, home: Option<&Machine>, seal: Vec<Fingerprint>| {
        id += 1;
        Change::AddMember(Box::new(Member {
            level: 1,
            box_code: home.map(|machine| machine.code.clone()),
            seal,
            ..Member::new(planned.code.clone(), id, planned.name.clone())
        }))
    };
    for (planned, machine) in plan.boxes.iter().zip(boxes) {
        for (planned, tenant) in planned.members.iter().zip(&machine.tenants) {
            changes.push(member(planned, Some(machine), vec![tenant.seal]));
        }
    }
    changes.extend(
        plan.listed
            .iter()
            .map(|planned| member(planned, None, Vec::new())),
    );
    changes
}

impl Machine {
    fn entry(&self) -> BoxEntry {
        BoxEntry {
            code: self.code.clone(),
            tls: vec![self.tls],
            seal: self.seal.into_iter().collect(),
        }
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
