//! Where revocation lists and OCSP answers come from.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

/// Sources of revocation, `[revocation]`. How long their absence is borne, and what then, stands with the trust files.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Revocation lists, each with its sources in order.
    pub lists: Vec<ListSource>,
    /// OCSP responders, each with its sources in order.
    pub responders: Vec<ResponderSource>,
    /// Whether the sources that certificates name themselves are asked, too (RFC 5280 sections 4.2.1.13 and 4.2.2.1).
    pub from_certificates: bool,
    /// Hours past its nextUpdate that an OCSP answer is still believed; for lists it is `stale_hours` of the trust files.
    pub answer_stale_hours: u32,
    /// Hours after which anything is asked for anew, though its half life is longer.
    pub refresh_hours: u32,
    /// Longest list, in MiB.
    pub longest_list_mib: u64,
    /// Seconds that one source may take.
    pub fetch_seconds: u32,
}

/// One revocation list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListSource {
    /// `http://` URLs, the preferred one first.
    pub urls: Vec<String>,
}

/// One authority's OCSP responders.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResponderSource {
    /// `http://` URLs, the preferred one first.
    pub urls: Vec<String>,
    /// The authority's certificate, PEM or DER; without it these are asked about every certificate.
    pub issuer: Option<PathBuf>,
    /// Whether each answer must carry a nonce of ours: no replay, but no answer made beforehand either (RFC 9654).
    #[serde(default)]
    pub nonce: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lists: Vec::new(),
            responders: Vec::new(),
            from_certificates: false,
            answer_stale_hours: 24,
            refresh_hours: 24,
            longest_list_mib: 64,
            fetch_seconds: 30,
        }
    }
}

impl Config {
    /// Whether any source is asked.
    pub(super) fn asks(&self) -> bool {
        self.from_certificates || !self.lists.is_empty() || !self.responders.is_empty()
    }

    pub(super) fn answer_window(&self) -> Duration {
        hours(self.answer_stale_hours)
    }

    pub(super) fn refresh(&self) -> Duration {
        hours(self.refresh_hours.max(1))
    }

    pub(super) fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.fetch_seconds.max(1)))
    }
}

fn hours(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 3_600)
}
