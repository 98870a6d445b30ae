//! Time stamps (RFC 3161, RFC 5816): the request, and a token verified before it counts for anything.

use const_oid::ObjectIdentifier as Oid;
use const_oid::db::rfc5912;
use der::asn1::{Int, OctetString};
use der::{Any, Decode, Encode, Sequence, Tag, Tagged};
use ring::digest::{SHA256, digest};
use spki::AlgorithmIdentifierOwned;
use x509_cert::ext::Extensions;
use x509_tsp::{Accuracy, MessageImprint, TimeStampReq, TimeStampResp, TspVersion};

use super::Error;
use super::cms::{self, Enclosed};
use super::profile::Purpose;
use super::refusal::Refusal;
use super::{Bearer, Trust};
use crate::clock::Moment;

/// id-ct-TSTInfo (RFC 3161 section 2.4.2).
pub const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// Media type of a request (RFC 3161 section 3.4).
pub const REQUEST_TYPE: &str = "application/timestamp-query";
/// Media type of an answer.
pub const RESPONSE_TYPE: &str = "application/timestamp-reply";
/// Longest answer that is read, in bytes.
pub const LONGEST: usize = 64 * 1024;
/// Octets of a nonce.
pub const NONCE: usize = 16;

/// TSTInfo with its time unread: `x509-tsp` takes whole seconds only.
#[derive(Clone, Debug, Sequence)]
struct Info {
    version: TspVersion,
    policy: Oid,
    imprint: MessageImprint,
    serial: Int,
    time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// A request under way.
#[derive(Clone, Debug)]
pub struct Query {
    /// TimeStampReq in DER.
    pub der: Vec<u8>,
    nonce: Int,
    policy: Option<Oid>,
}

/// A verified token; whether its signer may stamp is for [`Stamp::judge`].
#[derive(Clone, Debug)]
pub struct Stamp {
    /// TimeStampToken in DER.
    pub token: Vec<u8>,
    /// The time it states.
    pub time: Moment,
    /// Its serial number in lower-case hex.
    pub serial: String,
    /// The authority's policy.
    pub policy: String,
    /// The authority's certificate and those sent along, in DER.
    pub chain: Vec<Vec<u8>>,
}

impl Query {
    /// Asks for a stamp over `content`, under `policy` (dotted OID) where one is demanded.
    ///
    /// # Errors
    /// When the policy is no OID.
    pub fn new(
        content: &[u8],
        mut nonce: [u8; NONCE],
        policy: Option<&str>,
    ) -> Result<Self, Error> {
        // Positive, and never shortened by a leading zero.
        nonce[0] = (nonce[0] & 0x7f) | 0x40;
        let policy = policy
            .map(|text| Oid::new(text).map_err(|error| bad(format!("policy {text}: {error}"))))
            .transpose()?;
        let nonce = Int::new(&nonce).map_err(unreadable)?;
        let request = TimeStampReq {
            version: TspVersion::V1,
            message_imprint: imprint(content)?,
            req_policy: policy,
            nonce: Some(nonce.clone()),
            cert_req: true,
            extensions: None,
        };
        Ok(Self {
            der: request.to_der().map_err(unreadable)?,
            nonce,
            policy,
        })
    }

    /// Takes the authority's answer about `content`.
    ///
    /// # Errors
    /// The authority's refusal, or what is wrong with its token.
    pub fn answered(&self, response: &[u8], content: &[u8]) -> Result<Stamp, Error> {
        if response.len() > LONGEST {
            return Err(bad(format!("{} bytes are too many", response.len())));
        }
        let response = TimeStampResp::from_der(response).map_err(unreadable)?;
        // granted and grantedWithMods (RFC 3161 section 2.4.2).
        let status = response.status.status as u32;
        let token = match response.time_stamp_token {
            Some(token) if status <= 1 => token.to_der().map_err(unreadable)?,
            _ => {
                return Err(bad(format!(
                    "the authority refuses: status {status}, {:?}",
                    response.status.fail_info
                )));
            }
        };
        let (stamp, info) = read(&token, content)?;
        if info.nonce.as_ref() != Some(&self.nonce) {
            return Err(bad("its nonce is another one: it answers an older request"));
        }
        if self.policy.is_some_and(|policy| policy != info.policy) {
            return Err(bad(format!("its policy is {}", info.policy)));
        }
        Ok(stamp)
    }
}

impl Stamp {
    /// Verifies a token over `content`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(token: &[u8], content: &[u8]) -> Result<Self, Error> {
        read(token, content).map(|(stamp, _)| stamp)
    }

    /// Who stamped: chain, critical extended key usage timeStamping and nothing else, validity and revocation at the time of
    /// the stamp.
    ///
    /// # Errors
    /// A refusal that names the certificate at fault.
    pub fn judge(&self, trust: &Trust) -> Result<Bearer, Refusal> {
        trust.judge_bearer(&self.chain, Purpose::TimeStamp, self.time)
    }
}

fn read(token: &[u8], content: &[u8]) -> Result<(Stamp, Info), Error> {
    if token.len() > LONGEST {
        return Err(bad(format!("{} bytes are too many", token.len())));
    }
    let Enclosed {
        content: inside,
        chain,
    } = cms::verify_enclosed(token, CONTENT_TYPE).map_err(|refusal| bad(refusal.to_string()))?;
    let info = Info::from_der(&inside).map_err(unreadable)?;
    if info.imprint != imprint(content)? {
        return Err(bad("it stamps something else"));
    }
    if let Some(one) = info.extensions.iter().flatten().find(|one| one.critical) {
        return Err(bad(format!(
            "it has the critical extension {}",
            one.extn_id
        )));
    }
    let stamp = Stamp {
        token: token.to_vec(),
        time: time(&info.time)?,
        serial: data_encoding::HEXLOWER.encode(info.serial.as_bytes()),
        policy: info.policy.to_string(),
        chain,
    };
    Ok((stamp, info))
}

/// GeneralizedTime with or without a fraction (RFC 3161 section 2.4.2), in whole seconds.
fn time(value: &Any) -> Result<Moment, Error> {
    let read = || {
        if value.tag() != Tag::GeneralizedTime {
            return None;
        }
        let text = std::str::from_utf8(value.value()).ok()?.strip_suffix('Z')?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "1"));
        let canonical = !fraction.is_empty()
            && !fraction.ends_with('0')
            && fraction.bytes().all(|digit| digit.is_ascii_digit());
        if whole.len() != 14 || !canonical || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let number = |at: std::ops::Range<usize>| whole[at].parse::<u8>().ok();
        let month = time::Month::try_from(number(4..6)?).ok()?;
        let date = time::Date::from_calendar_date(whole[..4].parse().ok()?, month, number(6..8)?);
        let time = time::Time::from_hms(number(8..10)?, number(10..12)?, number(12..14)?);
        Some(time::PrimitiveDateTime::new(date.ok()?, time.ok()?).assume_utc())
    };
    read().ok_or_else(|| bad("its time cannot be read"))
}

fn imprint(content: &[u8]) -> Result<MessageImprint, Error> {
    Ok(MessageImprint {
        hash_algorithm: AlgorithmIdentifierOwned {
            oid: rfc5912::ID_SHA_256,
            parameters: Some(Any::null()),
        },
        hashed_message: OctetString::new(digest(&SHA256, content).as_ref()).map_err(unreadable)?,
    })
}

/// What a request asks of an authority.
#[derive(Clone, Debug)]
pub struct Asked(TimeStampReq);

impl Asked {
    /// Reads a request.
    ///
    /// # Errors
    /// When it is none, or asks for what is not offered.
    pub fn read(der: &[u8]) -> Result<Self, Error> {
        let request = TimeStampReq::from_der(der).map_err(unreadable)?;
        if request.message_imprint.hash_algorithm.oid != rfc5912::ID_SHA_256
            || request.message_imprint.hashed_message.as_bytes().len() != 32
        {
            return Err(bad("only SHA-256 is stamped here"));
        }
        if request.extensions.is_some() {
            return Err(bad("extensions of a request are not offered"));
        }
        Ok(Self(request))
    }

    /// Whether the authority's certificates are to come along.
    #[must_use]
    pub fn wants_certificates(&self) -> bool {
        self.0.cert_req
    }

    /// TSTInfo in DER, to be signed as content of type [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// When it asks for another policy.
    pub fn info(&self, serial: &[u8], at: Moment, policy: &str) -> Result<Vec<u8>, Error> {
        let policy = Oid::new(policy).map_err(|error| bad(error.to_string()))?;
        if self.0.req_policy.is_some_and(|asked| asked != policy) {
            return Err(bad("the policy asked for is not offered"));
        }
        let seconds = u64::try_from(at.unix_timestamp()).unwrap_or_default();
        let since = std::time::Duration::from_secs(seconds);
        let time = der::asn1::GeneralizedTime::from_unix_duration(since).map_err(unreadable)?;
        let info = Info {
            version: TspVersion::V1,
            policy,
            imprint: self.0.message_imprint.clone(),
            serial: Int::new(serial).map_err(unreadable)?,
            time: Any::encode_from(&time).map_err(unreadable)?,
            accuracy: Some(Accuracy {
                seconds: Some(1),
                millis: None,
                micros: None,
            }),
            ordering: false,
            nonce: self.0.nonce.clone(),
            tsa: None,
            extensions: None,
        };
        info.to_der().map_err(unreadable)
    }
}

/// TimeStampResp with a token, or `rejection` without (RFC 3161 section 2.4.2).
///
/// # Errors
/// When the token is not DER.
pub fn response(token: Option<&[u8]>) -> Result<Vec<u8>, Error> {
    #[derive(Sequence)]
    struct Status {
        status: u8,
    }
    #[derive(Sequence)]
    struct Response {
        status: Status,
        #[asn1(optional = "true")]
        token: Option<Any>,
    }
    let response = Response {
        status: Status {
            status: if token.is_some() { 0 } else { 2 },
        },
        token: token.map(Any::from_der).transpose().map_err(unreadable)?,
    };
    response.to_der().map_err(unreadable)
}

fn bad(why: impl Into<String>) -> Error {
    Error::Stamp(why.into())
}

fn unreadable(error: der::Error) -> Error {
    bad(format!("it cannot be read: {error}"))
}
