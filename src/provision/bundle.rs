//! The certificates of a file as certification authorities hand them out: PEM, DER or PKCS#7, any number, in any order.

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use const_oid::db::rfc5911;
use der::{Decode, Encode};

use crate::trust::pem;

/// Certificates of one file at most.
const MOST: usize = 64;
/// Bytes of one file at most.
pub const LONGEST: usize = 1 << 20;

/// The certificates in `bytes`, DER, in their order.
///
/// # Errors
/// Says what the file is not.
pub fn certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if bytes.len() > LONGEST {
        return Err("tệp quá lớn / the file is larger than 1 MiB".to_owned());
    }
    let mut found = Vec::new();
    if bytes.first() == Some(&0x30) {
        match ContentInfo::from_der(bytes) {
            Ok(info) => found.extend(of_pkcs7(&info)?),
            Err(_) => found.push(bytes.to_vec()),
        }
    } else {
        for label in ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"] {
            found.extend(blocks(bytes, label)?);
        }
        for label in ["PKCS7", "CMS"] {
            for der in blocks(bytes, label)? {
                let info =
                    ContentInfo::from_der(&der).map_err(|error| format!("PKCS#7: {error}"))?;
                found.extend(of_pkcs7(&info)?);
            }
        }
    }
    match found.len() {
        0 => Err("không có chứng thư nào ở dạng PEM, DER hoặc PKCS#7 / no certificate in PEM, DER or PKCS#7".to_owned()),
        1..=MOST => Ok(found),
        many => Err(format!("{many} chứng thư là quá nhiều / {many} certificates are too many for one file")),
    }
}

fn blocks(bytes: &[u8], label: &str) -> Result<Vec<Vec<u8>>, String> {
    pem::blocks(bytes, label).ok_or_else(|| {
        "không phải văn bản PEM hợp lệ / neither DER nor PEM, or its base64 is broken".to_owned()
    })
}

/// The certificates of a degenerate SignedData (RFC 2315 section 9.1, `.p7b`).
fn of_pkcs7(info: &ContentInfo) -> Result<Vec<Vec<u8>>, String> {
    if info.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(format!("PKCS#7: {} is no SignedData", info.content_type));
    }
    let told = |error: der::Error| format!("PKCS#7: {error}");
    let data: SignedData = info.content.decode_as().map_err(told)?;
    let mut found = Vec::new();
    for one in data.certificates.iter().flat_map(|set| set.0.iter()) {
        if let CertificateChoices::Certificate(certificate) = one {
            found.push(certificate.to_der().map_err(told)?);
        }
    }
    Ok(found)
}
