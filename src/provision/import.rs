//! Issued certificates find their keys: matched by public key, judged by the profile, proven by a signature.

use std::fmt;

use super::prove::{NotProven, prove};
use super::{TokenKey, bundle};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::signer::KeyUse;
use crate::tls::TrustFiles;
use crate::trust::{self, Identity, Purpose, Refusal, Summary, Trust, Verdict};

/// A key that waits for its certificate.
#[derive(Debug)]
pub struct Expected<'a> {
    /// Its label.
    pub label: &'a str,
    /// What it is for.
    pub use_: KeyUse,
    /// The code that its certificate must carry.
    pub code: &'a MemberId,
    /// Host names and addresses that it must carry.
    pub names: &'a [String],
    /// The key itself.
    pub key: TokenKey<'a>,
}

/// A certificate that belongs to a key, suits its profile and is proven.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The key's label.
    pub label: String,
    /// Its own certificate first, without the anchor; DER.
    pub chain: Vec<Vec<u8>>,
    /// Whom it speaks for.
    pub identity: Identity,
}

/// Why a certificate is not taken.
#[derive(Debug)]
pub enum Refused {
    /// The file is none.
    File(String),
    /// The token has no such key.
    WrongKey(Box<Summary>),
    /// It was offered for one key and is another's.
    OtherKey {
        /// The certificate's subject.
        subject: String,
        /// The key it was offered for.
        offered: String,
        /// The key whose it is.
        is: String,
    },
    /// A TLS certificate for a seal key, or the reverse.
    OtherUse {
        /// The certificate's subject.
        subject: String,
        /// The key.
        label: String,
        /// What the key is for.
        wanted: KeyUse,
    },
    /// It carries another code than the key's owner.
    OtherCode {
        /// The certificate's subject.
        subject: String,
        /// The key.
        label: String,
        /// The code in it.
        says: MemberId,
        /// The code that it should carry.
        wanted: MemberId,
    },
    /// Host names that were asked for are not in it.
    NoName {
        /// The certificate's subject.
        subject: String,
        /// The key.
        label: String,
        /// The names that are missing.
        missing: Vec<String>,
    },
    /// Chain, validity, usage, strength or revocation.
    Profile {
        /// The key, where it has one.
        label: Option<String>,
        /// What is wrong.
        refusal: Box<Refusal>,
    },
    /// The test signature failed.
    NotProven(NotProven),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = |use_: KeyUse| match use_ {
            KeyUse::Tls => ("TLS", "a TLS"),
            KeyUse::Seal => ("con dấu", "a seal"),
        };
        match self {
            Self::File(why) => f.write_str(why),
            Self::WrongKey(found) => write!(
                f,
                "chứng thư {} (sê-ri {}) không thuộc khoá nào trong token: CA đã cấp cho yêu cầu khác / \
                 certificate {} belongs to no key of this token: it was issued for another request",
                found.subject, found.serial, found.subject
            ),
            Self::OtherKey {
                subject,
                offered,
                is,
            } => write!(
                f,
                "chứng thư {subject} là của khoá {is}, không phải {offered} / certificate {subject} is that of key {is}, not of {offered}"
            ),
            Self::OtherUse {
                subject,
                label,
                wanted,
            } => {
                let is = match wanted {
                    KeyUse::Tls => used(KeyUse::Seal),
                    KeyUse::Seal => used(KeyUse::Tls),
                };
                let wanted = used(*wanted);
                write!(
                    f,
                    "{subject} là chứng thư {}, khoá {label} cần chứng thư {}: xin CA cấp lại đúng loại / \
                     {subject} is {} certificate, key {label} needs {} one: have the CA issue the right kind",
                    is.0, wanted.0, is.1, wanted.1
                )
            }
            Self::OtherCode {
                subject,
                label,
                says,
                wanted,
            } => write!(
                f,
                "chứng thư {subject} mang mã {says}, khoá {label} là của {wanted}: xin CA cấp lại đúng mã / \
                 certificate {subject} carries the code {says}, key {label} is {wanted}'s: have the CA issue it with the right code"
            ),
            Self::NoName {
                subject,
                label,
                missing,
            } => {
                let missing = missing.join(", ");
                write!(
                    f,
                    "chứng thư {subject} của khoá {label} thiếu tên máy {missing}: xin CA cấp lại / \
                     certificate {subject} of key {label} lacks the host names {missing}: have the CA issue it with them"
                )
            }
            Self::Profile { label, refusal } => {
                if let Some(label) = label {
                    write!(f, "khoá / key {label}: ")?;
                }
                write!(f, "{} / {refusal}; {}", refusal.reason_vi(), refusal.next())
            }
            Self::NotProven(why) => write!(f, "{why}"),
        }
    }
}

/// What came of a bundle: what is good stands beside what is not.
#[derive(Debug, Default)]
pub struct Outcome {
    /// At most one for each key: the one that is valid longest.
    pub matched: Vec<Matched>,
    /// The rest.
    pub refused: Vec<Refused>,
}

/// Matches the certificates of `files` (contents) with the keys. `offered` names the only key they may belong to.
///
/// # Errors
/// When the configured anchors, intermediates or lists can't be used.
pub fn import(
    files: &[Vec<u8>],
    expected: &[Expected<'_>],
    offered: Option<&str>,
    trust: &TrustFiles,
    now: Moment,
) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    let (mut authorities, mut leaves) = (Vec::new(), Vec::new());
    for bytes in files {
        match bundle::certificates(bytes) {
            Err(why) => outcome.refused.push(Refused::File(why)),
            Ok(ders) => {
                for der in ders {
                    match trust::summary(&der) {
                        Ok(found) if found.ca => authorities.push(der),
                        Ok(found) => leaves.push((der, found)),
                        Err(refusal) => outcome.refused.push(Refused::profile(None, refusal)),
                    }
                }
            }
        }
    }
    leaves.sort();
    leaves.dedup();
    let trust = trust
        .load_with(&authorities)
        .map_err(|error| error.to_string())?;
    for (der, found) in leaves {
        match matched(&der, found, expected, offered, &trust, now) {
            Ok(one) => outcome.keep(one),
            Err(refused) => outcome.refused.push(refused),
        }
    }
    Ok(outcome)
}

fn matched(
    der: &[u8],
    found: Summary,
    expected: &[Expected<'_>],
    offered: Option<&str>,
    trust: &Trust,
    now: Moment,
) -> Result<Matched, Refused> {
    let chain = [der.to_vec()];
    let Some(own) = expected
        .iter()
        .find(|one| one.key.spki_der() == found.spki_der)
    else {
        // Too weak a key is the more useful thing to hear of.
        return Err(match trust.judge(&chain, purpose(&found), now) {
            Err(refusal) if refusal.verdict == Verdict::WeakKey => Refused::profile(None, refusal),
            _ => Refused::WrongKey(Box::new(found)),
        });
    };
    let label = own.label.to_owned();
    if let Some(offered) = offered.filter(|offered| *offered != label) {
        return Err(Refused::OtherKey {
            subject: found.subject,
            offered: offered.to_owned(),
            is: label,
        });
    }
    let other_use = match own.use_ {
        KeyUse::Tls => !found.tls && found.non_repudiation,
        KeyUse::Seal => found.tls,
    };
    if other_use {
        return Err(Refused::OtherUse {
            subject: found.subject,
            label,
            wanted: own.use_,
        });
    }
    let identity = judge(&chain, own.use_, trust, now)
        .map_err(|refusal| Refused::profile(Some(own.label), refusal))?;
    if identity.code != *own.code {
        return Err(Refused::OtherCode {
            subject: found.subject,
            label,
            says: identity.code,
            wanted: own.code.clone(),
        });
    }
    let missing: Vec<String> = own
        .names
        .iter()
        .filter(|name| !found.hosts.contains(name))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(Refused::NoName {
            subject: found.subject,
            label,
            missing,
        });
    }
    prove(&own.key, der).map_err(Refused::NotProven)?;
    let chain = trust
        .chain_for(der)
        .map_err(|refusal| Refused::profile(Some(own.label), refusal))?;
    Ok(Matched {
        label,
        chain,
        identity,
    })
}

/// Judges a chain for all that the key is for.
///
/// # Errors
/// The first refusal.
pub fn judge(
    chain: &[Vec<u8>],
    use_: KeyUse,
    trust: &Trust,
    now: Moment,
) -> Result<Identity, Refusal> {
    match use_ {
        KeyUse::Seal => trust.judge(chain, Purpose::Seal, now),
        KeyUse::Tls => {
            trust.judge(chain, Purpose::TlsClient, now)?;
            trust.judge(chain, Purpose::TlsServer, now)
        }
    }
}

fn purpose(found: &Summary) -> Purpose {
    if found.tls {
        Purpose::TlsServer
    } else {
        Purpose::Seal
    }
}

impl Refused {
    fn profile(label: Option<&str>, refusal: Refusal) -> Self {
        Self::Profile {
            label: label.map(str::to_owned),
            refusal: Box::new(refusal),
        }
    }
}

impl Outcome {
    fn keep(&mut self, one: Matched) {
        match self.matched.iter_mut().find(|m| m.label == one.label) {
            Some(known) if known.identity.not_after < one.identity.not_after => *known = one,
            Some(_) => {}
            None => self.matched.push(one),
        }
    }
}
