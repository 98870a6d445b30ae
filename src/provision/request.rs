//! Certificate requests (PKCS#10, RFC 2986) of the profile in use, signed inside the token.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    KeyUsagePurpose, SanType,
};

use super::TokenKey;
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::trust::CODE_URI;

/// Subject and extensions of a request.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// TLS of the box (serverAuth, clientAuth) or a member's seal (digitalSignature, nonRepudiation).
    pub use_: KeyUse,
    /// The identification code; it goes to serialNumber, organizationIdentifier and the SAN URI, so that it is there
    /// wherever a deployment looks for it.
    pub code: &'a MemberId,
    /// Organization.
    pub organization: &'a str,
    /// Host names and addresses; only for TLS.
    pub names: &'a [String],
}

/// Writes the request and has the token sign it; DER.
///
/// # Errors
/// When a name can't be written, or the token does not sign.
pub fn request(key: &TokenKey<'_>, subject: &Subject<'_>) -> Result<Vec<u8>, String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(subject);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    match subject.use_ {
        KeyUse::Tls => {
            params.extended_key_usages = vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ];
            for name in subject.names {
                params.subject_alt_names.push(match name.parse::<IpAddr>() {
                    Ok(address) => SanType::IpAddress(address),
                    Err(_) => SanType::DnsName(
                        name.as_str()
                            .try_into()
                            .map_err(|error| format!("tên / name {name:?}: {error}"))?,
                    ),
                });
            }
        }
        KeyUse::Seal => params.key_usages.push(KeyUsagePurpose::ContentCommitment),
    }
    let uri = format!("{CODE_URI}{}", subject.code);
    params
        .subject_alt_names
        .push(SanType::URI(uri.try_into().map_err(told)?));
    // What the token says goes before what rcgen makes of it.
    key.sign_message(b"trucgate: is the token there")
        .map_err(told)?;
    let made = params.serialize_request(key).map_err(told)?;
    Ok(made.der().to_vec())
}

fn name(subject: &Subject<'_>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    let code = subject.code.as_str();
    name.push(DnType::CountryName, printable("VN"));
    name.push(DnType::OrganizationName, subject.organization);
    // serialNumber is a PrintableString (RFC 4519 section 2.31), which knows no underscore.
    let serial = printable(&code.replace('_', "-"));
    name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), serial);
    name.push(DnType::CustomDnType(vec![2, 5, 4, 97]), code);
    let common = match subject.use_ {
        KeyUse::Tls => subject.names.first().map_or(code, String::as_str),
        KeyUse::Seal => code,
    };
    name.push(DnType::CommonName, common);
    name
}

fn printable(text: &str) -> DnValue {
    text.try_into().map_or_else(
        |_| DnValue::Utf8String(text.to_owned()),
        DnValue::PrintableString,
    )
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
