//! A TEST Government CA in a token of its own, for tests and small exchanges: the officer's side of provisioning.
//!
//! ```text
//! DIR/ca.toml           module, token, where lists and responder are found
//! DIR/so-pin, pin       the token's PINs, plain: this is no real CA
//! DIR/root.pem          the anchor            DIR/root.crl     its list
//! DIR/server.pem        issues TLS            DIR/server.crl
//! DIR/agency.pem        issues seals          DIR/agency.crl
//! DIR/ocsp-root.pem, ocsp-server.pem, ocsp-agency.pem, tsa.pem     one responder key, one of time stamps
//! DIR/index.tsv         every certificate ever issued, a line each (see [`index`])
//! DIR/issued/SERIAL.pem the certificates
//! ```
//!
//! Every step may be repeated: what is there is kept. A certificate leaves only after its line is in the index.

pub mod index;
mod issue;
mod layout;
mod lists;

use hsm::{TokenName, Workbench};

use super::token::{self, Kind};
use super::token_key::TokenKey;
use crate::clock::{Chance, Clock};
use crate::durable::Disk;
use crate::trust::issue::{Authority, Pointers, Use, Wanted};
use crate::trust::pem;

pub use index::{Index, Line, Status};
pub use issue::{Asked, Issued, UseName};
pub use layout::{Layout, Settings, Which};

/// Label of the responder's key in the token.
pub const OCSP_KEY: &str = "ca-ocsp";
/// Label of the time-stamp authority's key in the token.
pub const TSA_KEY: &str = "ca-tsa";

/// The CA, its token open.
#[derive(Debug)]
pub struct Ca {
    /// Where everything lies.
    pub layout: Layout,
    /// What `ca.toml` says.
    pub settings: Settings,
    bench: Workbench,
    disk: Disk,
    clock: Clock,
    chance: Chance,
}

impl Ca {
    /// Makes the CA below `layout`, or what of it is missing: token, keys, certificates, lists.
    ///
    /// # Errors
    /// What the token or the disk refuses.
    pub fn init(
        layout: Layout,
        settings: Settings,
        disk: Disk,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, String> {
        disk.make_dir(&layout.issued()).map_err(told)?;
        let settings = settings.kept(&layout, &disk)?;
        for path in [layout.so_pin(), layout.pin()] {
            token::pin_file(&path, &disk, &chance)?;
        }
        let mut bench = Workbench::open(&settings.module).map_err(told)?;
        let (so_pin, pin) = (
            token::read_pin(&layout.so_pin())?,
            token::read_pin(&layout.pin())?,
        );
        token::ensure(&mut bench, &settings.token_label, None, &so_pin, &pin)?;
        bench
            .login(&TokenName::Label(settings.token_label.clone()), &pin)
            .map_err(told)?;
        for label in Which::ALL
            .map(Which::key)
            .into_iter()
            .chain([OCSP_KEY, TSA_KEY])
        {
            token::key(&bench, label, Kind::P256)?;
        }
        let ca = Self {
            layout,
            settings,
            bench,
            disk,
            clock,
            chance,
        };
        ca.make_authorities()?;
        ca.make_responders()?;
        if !Which::ALL
            .iter()
            .all(|which| ca.layout.list(*which).exists())
        {
            ca.renew_lists(ca.settings.list_days)?;
        }
        Ok(ca)
    }

    /// Opens a CA that was made before.
    ///
    /// # Errors
    /// When there is none, or its token is not there.
    pub fn open(layout: Layout, disk: Disk, clock: Clock, chance: Chance) -> Result<Self, String> {
        let settings = Settings::read(&layout)?;
        let mut bench = Workbench::open(&settings.module).map_err(told)?;
        let pin = token::read_pin(&layout.pin())?;
        bench
            .login(&TokenName::Label(settings.token_label.clone()), &pin)
            .map_err(told)?;
        Ok(Self {
            layout,
            settings,
            bench,
            disk,
            clock,
            chance,
        })
    }

    fn make_authorities(&self) -> Result<(), String> {
        let now = self.clock.now();
        for which in Which::ALL {
            let path = self.layout.certificate(which);
            if path.exists() {
                continue;
            }
            let key = TokenKey::find(&self.bench, which.key())?;
            let der = match which {
                Which::Root => Authority::root(which.name(), key, &self.chance, now)
                    .map(|one| one.der().to_vec()),
                _ => self
                    .authority(Which::Root)?
                    .below(which.name(), key, &self.chance, now)
                    .map(|one| one.der().to_vec()),
            };
            let der = der.map_err(told)?;
            if which != Which::Root {
                self.enter_authority(&der)?;
            }
            self.write_pem(&path, &der)?;
        }
        Ok(())
    }

    /// One responder key with a certificate by each authority, and the key of time stamps.
    fn make_responders(&self) -> Result<(), String> {
        for which in Which::ALL {
            let name = format!(
                "trucgate TEST OCSP responder {}, not for production",
                which.as_str()
            );
            self.own(
                which,
                OCSP_KEY,
                Use::OcspResponder,
                &name,
                &self.layout.responder(which),
            )?;
        }
        let name = "trucgate TEST time-stamp authority, not for production";
        self.own(
            Which::Agency,
            TSA_KEY,
            Use::TimeStamping,
            name,
            &self.layout.tsa(),
        )
    }

    fn own(
        &self,
        which: Which,
        label: &str,
        usage: Use<'_>,
        name: &str,
        path: &std::path::Path,
    ) -> Result<(), String> {
        if path.exists() {
            return Ok(());
        }
        let key = TokenKey::find(&self.bench, label)?;
        let now = self.clock.now();
        let wanted = Wanted {
            spki_der: key.spki_der(),
            usage,
            code: None,
            name,
            not_before: now - time::Duration::days(1),
            not_after: now + time::Duration::days(3_600),
        };
        let der = self
            .authority(which)?
            .issue(&wanted, &self.chance)
            .map_err(told)?;
        self.write_pem(path, &der)
    }

    /// One of the three, its key in the token.
    ///
    /// # Errors
    /// When its certificate or key is not there.
    pub fn authority(&self, which: Which) -> Result<Authority<TokenKey<'_>>, String> {
        let der = self.layout.read(&self.layout.certificate(which))?;
        let key = TokenKey::find(&self.bench, which.key())?;
        let pointers = Pointers {
            list: self.settings.list_url(which),
            ocsp: self.settings.ocsp_url.clone(),
        };
        Ok(Authority::of(der, key).map_err(told)?.pointing(pointers))
    }

    fn write_pem(&self, path: &std::path::Path, der: &[u8]) -> Result<(), String> {
        self.disk
            .replace(path, pem::encode("CERTIFICATE", der).as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
