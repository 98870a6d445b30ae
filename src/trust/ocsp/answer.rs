//! An answer read and verified (RFC 6960 section 3.2): who signed it, about which certificates, from when until when.

use std::sync::Arc;

use const_oid::db::rfc6960;
use der::asn1::OctetString;
use der::{Decode, Reader, SliceReader};
use x509_cert::ext::Extension;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus,
    ResponderId,
};

use super::{LONGEST, hashes};
use crate::clock::Moment;
use crate::trust::Error;
use crate::trust::certificate::{Certificate, magnitude};
use crate::trust::profile::Profile;
use crate::trust::signature::{Algorithm, der_of};

/// Certificates that one answer may speak of.
const MOST: usize = 64;
/// Certificates that one answer may bring along.
const MOST_CERTIFICATES: usize = 8;
/// How long an answer without nextUpdate is good: newer ones are always to be had (RFC 6960 section 4.2.2.1).
const WITHOUT_NEXT: time::Duration = time::Duration::hours(1);

/// What an answer says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Not revoked.
    Good,
    /// Revoked since then.
    Revoked(Moment),
    /// The responder does not know it.
    Unknown,
}

/// One verified answer about one certificate.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The whole OCSPResponse as received.
    pub(crate) der: Arc<[u8]>,
    /// The certificate's serial number without leading zeros.
    pub(crate) serial: Vec<u8>,
    pub(crate) status: Status,
    pub(crate) this_update: Moment,
    pub(crate) next_update: Moment,
    pub(crate) produced_at: Moment,
    /// The delegated responder's certificate; `None` when the authority itself signed.
    pub(crate) delegate: Option<Arc<Certificate>>,
}

/// Reads `der` and verifies it against `authorities`. What it says of certificates of others is left out.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn read(
    der: &[u8],
    authorities: &[Arc<Certificate>],
    nonce: Option<&[u8]>,
) -> Result<Vec<Answer>, Error> {
    if der.len() > LONGEST {
        return Err(bad(format!("{} bytes are too many", der.len())));
    }
    let response = OcspResponse::from_der(der).map_err(unreadable)?;
    if response.response_status != OcspResponseStatus::Successful {
        return Err(bad(format!(
            "the responder refuses: {:?}",
            response.response_status
        )));
    }
    let bytes = response
        .response_bytes
        .filter(|bytes| bytes.response_type == rfc6960::ID_PKIX_OCSP_BASIC)
        .ok_or_else(|| bad("it is not of the type id-pkix-ocsp-basic"))?;
    let raw = bytes.response.as_bytes();
    let basic = BasicOcspResponse::from_der(raw).map_err(unreadable)?;
    let parts = Parts::of(raw).map_err(unreadable)?;
    let data = &basic.tbs_response_data;
    none_critical(data.response_extensions.as_deref())?;
    if let Some(nonce) = nonce {
        check_nonce(data.response_extensions.as_deref(), nonce)?;
    }
    if data.responses.len() > MOST {
        return Err(bad("it speaks of too many certificates"));
    }
    let algorithm = Algorithm::of(&basic.signature_algorithm)
        .ok_or_else(|| bad("it is signed with an algorithm that is not accepted"))?;
    let signature = basic.signature.as_bytes().unwrap_or_default();
    let produced_at = moment(data.produced_at)?;
    let whole: Arc<[u8]> = der.into();
    let mut answers = Vec::new();
    for single in &data.responses {
        let Some(authority) = named(&single.cert_id, authorities) else {
            continue;
        };
        none_critical(single.single_extensions.as_deref())?;
        let issuer = &authorities[authority];
        let delegate = signer(&data.responder_id, issuer, &parts, produced_at)?;
        let key = &delegate.as_ref().unwrap_or(issuer).key;
        if !key.verifies(algorithm, parts.tbs, signature) {
            return Err(bad("its signature does not hold"));
        }
        let this_update = moment(single.this_update)?;
        let next_update = match single.next_update {
            Some(next) => moment(next)?,
            None => this_update + WITHOUT_NEXT,
        };
        if next_update < this_update {
            return Err(bad("its nextUpdate lies before its thisUpdate"));
        }
        answers.push(Answer {
            der: whole.clone(),
            serial: magnitude(single.cert_id.serial_number.as_bytes()).to_vec(),
            status: match &single.cert_status {
                CertStatus::Good(_) => Status::Good,
                CertStatus::Revoked(info) => Status::Revoked(moment(info.revocation_time)?),
                CertStatus::Unknown(_) => Status::Unknown,
            },
            this_update,
            next_update,
            produced_at,
            delegate,
        });
    }
    Ok(answers)
}

/// The authority among `all` that a CertID names.
pub(super) fn named(id: &CertId, all: &[Arc<Certificate>]) -> Option<usize> {
    all.iter().position(|one| {
        hashes(id.hash_algorithm.oid, one).is_some_and(|(name, key)| {
            id.issuer_name_hash.as_bytes() == name && id.issuer_key_hash.as_bytes() == key
        })
    })
}

/// Parts of a BasicOCSPResponse as they lie in the input.
struct Parts<'a> {
    tbs: &'a [u8],
    certificates: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn of(raw: &'a [u8]) -> der::Result<Self> {
        let (tbs, rest) = SliceReader::new(raw)?.sequence(|inner| {
            let tbs = inner.tlv_bytes()?;
            inner.tlv_bytes()?;
            inner.tlv_bytes()?;
            let rest = if inner.is_finished() {
                &[][..]
            } else {
                der::asn1::AnyRef::decode(inner)?.value()
            };
            Ok((tbs, rest))
        })?;
        let mut certificates = Vec::new();
        if !rest.is_empty() {
            let sequence = der::asn1::AnyRef::from_der(rest)?;
            let mut reader = SliceReader::new(sequence.value())?;
            while !reader.is_finished() && certificates.len() < MOST_CERTIFICATES {
                certificates.push(reader.tlv_bytes()?);
            }
        }
        Ok(Self { tbs, certificates })
    }
}

/// The authority itself (`None`), or whom it appointed (RFC 6960 section 4.2.2.2): a certificate that the authority issued
/// directly, with id-kp-OCSPSigning, valid when the answer was made.
fn signer(
    id: &ResponderId,
    issuer: &Certificate,
    parts: &Parts<'_>,
    produced_at: Moment,
) -> Result<Option<Arc<Certificate>>, Error> {
    if is_of(id, issuer)? {
        return Ok(None);
    }
    let mut why =
        "its signer is neither the issuer nor among the certificates sent along".to_owned();
    for der in &parts.certificates {
        let Ok(one) = Certificate::read(der) else {
            continue;
        };
        if !is_of(id, &one)? {
            continue;
        }
        let at = crate::clock::rfc3339(produced_at);
        if one.issuer != issuer.subject || one.signed_by(issuer).is_err() {
            why = format!(
                "its signer {} is not appointed by the issuer",
                one.subject_text
            );
        } else if let Err(refusal) = Profile::responder_suits(&one) {
            why = format!("its signer is refused: {refusal}");
        } else if produced_at < one.not_before || produced_at > one.not_after {
            why = format!("its signer {} was not valid at {at}", one.subject_text);
        } else {
            return Ok(Some(Arc::new(one)));
        }
    }
    Err(bad(why))
}

fn is_of(id: &ResponderId, one: &Certificate) -> Result<bool, Error> {
    Ok(match id {
        ResponderId::ByName(name) => der_of(name).map_err(unreadable)? == one.subject,
        ResponderId::ByKey(hash) => {
            hashes(super::SHA_1, one).is_some_and(|(_, key)| key == hash.as_bytes())
        }
    })
}

fn none_critical(extensions: Option<&[Extension]>) -> Result<(), Error> {
    let known = rfc6960::ID_PKIX_OCSP_NONCE;
    match extensions
        .unwrap_or(&[])
        .iter()
        .find(|one| one.critical && one.extn_id != known)
    {
        None => Ok(()),
        Some(one) => Err(bad(format!(
            "it has the critical extension {}",
            one.extn_id
        ))),
    }
}

fn check_nonce(extensions: Option<&[Extension]>, asked: &[u8]) -> Result<(), Error> {
    let answered = extensions
        .unwrap_or(&[])
        .iter()
        .find(|one| one.extn_id == rfc6960::ID_PKIX_OCSP_NONCE)
        .ok_or_else(|| bad("it lacks the nonce that was asked for"))?;
    match OctetString::from_der(answered.extn_value.as_bytes()) {
        Ok(nonce) if nonce.as_bytes() == asked => Ok(()),
        _ => Err(bad(
            "its nonce is another one: it answers an older question",
        )),
    }
}

fn moment(time: OcspGeneralizedTime) -> Result<Moment, Error> {
    i64::try_from(time.0.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Moment::from_unix_timestamp(seconds).ok())
        .ok_or_else(|| bad("it names no time"))
}

fn bad(why: impl Into<String>) -> Error {
    Error::Answer(why.into())
}

fn unreadable(error: der::Error) -> Error {
    bad(format!("it cannot be read: {error}"))
}
