//! What goes to the certification authority and what comes back.

use super::bench::Bench;
use super::import::{self, Expected, Matched, Outcome};
use super::plan::PlannedKey;
use super::request::{Subject, request};
use super::state::CertificateDone;
use crate::signer::KeyUse;
use crate::trust::directory::Fingerprint;
use crate::trust::pem;

impl Bench {
    /// Writes the requests that are missing.
    ///
    /// # Errors
    /// What the token refuses.
    pub fn write_requests(&mut self) -> Result<(), String> {
        self.open_to_change()?;
        self.after(self.has_keys(), "keys")?;
        let bench = self.workbench()?;
        for planned in self.plan.planned_keys() {
            let key = self.key(&bench, &planned.label)?;
            let spki = Fingerprint::of(key.spki_der());
            let file = self.request_file(&planned.label);
            if self.state.requests.get(&planned.label) == Some(&spki) && file.exists() {
                continue;
            }
            let der = request(&key, &self.subject(&planned))?;
            let text = pem::encode("CERTIFICATE REQUEST", &der);
            self.disk
                .replace(&file, text.as_bytes())
                .map_err(|error| format!("{}: {error}", file.display()))?;
            self.state.requests.insert(planned.label, spki);
            self.save()?;
        }
        Ok(())
    }

    fn subject<'a>(&'a self, planned: &'a PlannedKey) -> Subject<'a> {
        Subject {
            use_: planned.use_,
            code: &planned.code,
            organization: &planned.organization,
            names: &self.plan.own.names,
        }
    }

    /// Imports what the certification authority gave; what is good is kept even if the rest is not.
    ///
    /// # Errors
    /// When the token, the trust files or the disk can't be used.
    pub fn import(&mut self, files: &[Vec<u8>], offered: Option<&str>) -> Result<Outcome, String> {
        self.open_to_change()?;
        self.after(self.has_keys(), "keys")?;
        let planned = self.plan.planned_keys();
        if let Some(label) = offered.filter(|one| planned.iter().all(|key| key.label != *one)) {
            return Err(format!(
                "kế hoạch không có khoá {label} / the plan has no key {label}"
            ));
        }
        let bench = self.workbench()?;
        let mut expected = Vec::new();
        for planned in &planned {
            expected.push(Expected {
                label: &planned.label,
                use_: planned.use_,
                code: &planned.code,
                names: match planned.use_ {
                    KeyUse::Tls => &self.plan.own.names,
                    KeyUse::Seal => &[],
                },
                key: self.key(&bench, &planned.label)?,
            });
        }
        let now = self.clock.now();
        let outcome = import::import(files, &expected, offered, &self.plan.trust, now)?;
        for matched in &outcome.matched {
            self.keep_chain(matched)?;
        }
        Ok(outcome)
    }

    fn keep_chain(&mut self, matched: &Matched) -> Result<(), String> {
        let file = self.chain_file(&matched.label);
        let text: String = matched
            .chain
            .iter()
            .map(|der| pem::encode("CERTIFICATE", der))
            .collect();
        self.disk
            .replace(&file, text.as_bytes())
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let done = CertificateDone {
            fingerprint: Fingerprint(matched.identity.fingerprint),
            serial: matched.identity.serial.clone(),
            not_after: crate::clock::rfc3339(matched.identity.not_after),
            at: self.now(),
        };
        self.state.certificates.insert(matched.label.clone(), done);
        self.save()
    }

    /// A key's chain as it was imported, DER.
    ///
    /// # Errors
    /// When it is not there, or another one than was imported.
    pub fn chain(&self, label: &str) -> Result<Vec<Vec<u8>>, String> {
        let file = self.chain_file(label);
        let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        let chain = pem::certificates(&bytes).unwrap_or_default();
        let known = self.state.certificates.get(label);
        match (chain.first(), known) {
            (Some(leaf), Some(known)) if Fingerprint::of(leaf) == known.fingerprint => Ok(chain),
            _ => Err(format!("{}: {}", file.display(), self.missing("import"))),
        }
    }

    /// Whether every planned key has its request.
    #[must_use]
    pub fn has_requests(&self) -> bool {
        self.plan.planned_keys().iter().all(|key| {
            let of_key = self.state.keys.get(&key.label).map(|done| &done.spki);
            of_key.is_some()
                && self.state.requests.get(&key.label) == of_key
                && self.request_file(&key.label).exists()
        })
    }

    /// The planned keys whose certificate is not there.
    #[must_use]
    pub fn without_certificate(&self) -> Vec<PlannedKey> {
        let mut planned = self.plan.planned_keys();
        planned.retain(|key| self.chain(&key.label).is_err());
        planned
    }

    pub(super) fn has_certificates(&self) -> bool {
        self.without_certificate().is_empty()
    }
}
