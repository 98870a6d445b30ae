//! Where the CA's files lie, and what `ca.toml` says.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::told;
use crate::durable::Disk;
use crate::trust::pem;

/// One of the three authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The anchor; issues the other two.
    Root,
    /// Issues TLS certificates.
    Server,
    /// Issues seal certificates.
    Agency,
}

impl Which {
    /// All three, the root first.
    pub const ALL: [Self; 3] = [Self::Root, Self::Server, Self::Agency];

    /// Its word in file names and in the index.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Server => "server",
            Self::Agency => "agency",
        }
    }

    /// Label of its key in the token.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Root => "ca-root",
            Self::Server => "ca-server",
            Self::Agency => "ca-agency",
        }
    }

    /// Its common name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "trucgate TEST Government root CA, not for production",
            Self::Server => "trucgate TEST server CA, not for production",
            Self::Agency => "trucgate TEST agency CA, not for production",
        }
    }
}

/// The CA's directory.
#[derive(Clone, Debug)]
pub struct Layout(PathBuf);

impl Layout {
    /// The CA below `directory`.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    /// The directory itself.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// `ca.toml`.
    #[must_use]
    pub fn settings(&self) -> PathBuf {
        self.0.join("ca.toml")
    }

    /// The security officer's PIN.
    #[must_use]
    pub fn so_pin(&self) -> PathBuf {
        self.0.join("so-pin")
    }

    /// The user's PIN.
    #[must_use]
    pub fn pin(&self) -> PathBuf {
        self.0.join("pin")
    }

    /// An authority's certificate, PEM.
    #[must_use]
    pub fn certificate(&self, which: Which) -> PathBuf {
        self.0.join(format!("{}.pem", which.as_str()))
    }

    /// An authority's revocation list, DER.
    #[must_use]
    pub fn list(&self, which: Which) -> PathBuf {
        self.0.join(format!("{}.crl", which.as_str()))
    }

    /// The responder's certificate by this authority, PEM; its key is [`super::OCSP_KEY`].
    #[must_use]
    pub fn responder(&self, which: Which) -> PathBuf {
        self.0.join(format!("ocsp-{}.pem", which.as_str()))
    }

    /// The certificate of time stamps, PEM; its key is [`super::TSA_KEY`].
    #[must_use]
    pub fn tsa(&self) -> PathBuf {
        self.0.join("tsa.pem")
    }

    /// The list of all that was issued.
    #[must_use]
    pub fn index(&self) -> PathBuf {
        self.0.join("index.tsv")
    }

    /// Where issued certificates are kept.
    #[must_use]
    pub fn issued(&self) -> PathBuf {
        self.0.join("issued")
    }

    /// An issued certificate by its serial number, PEM.
    #[must_use]
    pub fn certificate_of(&self, serial: &str) -> PathBuf {
        self.issued().join(format!("{serial}.pem"))
    }

    /// The first certificate of a file, DER.
    ///
    /// # Errors
    /// Names the file that can't be read.
    pub fn read(&self, path: &Path) -> Result<Vec<u8>, String> {
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        pem::certificates(&bytes)
            .and_then(|all| all.into_iter().next())
            .ok_or_else(|| format!("{}: no certificate", path.display()))
    }
}

/// `ca.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The PKCS#11 module.
    pub module: PathBuf,
    /// Label of the CA's token.
    pub token_label: String,
    /// URL below which `root.crl`, `server.crl`, `agency.crl` are found; written into certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list_url: Option<String>,
    /// URL of the OCSP responder; written into certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ocsp_url: Option<String>,
    /// Days for which a revocation list is good.
    pub list_days: u16,
}

impl Settings {
    /// Reads the CA's settings.
    ///
    /// # Errors
    /// When there is no CA here, or a key is unknown or wrong.
    pub fn read(layout: &Layout) -> Result<Self, String> {
        let path = layout.settings();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!(
                "{}: {error}; ở đây chưa có CA: trucgate provision ca init / there is no CA here",
                path.display()
            )
        })?;
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Keeps these settings, or gives those of the CA that is there, which must be the same.
    pub(super) fn kept(self, layout: &Layout, disk: &Disk) -> Result<Self, String> {
        let path = layout.settings();
        if path.exists() {
            let there = Self::read(layout)?;
            return if there == self {
                Ok(there)
            } else {
                Err(format!(
                    "{}: ở đây đã có CA với cấu hình khác / another CA is here already; choose another directory or say the same",
                    path.display()
                ))
            };
        }
        disk.replace(&path, self.text().as_bytes()).map_err(told)?;
        Ok(self)
    }

    fn text(&self) -> String {
        // JSON's strings are TOML's basic strings.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = format!(
            "module = {}\ntoken_label = {}\nlist_days = {}\n",
            quoted(&self.module.to_string_lossy()),
            quoted(&self.token_label),
            self.list_days
        );
        for (name, url) in [("list_url", &self.list_url), ("ocsp_url", &self.ocsp_url)] {
            if let Some(url) = url {
                text += &format!("{name} = {}\n", quoted(url));
            }
        }
        text
    }

    /// URL of an authority's list.
    #[must_use]
    pub fn list_url(&self, which: Which) -> Option<String> {
        let base = self.list_url.as_deref()?.trim_end_matches('/');
        Some(format!("{base}/{}.crl", which.as_str()))
    }
}
