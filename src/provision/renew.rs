//! A key's successor: made beside the old key, certified, put in its place, and taken out again should it fail.
//!
//! ```text
//! KEY.pem            the certificates in force; a line before them names the key's label
//! KEY.next.csr       the request of the key that is to come
//! KEY.next.pem       its certificates, served as KEY.next beside the old key
//! KEY.previous.pem   what was in force before the switch
//! ```
//!
//! Each file is replaced whole, so a step that was cut off is done again. Certificate and label change by one file: no
//! moment sees the one without the other.

use std::path::{Path, PathBuf};

use der::Decode;
use hsm::{KeyKind, KeyName, Workbench};
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::import::{Expected, Outcome, import};
use super::request::{Subject, request};
use super::token::{self, Kind};
use super::{TokenKey, bundle};
use crate::clock::Moment;
use crate::durable::Disk;
use crate::signer::config::{KeyConfig, LABEL};
use crate::signer::{Config, KeyUse};
use crate::systemd::Credentials;
use crate::tls::TrustFiles;
use crate::trust::{Summary, pem, summary};

/// How far a renewal has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is under way.
    Idle,
    /// A request waits for its certificate.
    Requested,
    /// The successor is certified and waits for its rehearsal and the switch.
    Imported,
}

/// The renewal of one key.
#[derive(Debug)]
pub struct Renewal {
    signer: Config,
    key: KeyConfig,
    disk: Disk,
}

impl Renewal {
    /// Of the key that the signer's configuration calls `name`.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn of(signer: Config, name: &str, disk: Disk) -> Result<Self, String> {
        let known: Vec<&str> = signer.keys.iter().map(|key| key.name.as_str()).collect();
        let key = signer.keys.iter().find(|key| key.name == name).cloned();
        let key = key.ok_or_else(|| {
            format!(
                "bộ ký không có khoá {name}; có / the signer has no key {name}, but: {}",
                known.join(", ")
            )
        })?;
        Ok(Self { signer, key, disk })
    }

    /// The signer's settings of the key.
    #[must_use]
    pub fn key(&self) -> &KeyConfig {
        &self.key
    }

    /// The file of the request.
    #[must_use]
    pub fn request_file(&self) -> PathBuf {
        self.key.certificates.with_extension("next.csr")
    }

    /// How far it has come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        if self.key.next_file().exists() {
            Stage::Imported
        } else if self.request_file().exists() {
            Stage::Requested
        } else {
            Stage::Idle
        }
    }

    /// The certificate in force.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn certificate(&self) -> Result<Vec<u8>, String> {
        leaf(&read(&self.key.certificates)?, &self.key.certificates)
    }

    /// Makes the new key beside the old one, of the same kind, and writes its request. Run again it makes no other key.
    ///
    /// # Errors
    /// What token or disk refuse.
    pub fn begin(&self, today: time::Date) -> Result<PathBuf, String> {
        let bench = self.bench()?;
        let in_force = self.key.label_in(&text(&read(&self.key.certificates)?));
        let old = bench.public_key(&KeyName::Label(in_force.clone()));
        let kind = kind(old.map_err(told)?.kind)?;
        let label = match self.requested() {
            Some(label) => label,
            None => self.free_label(&bench, &in_force, today)?,
        };
        token::key(&bench, &label, kind)?;
        let certificate = self.certificate()?;
        let found = summary(&certificate).map_err(told)?;
        let names = self.names(&certificate)?;
        let made = request(
            &TokenKey::find(&bench, &label)?,
            &Subject {
                use_: self.key.use_,
                code: &self.key.member,
                organization: organization(&found).unwrap_or(self.key.member.as_str()),
                names: &names,
            },
        )?;
        let file = self.request_file();
        let text = format!(
            "{LABEL}{label}\n{}",
            pem::encode("CERTIFICATE REQUEST", &made)
        );
        self.disk.replace(&file, text.as_bytes()).map_err(told)?;
        Ok(file)
    }

    /// Takes the new key's certificate out of `files` and lays it beside the old one.
    ///
    /// # Errors
    /// When nothing was requested, or no certificate is the new key's; each one says why.
    pub fn import(
        &self,
        files: &[Vec<u8>],
        trust: &TrustFiles,
        now: Moment,
    ) -> Result<Summary, String> {
        let label = self.requested().ok_or(
            "chưa có yêu cầu nào; chạy bước begin trước / nothing was requested yet: run begin first",
        )?;
        let bench = self.bench()?;
        let names = self.names(&self.certificate()?)?;
        let expected = Expected {
            label: &label,
            use_: self.key.use_,
            code: &self.key.member,
            names: &names,
            key: TokenKey::find(&bench, &label)?,
        };
        let Outcome { matched, refused } = import(files, &[expected], Some(&label), trust, now)?;
        let Some(one) = matched.into_iter().next() else {
            let reasons: Vec<String> = refused.iter().map(ToString::to_string).collect();
            return Err(reasons.join("\n"));
        };
        let mut text = format!("{LABEL}{label}\n");
        for der in &one.chain {
            text += &pem::encode("CERTIFICATE", der);
        }
        let file = self.key.next_file();
        self.disk.replace(&file, text.as_bytes()).map_err(told)?;
        summary(&one.chain[0]).map_err(told)
    }

    /// The certificate that is to come.
    ///
    /// # Errors
    /// When none was imported.
    pub fn next(&self) -> Result<Vec<u8>, String> {
        let file = self.key.next_file();
        leaf(&read(&file)?, &file)
    }

    /// Puts the successor in force; the signer has to read it. What was in force is kept for [`Renewal::back`].
    ///
    /// # Errors
    /// When there is no successor, or the disk refuses.
    pub fn switch(&self) -> Result<(), String> {
        let (own, next) = (&self.key.certificates, self.key.next_file());
        let (before, after) = (read(own)?, read(&next)?);
        // Cut off behind the next line but one: what was in force before is kept already.
        if before != after {
            self.disk
                .replace(&self.key.previous_file(), &before)
                .map_err(told)?;
            self.disk.replace(own, &after).map_err(told)?;
        }
        self.disk.remove(&next).map_err(told)?;
        self.disk.remove(&self.request_file()).map_err(told)
    }

    /// Takes the switch back: what was in force before is again, and the successor waits beside it.
    ///
    /// # Errors
    /// When nothing was switched, or the disk refuses.
    pub fn back(&self) -> Result<(), String> {
        let (own, previous) = (&self.key.certificates, self.key.previous_file());
        let (before, after) = (read(&previous)?, read(own)?);
        if before != after {
            self.disk
                .replace(&self.key.next_file(), &after)
                .map_err(told)?;
            self.disk.replace(own, &before).map_err(told)?;
        }
        self.disk.remove(&previous).map_err(told)
    }

    fn bench(&self) -> Result<Workbench, String> {
        let pool = self
            .signer
            .pool(&Credentials::from_environment())
            .map_err(told)?;
        let mut bench = Workbench::open(&pool.module).map_err(told)?;
        bench.login(&pool.token, &pool.pin).map_err(told)?;
        Ok(bench)
    }

    /// The names that a new certificate must carry: those of the old one, and only for TLS.
    fn names(&self, certificate: &[u8]) -> Result<Vec<String>, String> {
        match self.key.use_ {
            KeyUse::Tls => names_in(certificate),
            KeyUse::Seal => Ok(Vec::new()),
        }
    }

    /// The label of the key whose request is written.
    fn requested(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.request_file()).ok()?;
        let label = text.lines().next()?.strip_prefix(LABEL)?;
        Some(label.to_owned())
    }

    /// The label of today's key: one that a cut-off run made and nobody certified yet, or a new one.
    fn free_label(
        &self,
        bench: &Workbench,
        in_force: &str,
        today: time::Date,
    ) -> Result<String, String> {
        let previous = std::fs::read(self.key.previous_file()).unwrap_or_default();
        let previous = self.key.label_in(&text(&previous));
        let (private, _) = bench.labels().map_err(told)?;
        for number in 1..100 {
            let mut label = format!(
                "{}-{:04}{:02}{:02}",
                self.key.name,
                today.year(),
                u8::from(today.month()),
                today.day()
            );
            if number > 1 {
                label += &format!("-{number}");
            }
            let served = label == in_force || label == previous;
            if !served || !private.contains(&label) {
                return Ok(label);
            }
        }
        Err("quá nhiều khoá trong một ngày / too many keys for one day".to_owned())
    }
}

fn kind(kind: KeyKind) -> Result<Kind, String> {
    match kind {
        KeyKind::P256 => Ok(Kind::P256),
        KeyKind::Rsa { bits: 2048 } => Ok(Kind::Rsa2048),
        KeyKind::Rsa { bits: 3072 } => Ok(Kind::Rsa3072),
        KeyKind::Rsa { bits } => Err(format!("no key of RSA {bits} is made here")),
    }
}

fn leaf(bytes: &[u8], file: &Path) -> Result<Vec<u8>, String> {
    let first = bundle::certificates(bytes)?.into_iter().next();
    first.ok_or_else(|| format!("{}: không có chứng thư / no certificate", file.display()))
}

/// DNS names and addresses of a certificate, to be asked for again.
fn names_in(der: &[u8]) -> Result<Vec<String>, String> {
    let certificate = Certificate::from_der(der).map_err(told)?;
    let found = certificate.tbs_certificate.get::<SubjectAltName>();
    let Some((_, names)) = found.map_err(told)? else {
        return Ok(Vec::new());
    };
    Ok(names
        .0
        .iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.to_string()),
            GeneralName::IpAddress(octets) => match octets.as_bytes().len() {
                4 => <[u8; 4]>::try_from(octets.as_bytes())
                    .ok()
                    .map(|octets| std::net::IpAddr::from(octets).to_string()),
                _ => <[u8; 16]>::try_from(octets.as_bytes())
                    .ok()
                    .map(|octets| std::net::IpAddr::from(octets).to_string()),
            },
            _ => None,
        })
        .collect())
}

/// The organization in a subject (RFC 4514), where it needs no unescaping.
fn organization(found: &Summary) -> Option<&str> {
    let parts = found.subject.split(',').map(str::trim);
    parts
        .filter_map(|part| part.strip_prefix("O="))
        .find(|name| !name.contains(['\\', '#', '+']))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
