//! What a certificate must look like for each purpose, and where it says whose it is.

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::{rfc5280, rfc5912};
use serde::Deserialize;

use super::certificate::{Certificate, names_tls};
use super::refusal::{Refusal, Verdict};
use super::signature::Kind;
use crate::packet::MemberId;

/// What a certificate is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// As a client on a TLS connection.
    TlsClient,
    /// As a server on a TLS connection.
    TlsServer,
    /// To seal as a member.
    Seal,
    /// To stamp the time (RFC 3161 section 2.3).
    TimeStamp,
}

impl Purpose {
    fn words(self) -> &'static str {
        match self {
            Self::TlsClient => "a TLS client",
            Self::TlsServer => "a TLS server",
            Self::Seal => "sealing",
            Self::TimeStamp => "time stamps",
        }
    }
}

/// Where a certificate carries its member's identification code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSource {
    /// serialNumber of the subject (RFC 4519 section 2.31).
    SubjectSerialNumber,
    /// organizationIdentifier of the subject (OID 2.5.4.97).
    OrganizationIdentifier,
    /// A URI `urn:trucgate:member:CODE` among the subject's alternative names.
    #[default]
    SanUri,
}

/// What stands before the code in a SAN URI.
pub(crate) const CODE_URI: &str = "urn:trucgate:member:";

/// The certificate profile of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Where the identification code stands.
    pub code: CodeSource,
    /// Shortest RSA modulus of an end certificate, in bits; less than 2048 counts as 2048.
    pub rsa_bits: usize,
    /// Whether an end certificate may have a P-384 key.
    pub p384: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            code: CodeSource::default(),
            rsa_bits: 2048,
            p384: false,
        }
    }
}

impl Profile {
    /// Key, key usage and extended key usage of an end certificate (RFC 5280 sections 4.2.1.3 and 4.2.1.12).
    pub(crate) fn suits(&self, leaf: &Certificate, purpose: Purpose) -> Result<(), Refusal> {
        if let Some(oid) = leaf.unknown_critical {
            return Err(leaf.refuse(Verdict::CriticalExtension, oid.to_string()));
        }
        let strong = match leaf.key.kind {
            Kind::Rsa { bits } => bits >= self.rsa_bits.max(2048),
            Kind::P256 => true,
            Kind::P384 => self.p384,
            Kind::Other(_) => false,
        };
        if !strong {
            return Err(leaf.refuse(Verdict::WeakKey, leaf.key.describe()));
        }
        let wrong = |why: &str| {
            leaf.refuse(
                Verdict::WrongUsage,
                format!("not for {}: {why}", purpose.words()),
            )
        };
        if leaf.ca {
            return Err(wrong("it is an authority's own certificate"));
        }
        let usage = leaf.usage.as_ref();
        let purposes = leaf.purposes.as_deref();
        match purpose {
            Purpose::TlsClient | Purpose::TlsServer => {
                let wanted = match purpose {
                    Purpose::TlsServer => (rfc5280::ID_KP_SERVER_AUTH, "serverAuth"),
                    _ => (rfc5280::ID_KP_CLIENT_AUTH, "clientAuth"),
                };
                if usage.is_some_and(|usage| !usage.digital_signature()) {
                    return Err(wrong("keyUsage lacks digitalSignature"));
                }
                if !purposes.is_some_and(|all| all.contains(&wanted.0)) {
                    return Err(wrong(&format!("extendedKeyUsage lacks {}", wanted.1)));
                }
            }
            Purpose::Seal => {
                if !usage.is_some_and(|u| u.digital_signature() && u.non_repudiation()) {
                    return Err(wrong("keyUsage lacks digitalSignature and nonRepudiation"));
                }
                if purposes.is_some_and(names_tls) {
                    return Err(wrong("extendedKeyUsage names TLS"));
                }
            }
            Purpose::TimeStamp => {
                Self::signs_for(leaf, rfc5280::ID_KP_TIME_STAMPING, "timeStamping")?;
                if !leaf.purposes_critical || purposes.is_some_and(|all| all.len() != 1) {
                    return Err(wrong("extendedKeyUsage is not critical, or names more"));
                }
            }
        }
        Ok(())
    }

    /// Key, key usage and extended key usage of a delegated OCSP responder (RFC 6960 section 4.2.2.2).
    pub(crate) fn responder_suits(responder: &Certificate) -> Result<(), Refusal> {
        Self::signs_for(responder, rfc5280::ID_KP_OCSP_SIGNING, "OCSPSigning")
    }

    fn signs_for(one: &Certificate, purpose: Oid, name: &str) -> Result<(), Refusal> {
        if let Some(oid) = one.unknown_critical {
            return Err(one.refuse(Verdict::CriticalExtension, oid.to_string()));
        }
        let strong = match one.key.kind {
            Kind::Rsa { bits } => bits >= 2048,
            Kind::P256 | Kind::P384 => true,
            Kind::Other(_) => false,
        };
        if !strong {
            return Err(one.refuse(Verdict::WeakKey, one.key.describe()));
        }
        if one
            .usage
            .as_ref()
            .is_some_and(|usage| !usage.digital_signature() && !usage.non_repudiation())
        {
            return Err(one.refuse(Verdict::WrongUsage, "keyUsage lacks digitalSignature"));
        }
        if !one
            .purposes
            .as_deref()
            .is_some_and(|all| all.contains(&purpose))
        {
            let why = format!("extendedKeyUsage lacks {name}");
            return Err(one.refuse(Verdict::WrongUsage, why));
        }
        Ok(())
    }

    /// Whether an authority's own extended key usage, when it has one, covers `purpose`.
    pub(crate) fn authority_suits(
        authority: &Certificate,
        purpose: Purpose,
    ) -> Result<(), Refusal> {
        let Some(all) = authority.purposes.as_deref() else {
            return Ok(());
        };
        let wanted = match purpose {
            Purpose::TlsClient => rfc5280::ID_KP_CLIENT_AUTH,
            Purpose::TlsServer => rfc5280::ID_KP_SERVER_AUTH,
            Purpose::Seal => return Ok(()),
            Purpose::TimeStamp => rfc5280::ID_KP_TIME_STAMPING,
        };
        if all.contains(&wanted) || all.contains(&rfc5912::ANY_EXTENDED_KEY_USAGE) {
            Ok(())
        } else {
            Err(authority.refuse(
                Verdict::WrongUsage,
                format!("this authority may not issue for {}", purpose.words()),
            ))
        }
    }

    /// The code that the certificate carries: exactly one, where the profile says.
    pub(crate) fn code_of(&self, leaf: &Certificate) -> Result<MemberId, Refusal> {
        let (place, found): (_, Vec<&str>) = match self.code {
            CodeSource::SubjectSerialNumber => (
                "subject serialNumber",
                leaf.serial_numbers.iter().map(String::as_str).collect(),
            ),
            CodeSource::OrganizationIdentifier => (
                "subject organizationIdentifier",
                leaf.organization_identifiers
                    .iter()
                    .map(String::as_str)
                    .collect(),
            ),
            CodeSource::SanUri => (
                "subjectAltName URI urn:trucgate:member:",
                leaf.uris
                    .iter()
                    .filter_map(|uri| uri.strip_prefix(CODE_URI))
                    .collect(),
            ),
        };
        match found.as_slice() {
            [] => Err(leaf.refuse(Verdict::NoMemberCode, format!("no {place}"))),
            [one] => one.parse().map_err(|error| {
                leaf.refuse(Verdict::NoMemberCode, format!("{place} {one:?}: {error}"))
            }),
            _ => Err(leaf.refuse(Verdict::NoMemberCode, format!("more than one {place}"))),
        }
    }
}
