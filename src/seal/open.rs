//! Opening: every check in order, and a type that only they can make.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};

use super::Refused;
use super::wire::{LONGEST, Place, apart, decode_head};
use crate::clock::Moment;
use crate::evidence::{Record, RecordKind};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{Hash, leaf_hash, verify_inclusion};
use crate::packet::{Digest, MemberId};
use crate::trust::directory::Directory;
use crate::trust::{Identity, Purpose, Refusal, Trust, Verdict, cms};

/// Opens seals. Remembers signatures that it has verified, since many packets share one; certificates and revocation are
/// judged anew each time.
#[derive(Debug, Default)]
pub struct Opener {
    seen: Mutex<HashMap<Digest, Arc<Signed>>>,
}

/// A checkpoint whose signature holds.
#[derive(Debug)]
struct Signed {
    checkpoint: Checkpoint,
    chain: Vec<Vec<u8>>,
}

/// Signatures remembered before the memory starts anew.
const REMEMBERED: usize = 4_096;

/// A head that was judged at one moment, for the seals that end in it and came with it.
#[derive(Clone, Debug)]
pub struct Under {
    signed: Arc<Signed>,
    identity: Identity,
}

/// A seal that holds by itself; the body that it speaks of is still to be compared.
#[derive(Clone, Debug)]
pub struct Claim {
    record: Record,
    leaf: Hash,
    identity: Identity,
    checkpoint: Checkpoint,
}

/// A seal that holds for a body that came: nothing else makes this value.
#[derive(Clone, Debug)]
pub struct Opened {
    record: Record,
    identity: Identity,
}

/// A verified promise about one packet.
#[derive(Clone, Debug)]
pub struct Receipt {
    record: Record,
}

/// Whose seal is expected.
#[derive(Clone, Copy, Debug)]
pub enum Sealer<'a> {
    /// Some member of the directory.
    Member(&'a Directory),
    /// The hub of the directory.
    Hub(&'a Directory),
    /// The hub with that code, before a directory of it is known.
    NewHub(&'a MemberId),
    /// Whomever the certificate itself names: years later, far from any directory.
    Certificate,
}

impl Opener {
    /// Verifies a seal: inclusion, signature, chain, revocation, registration, origin.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn claim(
        &self,
        seal: &[u8],
        trust: &Trust,
        sealer: Sealer<'_>,
        at: Moment,
    ) -> Result<Claim, Refused> {
        if seal.len() > LONGEST {
            return Err(malformed("a seal longer than 512 KiB"));
        }
        let (front, head) = apart(seal);
        // What is wrong with the front is said first: a seal is read from its beginning.
        let place = Place::decode(front).map_err(malformed)?;
        let record = Record::parse(&place.record).map_err(malformed)?;
        let (checkpoint, cms) = decode_head(head).map_err(malformed)?;
        let signed = self.signed(&checkpoint, &cms)?;
        let leaf = included(&place, &signed)?;
        let identity = identify(trust, &signed, sealer, at)?;
        claimed(record, leaf, &signed, &identity)
    }

    /// Judges the head that many seals end in, once for all of them: signature, chain, revocation, registration.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn under(
        &self,
        head: &[u8],
        trust: &Trust,
        sealer: Sealer<'_>,
        at: Moment,
    ) -> Result<Under, Refused> {
        let (checkpoint, cms) = decode_head(head).map_err(malformed)?;
        let signed = self.signed(&checkpoint, &cms)?;
        let identity = identify(trust, &signed, sealer, at)?;
        Ok(Under { signed, identity })
    }

    /// Verifies a head by itself: signature, chain, revocation, registration, origin.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn head(
        &self,
        checkpoint: &[u8],
        cms: &[u8],
        trust: &Trust,
        sealer: Sealer<'_>,
        at: Moment,
    ) -> Result<Checkpoint, Refused> {
        let signed = self.signed(checkpoint, cms)?;
        identify(trust, &signed, sealer, at)?;
        Ok(signed.checkpoint.clone())
    }

    fn signed(&self, body: &[u8], signature: &[u8]) -> Result<Arc<Signed>, Refused> {
        let key = key_of(body, signature);
        if let Some(known) = self.lock().get(&key) {
            return Ok(known.clone());
        }
        let checkpoint = Checkpoint::parse(body).map_err(malformed)?;
        let verified = cms::verify(signature, body).map_err(Refused::Signer)?;
        let signed = Arc::new(Signed {
            checkpoint,
            chain: verified.chain,
        });
        let mut seen = self.lock();
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(key, signed.clone());
        Ok(signed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Signed>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Under {
    /// Verifies the rest of a seal that ends in this head: inclusion, origin.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn claim(&self, front: &[u8]) -> Result<Claim, Refused> {
        let place = Place::decode(front).map_err(malformed)?;
        let record = Record::parse(&place.record).map_err(malformed)?;
        let leaf = included(&place, &self.signed)?;
        claimed(record, leaf, &self.signed, &self.identity)
    }
}

fn included(place: &Place, signed: &Signed) -> Result<Hash, Refused> {
    let head = &signed.checkpoint;
    let leaf = leaf_hash(&place.record);
    if verify_inclusion(&leaf, place.index, head.size, &place.path, &head.root) {
        Ok(leaf)
    } else {
        Err(Refused::NotIncluded)
    }
}

fn claimed(
    record: Record,
    leaf: Hash,
    signed: &Signed,
    identity: &Identity,
) -> Result<Claim, Refused> {
    let head = &signed.checkpoint;
    if head.origin != record.from.as_str() {
        return Err(Refused::OtherOrigin {
            origin: head.origin.clone(),
            from: record.from.to_string(),
        });
    }
    Ok(Claim {
        record,
        leaf,
        identity: identity.clone(),
        checkpoint: head.clone(),
    })
}

impl Claim {
    /// What the seal says.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Who sealed it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The record's leaf hash.
    #[must_use]
    pub fn leaf(&self) -> Hash {
        self.leaf
    }

    /// The head that it stands under.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Compares the body that came with the one that was sealed.
    ///
    /// # Errors
    /// [`Refused::OtherBody`].
    pub fn complete(self, digest: Digest, size: u64) -> Result<Opened, Refused> {
        if self.record.digest == digest && self.record.size == size {
            Ok(Opened {
                record: self.record,
                identity: self.identity,
            })
        } else {
            Err(Refused::OtherBody {
                sealed: format!("{} of {} bytes", self.record.digest, self.record.size),
                came: format!("{digest} of {size} bytes"),
            })
        }
    }

    /// A receipt or void: it travels without the body that it speaks of.
    ///
    /// # Errors
    /// [`Refused::OtherKind`] when it is something else.
    pub fn receipt(self) -> Result<Receipt, Refused> {
        match self.record.kind {
            RecordKind::Receipt | RecordKind::Void => Ok(Receipt {
                record: self.record,
            }),
            other => Err(Refused::OtherKind(format!(
                "a {} where a receipt belongs",
                other.as_str()
            ))),
        }
    }
}

impl Opened {
    /// What was sealed.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Who sealed it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Receipt {
    /// What is promised.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// The certificate's owner, who must be registered and the owner of the log.
fn identify(
    trust: &Trust,
    signed: &Signed,
    sealer: Sealer<'_>,
    at: Moment,
) -> Result<Identity, Refused> {
    let identity = trust
        .judge(&signed.chain, Purpose::Seal, at)
        .map_err(Refused::Signer)?;
    let owner = match sealer {
        Sealer::Member(directory) => {
            let member = directory.registered_seal(&identity);
            member.map_err(Refused::Signer)?.code.clone()
        }
        Sealer::Hub(directory) => {
            let hub = directory.registered_hub_seal(&identity);
            hub.map_err(Refused::Signer)?.code.clone()
        }
        Sealer::NewHub(hub) if identity.code == *hub => hub.clone(),
        Sealer::Certificate => identity.code.clone(),
        Sealer::NewHub(hub) => {
            return Err(Refused::Signer(Refusal::new(
                Verdict::AnotherMember,
                format!(
                    "the certificate is of {}, not of the hub {hub}",
                    identity.code
                ),
            )));
        }
    };
    if owner.as_str() == signed.checkpoint.origin {
        return Ok(identity);
    }
    Err(Refused::OtherOrigin {
        origin: signed.checkpoint.origin.clone(),
        from: owner.to_string(),
    })
}

fn key_of(body: &[u8], signature: &[u8]) -> Digest {
    let mut both = Vec::with_capacity(64);
    both.extend_from_slice(digest(&SHA256, body).as_ref());
    both.extend_from_slice(digest(&SHA256, signature).as_ref());
    Digest::of(&both)
}

fn malformed(error: impl std::fmt::Display) -> Refused {
    Refused::Malformed(error.to_string())
}
