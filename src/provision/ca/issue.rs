//! Certificates from requests: the request's signature, key and extensions are checked, the profile is the CA's own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rcgen::{
    CertificateSigningRequestParams, DnType, DnValue, ExtendedKeyUsagePurpose, PublicKeyData as _,
    SanType,
};

use super::index::{Index, Line, Status};
use super::{Ca, Which, told};
use crate::packet::MemberId;
use crate::trust::directory::Fingerprint;
use crate::trust::issue::{Use, Wanted};
use crate::trust::{CODE_URI, pem};

/// What a certificate of this CA is for, as the officer names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UseName {
    /// A box's or the hub's TLS certificate.
    Tls,
    /// A member's seal certificate.
    Seal,
    /// An intermediate's own certificate, which no request gets.
    Ca,
}

impl UseName {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Seal => "seal",
            Self::Ca => "ca",
        }
    }

    pub(super) fn issuer(self) -> Which {
        match self {
            Self::Tls => Which::Server,
            Self::Seal => Which::Agency,
            Self::Ca => Which::Root,
        }
    }
}

impl fmt::Display for UseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for UseName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tls" => Ok(Self::Tls),
            "seal" => Ok(Self::Seal),
            "ca" => Ok(Self::Ca),
            other => Err(format!("{other:?} is none of tls, seal")),
        }
    }
}

/// A certificate request (PKCS#10, RFC 2986) whose signature holds.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it asks to be used for, by its extensions.
    pub usage: UseName,
    /// The identification code that it names.
    pub code: MemberId,
    /// Host names and addresses.
    pub names: Vec<String>,
    /// Common name.
    pub name: String,
    spki_der: Vec<u8>,
}

impl Asked {
    /// Reads a request, PEM or DER.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let der = pem::blocks(bytes, "CERTIFICATE REQUEST")
            .and_then(|all| all.into_iter().next())
            .ok_or("không phải yêu cầu cấp chứng thư / not a certificate request")?;
        let read =
            CertificateSigningRequestParams::from_der(&der.as_slice().into()).map_err(|error| {
                format!("yêu cầu cấp chứng thư không hợp lệ / the request is refused: {error}")
            })?;
        let (mut names, mut codes) = (Vec::new(), Vec::new());
        for name in &read.params.subject_alt_names {
            match name {
                SanType::DnsName(name) => names.push(name.to_string()),
                SanType::IpAddress(address) => names.push(address.to_string()),
                SanType::URI(uri) => {
                    codes.extend(uri.as_str().strip_prefix(CODE_URI).map(str::to_owned));
                }
                _ => {}
            }
        }
        let [code] = &codes[..] else {
            return Err(format!(
                "yêu cầu không mang đúng một mã định danh / the request names {} codes in URI {CODE_URI}, not one",
                codes.len()
            ));
        };
        let purposes = &read.params.extended_key_usages;
        let is_tls = purposes.contains(&ExtendedKeyUsagePurpose::ServerAuth)
            || purposes.contains(&ExtendedKeyUsagePurpose::ClientAuth);
        let name = match read.params.distinguished_name.get(&DnType::CommonName) {
            Some(DnValue::Utf8String(text)) => text.clone(),
            Some(DnValue::PrintableString(text)) => text.as_str().to_owned(),
            _ => code.clone(),
        };
        Ok(Self {
            usage: if is_tls { UseName::Tls } else { UseName::Seal },
            code: code.parse().map_err(|error| format!("{code:?}: {error}"))?,
            names,
            name,
            spki_der: read.public_key.subject_public_key_info(),
        })
    }
}

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Its line in the index.
    pub line: Line,
    /// The file that holds the certificate and its issuer's, PEM.
    pub file: PathBuf,
    /// It had been issued before, for the same key and use, and is given out again.
    pub again: bool,
}

impl Ca {
    /// Issues what a request file asks for, valid for `days`, into `out` under the request's file name. A key that has a good
    /// certificate for this use gets the same one again.
    ///
    /// # Errors
    /// When the request is refused, or asks for another use than `profile`.
    pub fn issue(
        &self,
        request: &Path,
        profile: Option<UseName>,
        days: u16,
        out: &Path,
    ) -> Result<Issued, String> {
        let at = |error: String| format!("{}: {error}", request.display());
        let bytes = std::fs::read(request).map_err(|error| at(error.to_string()))?;
        let asked = Asked::read(&bytes).map_err(at)?;
        if let Some(profile) = profile.filter(|profile| *profile != asked.usage) {
            return Err(at(format!(
                "yêu cầu là loại {}, không phải {profile} / the request asks for {}, not {profile}",
                asked.usage, asked.usage
            )));
        }
        let stem = request
            .file_stem()
            .ok_or_else(|| at("a file without a name".to_owned()))?;
        // A code has dots of its own, which are no extension.
        let mut name = stem.to_owned();
        name.push(".pem");
        let file = out.join(name);
        let (line, again) = self.line_for(&asked, days)?;
        let mut text = String::new();
        for path in [
            self.layout.certificate_of(&line.serial),
            self.layout.certificate(line.issuer),
        ] {
            text += &pem::encode("CERTIFICATE", &self.layout.read(&path)?);
        }
        self.disk.make_dir(out).map_err(told)?;
        self.disk
            .replace(&file, text.as_bytes())
            .map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(Issued { line, file, again })
    }

    /// Enters an intermediate's own certificate, so that it can be revoked like any other.
    pub(super) fn enter_authority(&self, der: &[u8]) -> Result<(), String> {
        let mut index = Index::read(&self.layout)?;
        let line = Line::of(der, UseName::Ca, None, self.clock.now())?;
        if index.find(&line.serial).is_some() {
            return Ok(());
        }
        index.add(line);
        index.write(&self.layout.index(), &self.disk)
    }

    fn line_for(&self, asked: &Asked, days: u16) -> Result<(Line, bool), String> {
        let now = self.clock.now();
        let key = Fingerprint::of(&asked.spki_der);
        let mut index = Index::read(&self.layout)?;
        let known = index.lines().iter().find(|line| {
            line.key == key
                && line.usage == asked.usage
                && line.status == Status::Good
                && line.not_after > now
                && self.layout.certificate_of(&line.serial).exists()
        });
        if let Some(line) = known {
            return Ok((line.clone(), true));
        }
        let name = format!("TEST {}", asked.name);
        let not_after = now + time::Duration::days(i64::from(days));
        let wanted = Wanted {
            spki_der: &asked.spki_der,
            usage: match asked.usage {
                UseName::Tls => Use::Tls {
                    names: &asked.names,
                },
                UseName::Seal | UseName::Ca => Use::Seal,
            },
            code: Some(&asked.code),
            name: &name,
            not_before: now - time::Duration::days(1),
            not_after,
        };
        let issuer = asked.usage.issuer();
        let der = self
            .authority(issuer)?
            .issue(&wanted, &self.chance)
            .map_err(told)?;
        let line = Line::of(&der, asked.usage, Some(&asked.code), now)?;
        index.add(line.clone());
        // The line first: a certificate that the CA does not know of can't be revoked.
        index.write(&self.layout.index(), &self.disk)?;
        self.write_pem(&self.layout.certificate_of(&line.serial), &der)?;
        Ok((line, false))
    }
}
