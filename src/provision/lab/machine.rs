//! One machine of a lab: its token, its certificates, its addresses.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use super::super::token::{Kind, PublicHalf};
use super::{Laying, MemberPlan, told};
use crate::clock::Chance;
use crate::packet::MemberId;
use crate::trust::directory::Fingerprint;
use crate::trust::issue::Use;

/// Label of every token of a lab, each on a machine of its own.
pub(super) const TOKEN: &str = "trucgate-test";

/// A hub or a box.
#[derive(Clone, Debug)]
pub struct Machine {
    /// `hub`, `box-1`, …
    pub name: String,
    /// Its code.
    pub code: MemberId,
    /// Where its files lie.
    pub directory: PathBuf,
    /// Where it answers: boxes at the hub, software at a box.
    pub address: SocketAddr,
    /// Where a box answers software that knows no TLS.
    pub plain: SocketAddr,
    /// Its members.
    pub tenants: Vec<Tenant>,
    pub(super) tls: Fingerprint,
    pub(super) seal: Option<Fingerprint>,
}

/// A member of a box, and its software.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its code.
    pub code: MemberId,
    /// Its name.
    pub name: String,
    /// Its software's systemid.
    pub systemid: String,
    /// Its software's secret.
    pub secret: String,
    pub(super) seal: Fingerprint,
}

impl Machine {
    /// Configuration of the process that does the work: `trucgate relay` or `trucgate hub`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.directory.join("trucgate.toml")
    }

    /// Configuration of its signer.
    #[must_use]
    pub fn signer_config(&self) -> PathBuf {
        self.directory.join("signer.toml")
    }

    /// The socket of its signer.
    #[must_use]
    pub fn signer_socket(&self) -> PathBuf {
        self.directory.join("signer.sock")
    }

    /// What its processes keep.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    /// What a soft token's module reads from its process's environment: where this machine's token lies.
    #[must_use]
    pub fn token_environment(&self) -> [(&'static str, PathBuf); 2] {
        token_environment(&self.directory)
    }

    /// Chain of one of its keys, PEM.
    #[must_use]
    pub fn chain(&self, key: &str) -> PathBuf {
        self.directory.join(format!("{key}.pem"))
    }

    pub(super) fn pin(&self) -> PathBuf {
        self.directory.join("pin")
    }
}

/// The PKCS#11 module of tests: `TEST_PKCS11_MODULE`, or where Debian puts SoftHSM2.
#[must_use]
pub fn module() -> PathBuf {
    std::env::var_os("TEST_PKCS11_MODULE").map_or_else(
        || PathBuf::from("/usr/lib/softhsm/libsofthsm2.so"),
        PathBuf::from,
    )
}

/// For SoftHSM2 and for kryoptic; each ignores the other's.
fn token_environment(directory: &Path) -> [(&'static str, PathBuf); 2] {
    [
        ("SOFTHSM2_CONF", directory.join("softhsm2.conf")),
        ("KRYOPTIC_CONF", directory.join("kryoptic.conf")),
    ]
}

impl Laying<'_> {
    pub(super) fn machine(
        &self,
        name: &str,
        code: &MemberId,
        members: &[MemberPlan],
    ) -> Result<Machine, String> {
        let directory = self.directory.join(name);
        self.disk.make_dir(&directory.join("state")).map_err(told)?;
        self.write_token_files(&directory)?;
        let mut keys = vec![("tls".to_owned(), Kind::P256)];
        if members.is_empty() {
            keys.push(("seal".to_owned(), self.plan.seal_keys));
        }
        for member in members {
            keys.push((seal_key(&member.code), self.plan.seal_keys));
        }
        let halves = self.prepare_token(&directory, &keys)?;
        let mut machine = Machine {
            name: name.to_owned(),
            code: code.clone(),
            address: free_address(self.chance)?,
            plain: free_address(self.chance)?,
            tenants: Vec::new(),
            tls: Fingerprint::of(&[]),
            seal: None,
            directory,
        };
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        for half in halves {
            let spki = half.spki_der()?;
            let owner = members
                .iter()
                .find(|member| seal_key(&member.code) == half.label);
            let usage = if half.label == "tls" {
                Use::Tls { names: &names }
            } else {
                Use::Seal
            };
            let certificate = self.certificate(&spki, owner.map_or(code, |o| &o.code), usage)?;
            self.write_chain(&machine.chain(&half.label), &certificate)?;
            let print = Fingerprint::of(&certificate);
            match (owner, half.label.as_str()) {
                (Some(member), _) => machine.tenants.push(self.tenant(member, print)),
                (None, "tls") => machine.tls = print,
                (None, _) => machine.seal = Some(print),
            }
        }
        Ok(machine)
    }

    fn tenant(&self, member: &MemberPlan, seal: Fingerprint) -> Tenant {
        Tenant {
            code: member.code.clone(),
            name: member.name.clone(),
            systemid: format!("QLVB-{}", member.code),
            secret: data_encoding::HEXLOWER.encode(&self.chance.bytes::<16>()),
            seal,
        }
    }

    fn write_token_files(&self, directory: &Path) -> Result<(), String> {
        let tokens = directory.join("tokens");
        self.disk.make_dir(&tokens).map_err(told)?;
        let softhsm = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n",
            tokens.display()
        );
        let kryoptic = format!(
            "[[slots]]\nslot = 1\ndbtype = \"sqlite\"\ndbargs = \"{}\"\n",
            tokens.join("kryoptic.sql").display()
        );
        let pin = data_encoding::HEXLOWER.encode(&self.chance.bytes::<8>());
        for (name, content) in [
            ("softhsm2.conf", &softhsm),
            ("kryoptic.conf", &kryoptic),
            ("pin", &pin),
            ("so-pin", &pin),
        ] {
            self.disk
                .replace(&directory.join(name), content.as_bytes())
                .map_err(told)?;
        }
        Ok(())
    }

    fn prepare_token(
        &self,
        directory: &Path,
        keys: &[(String, Kind)],
    ) -> Result<Vec<PublicHalf>, String> {
        let mut command = Command::new(self.executable);
        command
            .args(["provision", "token", "--label", TOKEN, "--module"])
            .arg(module())
            .arg("--so-pin")
            .arg(directory.join("so-pin"))
            .arg("--pin")
            .arg(directory.join("pin"))
            .envs(token_environment(directory));
        for (label, kind) in keys {
            command.arg("--key").arg(format!("{label}={kind}"));
        }
        let output = command.output().map_err(told)?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        serde_json::from_slice(&output.stdout).map_err(told)
    }
}

pub(super) fn seal_key(member: &MemberId) -> String {
    format!("seal-{member}")
}

/// Ports that this process has given to machines, whose owners may not listen yet.
static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// An address on this machine that is free now, and stays so while its owner is away: below the ports from which the
/// kernel takes those of connections.
///
/// # Errors
/// When a hundred drawn ports were all taken.
pub fn free_address(chance: &Chance) -> Result<SocketAddr, String> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tried = Err("no free port".to_owned());
    for _ in 0..100 {
        let port = 10_000 + u16::from_be_bytes(chance.bytes()) % 20_000;
        if given.contains(&port) {
            continue;
        }
        tried = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .and_then(|listener| listener.local_addr())
            .map_err(told);
        if tried.is_ok() {
            given.insert(port);
            break;
        }
    }
    tried
}
