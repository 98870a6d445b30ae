//! Revocation lists (RFC 5280 section 5): verified once when loaded, then a sorted set of serials.

use std::sync::Arc;
use std::time::Duration;

use const_oid::db::rfc5280;
use der::Decode;
use serde::Deserialize;
use x509_cert::crl::CertificateList;
use x509_cert::ext::pkix::crl::IssuingDistributionPoint;

use super::Error;
use super::certificate::{Certificate, magnitude, moment, signed_parts};
use super::pem;
use super::refusal::{Refusal, Verdict};
use super::signature::{Algorithm, der_of};
use crate::clock::{self, Moment};

/// A revocation dated this far ahead of our clock counts already.
pub(crate) const SKEW: time::Duration = time::Duration::minutes(10);

/// What happens when no list of the issuer is young enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stale {
    /// Go on with what is known.
    Continue,
    /// Refuse for now; the refusal is of class Retry, so that packets wait.
    #[default]
    Queue,
    /// Refuse.
    Refuse,
}

/// The lists of a deployment and the declared degradation.
#[derive(Clone, Debug, Default)]
pub struct Revocation {
    /// Each one list in DER, or PEM with any number of them.
    pub lists: Vec<Vec<u8>>,
    /// How long past its nextUpdate a list is still believed.
    pub window: Duration,
    /// What happens after the window, and where no list of an issuer is known.
    pub then: Stale,
}

impl Revocation {
    /// No lists and nothing asked of them.
    #[must_use]
    pub fn none() -> Self {
        Self {
            lists: Vec::new(),
            window: Duration::ZERO,
            then: Stale::Continue,
        }
    }
}

/// State of one loaded list, for gauges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListState {
    /// The issuer's name (RFC 4514).
    pub issuer: String,
    /// When it was made.
    pub this_update: Moment,
    /// When the next one is due.
    pub next_update: Option<Moment>,
    /// When certificates of this issuer stop being accepted; `None` when they never do.
    pub stops_at: Option<Moment>,
    /// How many serials it names.
    pub revoked: usize,
}

/// A serial's octets, right-aligned; 21 of them are the most that are read.
pub(crate) type Serial = [u8; 21];

#[derive(Debug)]
struct List {
    der: Vec<u8>,
    issuer: Arc<Certificate>,
    /// DER of the issuingDistributionPoint: lists of one scope replace each other.
    scope: Vec<u8>,
    users: bool,
    authorities: bool,
    this_update: Moment,
    next_update: Option<Moment>,
    revoked: Vec<(Serial, i64)>,
}

/// What lists know of a certificate that none of them revokes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It was not revoked when a list was made that is young enough.
    Fresh,
    /// As `Fresh`, but the list was due then and the declared window is over.
    Stale(Moment),
    /// No list of its issuer is here.
    Nothing,
}

/// Loaded lists and the policy on their age.
#[derive(Debug)]
pub(crate) struct Lists {
    lists: Vec<List>,
    window: time::Duration,
    then: Stale,
}

impl Lists {
    /// Verifies every list against its issuer among `authorities`.
    pub(crate) fn load(
        revocation: &Revocation,
        authorities: &[Arc<Certificate>],
    ) -> Result<Self, Error> {
        let mut lists: Vec<List> = Vec::new();
        for bytes in &revocation.lists {
            let ders = pem::blocks(bytes, "X509 CRL")
                .filter(|ders| !ders.is_empty())
                .ok_or_else(|| Error::List("neither DER nor PEM".to_owned()))?;
            for der in ders {
                let list = List::load(der, authorities)?;
                let older = lists.iter().position(|other| {
                    other.issuer.fingerprint == list.issuer.fingerprint && other.scope == list.scope
                });
                match older {
                    Some(at) if lists[at].this_update <= list.this_update => lists[at] = list,
                    Some(_) => {}
                    None => lists.push(list),
                }
            }
        }
        Ok(Self {
            lists,
            window: revocation.window.try_into().unwrap_or(time::Duration::MAX),
            then: revocation.then,
        })
    }

    /// Whether `certificate`, issued by `issuer`, stands revoked at `at`, as far as the lists know.
    pub(crate) fn judge(
        &self,
        certificate: &Certificate,
        issuer: &Certificate,
        at: Moment,
    ) -> Result<Known, Refusal> {
        let serial = aligned(&certificate.serial);
        let mut known = false;
        let mut stale = None;
        for list in self
            .lists
            .iter()
            .filter(|list| list.covers(certificate, issuer))
        {
            known = true;
            if let Ok(found) = list.revoked.binary_search_by(|(one, _)| one.cmp(&serial)) {
                let since = list.revoked[found].1;
                if since <= (at + SKEW).unix_timestamp() {
                    let since = Moment::from_unix_timestamp(since).unwrap_or(at);
                    return Err(certificate
                        .refuse(Verdict::Revoked, format!("since {}", clock::rfc3339(since))));
                }
            }
            if self.end_of(list).is_some_and(|end| end < at) {
                stale = list.next_update;
            }
        }
        Ok(match (known, stale) {
            (true, None) => Known::Fresh,
            (true, Some(due)) => Known::Stale(due),
            (false, _) => Known::Nothing,
        })
    }

    /// What is declared for a certificate of which nothing certain is known.
    pub(crate) fn then(&self) -> Stale {
        self.then
    }

    fn end_of(&self, list: &List) -> Option<Moment> {
        list.next_update
            .and_then(|due| due.checked_add(self.window))
    }

    pub(crate) fn ders(&self) -> Vec<Vec<u8>> {
        self.lists.iter().map(|list| list.der.clone()).collect()
    }

    pub(crate) fn states(&self) -> Vec<ListState> {
        self.lists
            .iter()
            .map(|list| ListState {
                issuer: list.issuer.subject_text.clone(),
                this_update: list.this_update,
                next_update: list.next_update,
                stops_at: self.end_of(list).filter(|_| self.then != Stale::Continue),
                revoked: list.revoked.len(),
            })
            .collect()
    }
}

impl List {
    fn load(der: Vec<u8>, authorities: &[Arc<Certificate>]) -> Result<Self, Error> {
        let unreadable = |error: der::Error| Error::List(format!("cannot be read: {error}"));
        let tbs_bytes = signed_parts(&der).map_err(unreadable)?.tbs.to_vec();
        let decoded = CertificateList::from_der(&der).map_err(unreadable)?;
        let tbs = decoded.tbs_cert_list;
        let issuer_name = tbs.issuer.to_string();
        let bad = |why: &str| Error::List(format!("of {issuer_name} {why}"));
        if tbs.signature != decoded.signature_algorithm {
            return Err(bad("names two signature algorithms"));
        }
        let algorithm = Algorithm::of(&decoded.signature_algorithm)
            .ok_or_else(|| bad("is signed with an algorithm that is not accepted"))?;
        let name = der_of(&tbs.issuer).map_err(unreadable)?;
        let signature = decoded.signature.as_bytes().unwrap_or_default();
        let issuer = authorities
            .iter()
            .find(|one| {
                one.subject == name
                    && one.ca
                    && one
                        .usage
                        .as_ref()
                        .is_none_or(x509_cert::ext::pkix::KeyUsage::crl_sign)
                    && one.key.verifies(algorithm, &tbs_bytes, signature)
            })
            .ok_or_else(|| bad("is not signed by a configured authority"))?
            .clone();
        let (mut scope, mut users, mut all_authorities) = (Vec::new(), true, true);
        for extension in tbs.crl_extensions.as_deref().unwrap_or(&[]) {
            if extension.extn_id == rfc5280::ID_CE_ISSUING_DISTRIBUTION_POINT {
                scope = extension.extn_value.as_bytes().to_vec();
                let point = IssuingDistributionPoint::from_der(&scope).map_err(unreadable)?;
                if point.indirect_crl
                    || point.only_some_reasons.is_some()
                    || point.only_contains_attribute_certs
                {
                    return Err(bad("is indirect or partial"));
                }
                users = !point.only_contains_ca_certs;
                all_authorities = !point.only_contains_user_certs;
            } else if extension.critical {
                return Err(bad(&format!(
                    "has the critical extension {}",
                    extension.extn_id
                )));
            }
        }
        let mut revoked = Vec::new();
        for entry in tbs.revoked_certificates.unwrap_or_default() {
            if entry
                .crl_entry_extensions
                .iter()
                .flatten()
                .any(|e| e.critical)
            {
                return Err(bad("has an entry with a critical extension"));
            }
            let since = moment(entry.revocation_date).unix_timestamp();
            revoked.push((aligned(magnitude(entry.serial_number.as_bytes())), since));
        }
        // The first of two entries for one serial is the earlier revocation.
        revoked.sort_unstable();
        revoked.dedup_by_key(|(serial, _)| *serial);
        Ok(Self {
            issuer,
            scope,
            users,
            authorities: all_authorities,
            this_update: moment(tbs.this_update),
            next_update: tbs.next_update.map(moment),
            revoked,
            der,
        })
    }

    fn covers(&self, certificate: &Certificate, issuer: &Certificate) -> bool {
        self.issuer.subject == issuer.subject
            && self.issuer.spki_der == issuer.spki_der
            && if certificate.ca {
                self.authorities
            } else {
                self.users
            }
    }
}

pub(crate) fn aligned(serial: &[u8]) -> Serial {
    let mut all = [0; 21];
    let taken = serial.len().min(all.len());
    all[21 - taken..].copy_from_slice(&serial[serial.len() - taken..]);
    all
}
