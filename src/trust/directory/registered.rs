//! Whether a valid certificate is also a registered one, and whose it is if not this one's.

use std::sync::Arc;

use super::content::of_two;
use super::table::Keys;
use super::{BoxEntry, Directory, Fingerprint, Member, State};
use crate::packet::MemberId;
use crate::trust::{Error, Identity, Refusal, Verdict};

/// A member's seal certificate.
pub(super) const MEMBER_SEAL: u8 = 0;
/// A box's TLS certificate.
pub(super) const BOX_TLS: u8 = 1;
/// A box's seal certificate.
pub(super) const BOX_SEAL: u8 = 2;

/// Entries by the certificates that are theirs.
#[derive(Debug)]
pub(super) struct Prints(Keys);

fn hash(print: &Fingerprint) -> u32 {
    let [a, b, c, d, ..] = print.0;
    u32::from_be_bytes([a, b, c, d])
}

impl Prints {
    pub(super) fn for_many(count: usize) -> Self {
        Self(Keys::for_many(count))
    }

    pub(super) fn add(&mut self, kind: u8, print: &Fingerprint, number: u32) {
        self.0.add(hash(print), kind, number);
    }

    pub(super) fn sort(&mut self) {
        self.0.sort();
    }
}

impl Directory {
    /// Code and certificates behind a key of the index.
    fn certificates(&self, (kind, number): (u8, u32)) -> (MemberId, Vec<Fingerprint>) {
        if kind == MEMBER_SEAL {
            let member = self.members.get(&self.source, number);
            return (member.code.clone(), member.seal.clone());
        }
        let entry = self.boxes.get(&self.source, number);
        let prints = if kind == BOX_TLS {
            &entry.tls
        } else {
            &entry.seal
        };
        (entry.code.clone(), prints.clone())
    }

    /// Refuses a certificate that stands under two codes for the same use.
    pub(super) fn each_has_one_owner(&self) -> Result<(), Error> {
        for run in self.prints.0.doubles() {
            let mut seen: Vec<(bool, Fingerprint, MemberId)> = Vec::new();
            for key in run {
                let tls = key.0 == BOX_TLS;
                let (code, prints) = self.certificates(key);
                for print in prints {
                    let mut same = seen.iter().filter(|one| (one.0, one.1) == (tls, print));
                    if let Some((.., other)) = same.find(|one| one.2 != code) {
                        return Err(of_two(print, other, &code));
                    }
                    seen.push((tls, print, code.clone()));
                }
            }
        }
        if let Some(hub) = &self.hub {
            let uses = [(true, &hub.tls), (false, &hub.seal)];
            let prints = uses
                .iter()
                .flat_map(|(tls, all)| all.iter().map(move |one| (*tls, one)));
            for (tls, print) in prints {
                let other = self.listed_owner(tls, print);
                if let Some(other) = other.filter(|other| *other != hub.code) {
                    return Err(of_two(*print, &other, &hub.code));
                }
            }
        }
        Ok(())
    }

    /// The member or box whose certificate this is.
    fn listed_owner(&self, tls: bool, print: &Fingerprint) -> Option<MemberId> {
        let keys = self.prints.0.of(hash(print));
        keys.filter(|(kind, _)| (*kind == BOX_TLS) == tls)
            .map(|key| self.certificates(key))
            .find_map(|(code, prints)| prints.contains(print).then_some(code))
    }

    fn owner(&self, tls: bool, print: &Fingerprint) -> Option<MemberId> {
        let hub = self.hub.as_ref();
        let of_hub = hub.filter(|hub| if tls { &hub.tls } else { &hub.seal }.contains(print));
        of_hub
            .map(|hub| hub.code.clone())
            .or_else(|| self.listed_owner(tls, print))
    }

    /// The box whose TLS certificate this is.
    ///
    /// # Errors
    /// `NotRegistered`, or `AnotherMember` when the certificate stands under another code.
    pub fn registered_box(&self, identity: &Identity) -> Result<Arc<BoxEntry>, Refusal> {
        self.find_box(&identity.code)
            .filter(|entry| entry.tls.contains(&Fingerprint(identity.fingerprint)))
            .ok_or_else(|| self.unregistered(identity, true, "box"))
    }

    /// The member whose seal certificate this is. One that has closed still seals: it answers for what it was sent and
    /// what it sent before, and begins nothing new ([`Directory::open_seal`]).
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_seal(&self, identity: &Identity) -> Result<Arc<Member>, Refusal> {
        self.find(&identity.code)
            .filter(|member| member.seal.contains(&Fingerprint(identity.fingerprint)))
            .ok_or_else(|| self.unregistered(identity, false, "member"))
    }

    /// The member whose seal certificate this is and whose code is in use.
    ///
    /// # Errors
    /// As [`Directory::registered_seal`], and `NotRegistered` for a closed code, its successor named.
    pub fn open_seal(&self, identity: &Identity) -> Result<Arc<Member>, Refusal> {
        let member = self.registered_seal(identity)?;
        if member.state == State::Closed {
            let mut detail = format!("the code {} is closed", member.code);
            if let Some(successor) = &member.successor {
                detail += &format!("; its successor is {successor}");
            }
            return Err(identity.refuse(Verdict::NotRegistered, detail));
        }
        Ok(member)
    }

    /// The hub, if this is its TLS certificate.
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_hub(&self, identity: &Identity) -> Result<&BoxEntry, Refusal> {
        self.hub_with(identity, true)
    }

    /// The hub, if this is its seal certificate.
    ///
    /// # Errors
    /// `NotRegistered` or `AnotherMember`.
    pub fn registered_hub_seal(&self, identity: &Identity) -> Result<&BoxEntry, Refusal> {
        self.hub_with(identity, false)
    }

    fn hub_with(&self, identity: &Identity, tls: bool) -> Result<&BoxEntry, Refusal> {
        self.hub
            .as_ref()
            .filter(|hub| hub.code == identity.code)
            .filter(|hub| {
                let prints = if tls { &hub.tls } else { &hub.seal };
                prints.contains(&Fingerprint(identity.fingerprint))
            })
            .ok_or_else(|| self.unregistered(identity, tls, "hub"))
    }

    fn unregistered(&self, identity: &Identity, tls: bool, what: &str) -> Refusal {
        let print = Fingerprint(identity.fingerprint);
        match self.owner(tls, &print) {
            Some(owner) if owner != identity.code => identity.refuse(
                Verdict::AnotherMember,
                format!("it says {}, but is registered for {owner}", identity.code),
            ),
            _ => identity.refuse(
                Verdict::NotRegistered,
                format!("{what} {} has no certificate {print}", identity.code),
            ),
        }
    }
}
