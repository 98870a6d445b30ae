//! One session and the keys that it has found; it lives as long as the connection to its token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::error::{Error, Failure};
use crate::key::{self, KeyKind, KeyName, PublicKey};
use crate::mechanism::Scheme;
use crate::profile::Mechanism;

/// How the open token is treated: what its profile and its own words leave.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) mechanisms: Arc<[Mechanism]>,
    /// Held around each call to a token that takes one at a time.
    pub(crate) alone: Option<Arc<Mutex<()>>>,
}

#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) generation: u64,
    session: Session,
    manners: Manners,
    keys: HashMap<KeyName, (ObjectHandle, KeyKind)>,
}

impl Seat {
    pub(crate) fn new(generation: u64, session: Session, manners: Manners) -> Self {
        Self {
            generation,
            session,
            manners,
            keys: HashMap::new(),
        }
    }

    /// Held by whoever calls, if the token takes one call at a time.
    pub(crate) fn alone(&self) -> Option<Arc<Mutex<()>>> {
        self.manners.alone.clone()
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    pub(crate) fn sign(
        &mut self,
        name: &KeyName,
        scheme: Scheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let key = match self.keys.get(name) {
            Some(known) => *known,
            None => self.find(name)?,
        };
        self.keys.insert(name.clone(), key);
        self.sign_with(key, name, scheme, digest)
    }

    /// As [`Seat::sign`], looking the key up each time.
    pub(crate) fn sign_once(
        &self,
        name: &KeyName,
        scheme: Scheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        self.sign_with(self.find(name)?, name, scheme, digest)
    }

    fn sign_with(
        &self,
        (key, kind): (ObjectHandle, KeyKind),
        name: &KeyName,
        scheme: Scheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let wanted = scheme.mechanism();
        if !self.manners.mechanisms.contains(&wanted) {
            return Err(Error::NoMechanism(wanted.as_str().to_owned()).into());
        }
        if !scheme.fits(kind) {
            return Err(
                Error::Unfit(format!("key {name} ({kind:?}) can't sign {scheme:?}")).into(),
            );
        }
        let (mechanism, data) = scheme.prepare(digest)?;
        let raw = self.session.sign(&mechanism, key, &data)?;
        Ok(scheme.finish(raw)?)
    }

    pub(crate) fn public_key(&self, name: &KeyName) -> Result<PublicKey, Failure> {
        let private = key::find(&self.session, ObjectClass::PRIVATE_KEY, name)?;
        key::public_key(&self.session, private, name)
    }

    pub(crate) fn private_attributes(
        &self,
        name: &KeyName,
        wanted: &[AttributeType],
    ) -> Result<Vec<Attribute>, Failure> {
        let private = key::find(&self.session, ObjectClass::PRIVATE_KEY, name)?;
        Ok(self.session.get_attributes(private, wanted)?)
    }

    pub(crate) fn manners(&self) -> &Manners {
        &self.manners
    }

    fn find(&self, name: &KeyName) -> Result<(ObjectHandle, KeyKind), Failure> {
        let private = key::find(&self.session, ObjectClass::PRIVATE_KEY, name)?;
        let kind = key::public_key(&self.session, private, name)?.kind;
        Ok((private, kind))
    }
}
