//! A responder's side (RFC 6960 section 2): reads a question, makes the answer, and has it signed by a key that lies elsewhere.

use std::sync::Arc;

use const_oid::db::{rfc5912, rfc6960};
use der::asn1::{BitString, GeneralizedTime, Null, OctetString};
use der::{Any, DateTime, Decode};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extension;
use x509_ocsp::{
    BasicOcspResponse, CertId, CertStatus, OcspGeneralizedTime, OcspRequest, OcspResponse,
    ResponderId, ResponseData, RevokedInfo, SingleResponse, Version,
};

use super::answer::named;
use super::{LONGEST, hashes};
use crate::clock::Moment;
use crate::trust::Error;
use crate::trust::certificate::{Certificate, magnitude};
use crate::trust::signature::{Algorithm, Kind, der_of};

/// Certificates that one question may name.
const MOST: usize = 16;

/// What a question asks of.
#[derive(Clone, Debug)]
pub struct Asked {
    ids: Vec<CertId>,
    nonce: Option<Extension>,
}

/// What a responder's register says of a serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Issued and not revoked.
    Good,
    /// Revoked since then.
    Revoked(Moment),
    /// Never issued here.
    Unknown,
}

/// Who answers: an authority, or a delegate that it appointed.
#[derive(Clone, Debug)]
pub struct Responder {
    authority: Arc<Certificate>,
    delegate: Option<Arc<Certificate>>,
}

/// Reads a question.
///
/// # Errors
/// When it is none; the answer to it is [`refusal`].
pub fn asked(der: &[u8]) -> Result<Asked, Error> {
    let bad = |why: String| Error::Answer(format!("question: {why}"));
    if der.len() > LONGEST {
        return Err(bad("too long".to_owned()));
    }
    let request = OcspRequest::from_der(der).map_err(|error| bad(error.to_string()))?;
    let list = request.tbs_request.request_list;
    if list.is_empty() || list.len() > MOST {
        return Err(bad(format!("{} certificates", list.len())));
    }
    let extensions = request.tbs_request.request_extensions.unwrap_or_default();
    Ok(Asked {
        ids: list.into_iter().map(|one| one.req_cert).collect(),
        nonce: extensions
            .into_iter()
            .find(|one| one.extn_id == rfc6960::ID_PKIX_OCSP_NONCE),
    })
}

/// The answer `malformedRequest`, or `tryLater` where the key is away; neither is signed (RFC 6960 section 2.3).
#[must_use]
pub fn refusal(later: bool) -> Vec<u8> {
    let response = if later {
        OcspResponse::try_later()
    } else {
        OcspResponse::malformed_request()
    };
    der_of(&response).unwrap_or_default()
}

impl Responder {
    /// `delegate`'s certificate, where there is one, is sent along with each answer.
    ///
    /// # Errors
    /// When a certificate can't be read.
    pub fn new(authority: &[u8], delegate: Option<&[u8]>) -> Result<Self, Error> {
        let read = |der| {
            Certificate::read(der)
                .map(Arc::new)
                .map_err(Error::Certificate)
        };
        Ok(Self {
            authority: read(authority)?,
            delegate: delegate.map(read).transpose()?,
        })
    }

    /// Whether the first certificate asked about is the authority's.
    #[must_use]
    pub fn knows(&self, asked: &Asked) -> bool {
        let ours = std::slice::from_ref(&self.authority);
        asked
            .ids
            .first()
            .is_some_and(|id| named(id, ours).is_some())
    }

    /// Answers by `register` (serial number in lower-case hex); `sign` signs with SHA-256 by the responder's key: ECDSA in
    /// DER for P-256, PKCS#1 for RSA.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn answer(
        &self,
        asked: &Asked,
        register: impl Fn(&str) -> Reply,
        (this_update, next_update): (Moment, Moment),
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, String>,
    ) -> Result<Vec<u8>, Error> {
        let unwritten = |error: der::Error| Error::Answer(error.to_string());
        let signer = self.delegate.as_ref().unwrap_or(&self.authority);
        let (_, key_hash) = hashes(super::SHA_1, signer).unwrap_or_default();
        let data = ResponseData {
            version: Version::V1,
            responder_id: ResponderId::ByKey(OctetString::new(key_hash).map_err(unwritten)?),
            produced_at: written(this_update)?,
            responses: asked
                .ids
                .iter()
                .map(|id| self.single(id, &register, this_update, next_update))
                .collect::<Result<_, _>>()?,
            response_extensions: asked.nonce.clone().map(|nonce| vec![nonce]),
        };
        let tbs = der_of(&data).map_err(unwritten)?;
        let signature = sign(&tbs).map_err(Error::Answer)?;
        let certificate = |one: &Arc<Certificate>| x509_cert::Certificate::from_der(&one.der);
        let certs = self.delegate.as_ref().map(certificate).transpose();
        let basic = BasicOcspResponse {
            tbs_response_data: data,
            signature_algorithm: algorithm(signer)?,
            signature: BitString::from_bytes(&signature).map_err(unwritten)?,
            certs: certs.map_err(unwritten)?.map(|one| vec![one]),
        };
        OcspResponse::successful(basic)
            .and_then(|response| der_of(&response))
            .map_err(unwritten)
    }

    fn single(
        &self,
        id: &CertId,
        register: impl Fn(&str) -> Reply,
        this_update: Moment,
        next_update: Moment,
    ) -> Result<SingleResponse, Error> {
        let serial = data_encoding::HEXLOWER.encode(magnitude(id.serial_number.as_bytes()));
        let ours = named(id, std::slice::from_ref(&self.authority)).is_some();
        let reply = if ours {
            register(&serial)
        } else {
            Reply::Unknown
        };
        Ok(SingleResponse {
            cert_id: id.clone(),
            cert_status: match reply {
                Reply::Good => CertStatus::good(),
                Reply::Unknown => CertStatus::unknown(),
                Reply::Revoked(since) => CertStatus::revoked(RevokedInfo {
                    revocation_time: written(since)?,
                    revocation_reason: None,
                }),
            },
            this_update: written(this_update)?,
            next_update: Some(written(next_update)?),
            single_extensions: None,
        })
    }
}

/// How `signer`'s key signs.
pub(crate) fn algorithm(signer: &Certificate) -> Result<AlgorithmIdentifierOwned, Error> {
    let (oid, parameters) = match signer.key.kind {
        Kind::Rsa { .. } => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Some(Any::from(Null))),
        Kind::P256 => (rfc5912::ECDSA_WITH_SHA_256, None),
        _ => {
            return Err(Error::Answer(
                "the responder's key is neither RSA nor P-256".to_owned(),
            ));
        }
    };
    let identifier = AlgorithmIdentifierOwned { oid, parameters };
    debug_assert!(Algorithm::of(&identifier).is_some());
    Ok(identifier)
}

fn written(at: Moment) -> Result<OcspGeneralizedTime, Error> {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
    DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))
        .map(|time| OcspGeneralizedTime(GeneralizedTime::from_date_time(time)))
        .map_err(|error| Error::Answer(error.to_string()))
}
