//! The signed header set of a request: read, proven, and only then asked for parameters.
//!
//! The HMAC covers the text of `sign-header`, so that text is the truth: parameters come from there alone, and
//! the separate `XroadVnpt-…` headers must agree with it. Headers outside the HMAC are never parameters.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use time::UtcOffset;

use super::refusal::{ErrorCode, Refusal};
use super::stamp;
use super::systems::{NotAdmitted, Peer, System, Systems};
use crate::clock::Moment;

mod charset;
mod gson;

pub(super) use charset::wire as wire_value;
pub(super) use gson::object as gson_object;

const PREFIX: &str = "XroadVnpt-";
/// More logical headers than any software sends; a bound for the comparisons below.
const MOST: usize = 256;
/// Parameters that a call may read; one of these outside the HMAC is a forgery, not a leftover.
const PARAMETERS: [&str; 14] = [
    "systemid",
    "timestamp",
    "from",
    "to",
    "servicetype",
    "messagetype",
    "hash-file",
    "docid",
    "status",
    "description",
    "fromdate",
    "todate",
    "level",
    "agencycode",
];

/// How old and how far ahead a timestamp may be, and in which zone it is written.
#[derive(Clone, Copy, Debug)]
pub struct Freshness {
    /// Greatest age; the SDK stamps its object once and repeats the stamp as long as the object lives.
    pub max_age: Duration,
    /// How far a software's clock may run ahead.
    pub ahead: Duration,
    /// The zone of the software's local time.
    pub zone: UtcOffset,
}

/// A header set as it came, proven by nothing yet.
#[derive(Debug)]
pub struct Unproven<'a> {
    /// Lower-case names behind `XroadVnpt-`, with the bytes on the wire.
    wire: Vec<(String, &'a [u8])>,
}

/// A header set whose HMAC, headers, timestamp and origin were right.
#[derive(Clone, Debug)]
pub struct Signed {
    system: Arc<System>,
    stamped: Moment,
    /// Logical names as written, with their signed values.
    values: Vec<(String, String)>,
}

impl Signed {
    /// The system that signed.
    #[must_use]
    pub fn system(&self) -> &Arc<System> {
        &self.system
    }

    /// When its SDK object was made.
    #[must_use]
    pub fn stamped(&self) -> Moment {
        self.stamped
    }

    /// The signed value of a logical header: written exactly so, else in other letter case; blank is absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.exact(name)
            .or_else(|| {
                let same = |(own, _): &&(String, String)| own.eq_ignore_ascii_case(name);
                self.values.iter().find(same).map(|(_, value)| value.trim())
            })
            .filter(|value| !value.is_empty())
    }

    fn exact(&self, name: &str) -> Option<&str> {
        let same = |(own, _): &&(String, String)| own == name;
        self.values.iter().find(same).map(|(_, value)| value.trim())
    }

    /// The first of several spellings that stands there exactly, else the first in any letter case. A long-lived
    /// SDK object leaks the `docId` of an earlier call beside the `docid` of this one.
    #[must_use]
    pub fn first_of(&self, spellings: &[&str]) -> Option<&str> {
        let exact = spellings
            .iter()
            .find_map(|name| self.exact(name).filter(|v| !v.is_empty()));
        exact.or_else(|| spellings.iter().find_map(|name| self.get(name)))
    }
}

impl<'a> Unproven<'a> {
    /// Takes the `XroadVnpt-…` headers out of a request's headers, whatever their letter case.
    pub fn read(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let ours = headers.into_iter().filter_map(|(name, value)| {
            let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
            prefix
                .eq_ignore_ascii_case(PREFIX)
                .then(|| (rest.to_ascii_lowercase(), value))
        });
        Self {
            wire: ours.collect(),
        }
    }

    /// The one value of a header of the scheme itself.
    fn only(&self, name: &str) -> Option<&'a [u8]> {
        let mut found = self.wire.iter().filter(|(own, _)| own == name);
        let value = found.next()?.1;
        found.next().is_none().then_some(value)
    }

    /// The systemid as claimed, for the journal only.
    #[must_use]
    pub fn claimed(&self) -> String {
        let raw = self.only("systemid").unwrap_or_default();
        String::from_utf8_lossy(raw).chars().take(64).collect()
    }

    /// Proves the set: HMAC, agreement of every header, order of the names, origin, freshness.
    ///
    /// # Errors
    /// The first thing that does not hold; [`Fault::Unknown`] says nothing about which systemids exist.
    pub fn prove(
        &self,
        systems: &Systems,
        peer: Peer,
        now: Moment,
        freshness: &Freshness,
    ) -> Result<Signed, Fault> {
        let id = self
            .only("systemid")
            .and_then(|raw| std::str::from_utf8(raw).ok());
        let text = self.only("sign-header").ok_or(Fault::Unsigned)?;
        let tag = self.only("hash-header").ok_or(Fault::Unsigned)?;
        let keys = self.only("sign-header-key").ok_or(Fault::Unsigned)?;
        let tag = data_encoding::HEXLOWER_PERMISSIVE.decode(tag.trim_ascii());
        let readings = charset::readings(text);
        let (system, reading) = systems
            .authenticate(id.unwrap_or(""), &readings, &tag.unwrap_or_default())
            .ok_or(Fault::Unknown)?;
        let values = signed_values(&charset::text(&readings[reading]))?;
        self.agree(&values)?;
        check_order(keys, &values)?;
        systems.admits(&system, peer).map_err(Fault::NotAdmitted)?;
        let signed = Signed {
            system,
            stamped: now,
            values,
        };
        // Without it a header set signed for another system of the same secret would pass for this one.
        if signed.exact("systemid") != id {
            return Err(Fault::Differs("systemid".to_owned()));
        }
        let written = signed.exact("timestamp").unwrap_or("");
        let stamped = stamp::parse(written, freshness.zone)
            .ok_or_else(|| Fault::Stamp(written.to_owned()))?;
        let (age, ahead) = (now - stamped, stamped - now);
        if age > freshness.max_age {
            return Err(Fault::Stale(written.to_owned(), freshness.max_age));
        }
        if ahead > freshness.ahead {
            return Err(Fault::Ahead(written.to_owned()));
        }
        Ok(Signed { stamped, ..signed })
    }

    /// Every signed header stands on the wire with its value, as often as it was signed, and no parameter more.
    fn agree(&self, values: &[(String, String)]) -> Result<(), Fault> {
        let mut used = vec![false; self.wire.len()];
        for (name, value) in values {
            let lower = name.to_ascii_lowercase();
            let at = (0..self.wire.len()).find(|&at| {
                !used[at] && self.wire[at].0 == lower && charset::same(self.wire[at].1, value)
            });
            match at {
                Some(at) => used[at] = true,
                None => return Err(Fault::Differs(name.clone())),
            }
        }
        let forged = self
            .wire
            .iter()
            .zip(used)
            .find(|((name, _), used)| !used && PARAMETERS.contains(&name.as_str()));
        forged.map_or(Ok(()), |((name, _), _)| Err(Fault::Differs(name.clone())))
    }
}

/// Reads the text of `sign-header`: one flat JSON object of strings, no name twice.
fn signed_values(text: &str) -> Result<Vec<(String, String)>, Fault> {
    let Flat(pairs) = serde_json::from_str(text).map_err(|_| Fault::SignHeader)?;
    if pairs.len() > MOST {
        return Err(Fault::SignHeader);
    }
    let mut values: Vec<(String, String)> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        let logical = match name.split_at_checked(PREFIX.len()) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest.to_owned(),
            _ => return Err(Fault::SignHeader),
        };
        if values.iter().any(|(own, _)| *own == logical) {
            return Err(Fault::SignHeader);
        }
        values.push((logical, value));
    }
    Ok(values)
}

/// `sign-header-key` names the same logical headers in the same order.
fn check_order(keys: &[u8], values: &[(String, String)]) -> Result<(), Fault> {
    let keys = std::str::from_utf8(keys).map_err(|_| Fault::Order)?.trim();
    let names = keys.strip_suffix(';').unwrap_or(keys).split(';');
    let own = values.iter().map(|(name, _)| name.as_str());
    if names.map(str::trim).eq(own) {
        Ok(())
    } else {
        Err(Fault::Order)
    }
}

/// A JSON object in its written order, which a map would lose.
struct Flat(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Flat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Flat, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Flat(pairs))
            }
        }
        source.deserialize_map(Pairs)
    }
}

/// Why a header set is not proven. All become `ErrorCode` 15.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A header of the scheme is missing or stands twice.
    Unsigned,
    /// No such systemid, or not its secret.
    Unknown,
    /// The signed text is no flat JSON object of `XroadVnpt-…` strings.
    SignHeader,
    /// `sign-header-key` names other headers or another order.
    Order,
    /// A header differs from its signed value, is missing, or was added unsigned.
    Differs(String),
    /// The timestamp can't be read.
    Stamp(String),
    /// The timestamp is older than allowed.
    Stale(String, Duration),
    /// The timestamp lies in the future.
    Ahead(String),
    /// Proven, but not from there or not with that certificate.
    NotAdmitted(NotAdmitted),
}

impl Fault {
    /// What the software's users read. Before the secret is proven, the same words for every fault.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let reason = match self {
            Self::Unsigned | Self::Unknown => {
                "Sai systemid hoặc secret, hoặc thiếu chữ ký của yêu cầu (XroadVnpt-hash-header); kiểm tra systemid và secret đã được cấp trong cấu hình phần mềm.".to_owned()
            }
            Self::SignHeader | Self::Order => {
                "XroadVnpt-sign-header không đúng dạng hoặc không khớp với XroadVnpt-sign-header-key; dùng đúng bộ SDK đã được cung cấp.".to_owned()
            }
            Self::Differs(name) => format!(
                "Trường XroadVnpt-{name} khác với giá trị đã ký hoặc không được ký; kiểm tra thiết bị trung gian có sửa tiêu đề HTTP hay không."
            ),
            Self::Stamp(written) => format!(
                "XroadVnpt-timestamp \"{written}\" không đúng dạng ddMMyyyy'T'HHmmss+SSSS; dùng đúng bộ SDK đã được cung cấp."
            ),
            Self::Stale(written, age) => format!(
                "XroadVnpt-timestamp \"{written}\" đã cũ hơn {} giờ; kiểm tra đồng hồ máy chủ phần mềm và khởi tạo lại đối tượng SDK.",
                age.as_secs().div_ceil(3600)
            ),
            Self::Ahead(written) => format!(
                "XroadVnpt-timestamp \"{written}\" ở tương lai so với máy chủ bảo mật; chỉnh lại đồng hồ và múi giờ của máy chủ phần mềm."
            ),
            Self::NotAdmitted(NotAdmitted::Source) => {
                "Hệ thống này không được phép kết nối từ địa chỉ mạng hiện tại; đề nghị quản trị máy chủ bảo mật bổ sung địa chỉ.".to_owned()
            }
            Self::NotAdmitted(NotAdmitted::Certificate) => {
                "Hệ thống này phải dùng chứng thư số đã đăng ký khi kết nối; kiểm tra chứng thư số của phần mềm.".to_owned()
            }
        };
        Refusal::new(ErrorCode::WrongSystem, reason)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned => f.write_str("a header of the signature is missing or stands twice"),
            Self::Unknown => f.write_str("unknown systemid or wrong secret"),
            Self::SignHeader => f.write_str("sign-header is no flat object of XroadVnpt strings"),
            Self::Order => f.write_str("sign-header-key and sign-header name different headers"),
            Self::Differs(name) => write!(f, "header {name} differs from its signed value"),
            Self::Stamp(written) => write!(f, "unreadable timestamp {written:?}"),
            Self::Stale(written, _) => write!(f, "timestamp {written:?} is too old"),
            Self::Ahead(written) => write!(f, "timestamp {written:?} lies in the future"),
            Self::NotAdmitted(NotAdmitted::Source) => f.write_str("source address not allowed"),
            Self::NotAdmitted(NotAdmitted::Certificate) => {
                f.write_str("not the registered client certificate")
            }
        }
    }
}

impl std::error::Error for Fault {}

#[cfg(test)]
mod tests;
