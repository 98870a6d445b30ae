//! What is tried on a token that nobody knows yet, before a pool may serve from it.

use std::sync::Barrier;
use std::thread::ScopedJoinHandle;

use cryptoki::object::Attribute;
use cryptoki::session::Session;

use crate::bench::Workbench;
use crate::error::{Error, Failure};
use crate::key::KeyName;
use crate::mechanism::Scheme;
use crate::pin::Pin;
use crate::profile::Mechanism;
use crate::session::Seat;
use crate::token;

/// A module as it describes itself (CK_INFO).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleDescription {
    /// Who made it.
    pub manufacturer: String,
    /// Its name.
    pub library: String,
    /// Its version.
    pub version: String,
    /// The version of PKCS#11 that it speaks.
    pub cryptoki: String,
}

impl Workbench {
    /// The module's own words.
    ///
    /// # Errors
    /// When it has none.
    pub fn module(&self) -> Result<ModuleDescription, Error> {
        let info = self.context().get_library_info().map_err(Failure::from)?;
        Ok(ModuleDescription {
            manufacturer: info.manufacturer_id().to_owned(),
            library: info.library_description().to_owned(),
            version: info.library_version().to_string(),
            cryptoki: info.cryptoki_version().to_string(),
        })
    }

    /// Whether the open token lists a mechanism; what it makes of it is another matter.
    ///
    /// # Errors
    /// When no token is open or it can't list them.
    pub fn lists(&self, mechanism: Mechanism) -> Result<bool, Error> {
        let listed = self.context().get_mechanism_list(self.slot()?);
        Ok(listed
            .map_err(Failure::from)?
            .contains(&mechanism.of_token()))
    }

    /// Whether a key asks for the PIN at each signature (CKA_ALWAYS_AUTHENTICATE), which no pool can give.
    ///
    /// # Errors
    /// When there is no such key.
    pub fn always_authenticates(&self, name: &KeyName) -> Result<bool, Error> {
        let asked = self
            .seat()?
            .private_attributes(name, &[cryptoki::object::AttributeType::AlwaysAuthenticate])?;
        Ok(asked.contains(&Attribute::AlwaysAuthenticate(true)))
    }

    /// Opens sessions until the token refuses or `most` are open, beside the one of [`Workbench::login`]; all are
    /// closed again. Gives their number, that one included.
    ///
    /// # Errors
    /// When no token is open.
    pub fn count_sessions(&self, most: usize) -> Result<usize, Error> {
        let slot = self.slot()?;
        let open = (1..most).map_while(|_| self.context().open_ro_session(slot).ok());
        Ok(1 + open.collect::<Vec<Session>>().len())
    }

    /// Signs in another session, which is not logged in by itself.
    ///
    /// # Errors
    /// As [`Workbench::sign`].
    pub fn sign_in_another_session(
        &self,
        name: &KeyName,
        scheme: Scheme,
        digest: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let seat = self.another(None)?;
        Ok(seat.sign_once(name, scheme, digest)?)
    }

    /// Signs `each` times on each of `threads` threads that begin together, every thread in a session of its own, and
    /// gives all signatures. A module that can't do that may take the process down.
    ///
    /// # Errors
    /// What the first thread that failed was told.
    pub fn sign_on_threads(
        &self,
        name: &KeyName,
        scheme: Scheme,
        digest: &[u8],
        (threads, each): (usize, usize),
        pin: Option<&Pin>,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let seats = (0..threads).map(|_| self.another(pin));
        let seats: Vec<Seat> = seats.collect::<Result<_, _>>()?;
        let begin = Barrier::new(threads);
        let work = |seat: Seat| -> Result<Vec<Vec<u8>>, Failure> {
            begin.wait();
            (0..each)
                .map(|_| seat.sign_once(name, scheme, digest))
                .collect()
        };
        let work = &work;
        let told: Vec<_> = std::thread::scope(|scope| {
            let working: Vec<_> = seats
                .into_iter()
                .map(|seat| scope.spawn(move || work(seat)))
                .collect();
            working.into_iter().map(ScopedJoinHandle::join).collect()
        });
        let mut all = Vec::with_capacity(threads * each);
        for signatures in told {
            let gone = |_| Failure::from(Error::Unfit("a thread ended before its time".into()));
            all.extend(signatures.map_err(gone)??);
        }
        Ok(all)
    }

    /// A session beside the open one; logged in by itself if there is a PIN.
    fn another(&self, pin: Option<&Pin>) -> Result<Seat, Failure> {
        let session = self.context().open_ro_session(self.slot()?)?;
        if let Some(pin) = pin {
            token::login(&session, pin)?;
        }
        Ok(Seat::new(0, session, self.seat()?.manners().clone()))
    }
}
