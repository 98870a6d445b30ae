//! What was known of the certificates of a proof when it was sealed, out of the evidence store.

use super::Seal;
use crate::clock::Moment;
use crate::evidence::{About, Archive, Error, Record};
use crate::trust::{cms, fingerprint};

/// Revocation material of one proof.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Revocation lists, DER.
    pub lists: Vec<Vec<u8>>,
    /// OCSP answers, DER.
    pub answers: Vec<Vec<u8>>,
}

impl Known {
    /// Looks up what the certificates of `seal` and `receipts` need: as it was known when the record was made, and the
    /// first after it.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn of(archive: &Archive, seal: &[u8], receipts: &[&[u8]]) -> Result<Self, Error> {
        let Some(at) = time_of(seal) else {
            return Ok(Self::default());
        };
        let mut certificates = Vec::new();
        for one in std::iter::once(seal).chain(receipts.iter().copied()) {
            let signed = Seal::decode(one)
                .ok()
                .and_then(|s| cms::verify(&s.cms, &s.checkpoint).ok());
            for der in signed.map(|signed| signed.chain).unwrap_or_default() {
                let about = About::Certificate(fingerprint(&der));
                if !certificates.contains(&about) {
                    certificates.push(about);
                }
            }
        }
        Ok(Self {
            lists: archive.material(archive.lists().await?, at).await?,
            answers: archive.material(certificates, at).await?,
        })
    }
}

fn time_of(seal: &[u8]) -> Option<Moment> {
    let seal = Seal::decode(seal).ok()?;
    Record::parse(&seal.record).ok().map(|record| record.time)
}
