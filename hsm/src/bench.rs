//! The workbench: tokens and keys are prepared here, before a pool serves them.

use std::path::Path;

use cryptoki::context::Pkcs11;
use cryptoki::object::ObjectClass;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;

use crate::error::{Error, Failure};
use crate::key::{self, KeyKind, KeyName, PublicKey};
use crate::mechanism::Scheme;
use crate::module::Module;
use crate::pin::Pin;
use crate::profile::Mechanism;
use crate::session::{Manners, Seat};
use crate::token::{self, TokenDescription, TokenName};

/// A new key pair and what the token says about its private half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedKey {
    /// The public half.
    pub public: PublicKey,
    /// CKA_SENSITIVE; always true.
    pub sensitive: bool,
    /// CKA_EXTRACTABLE; always false.
    pub extractable: bool,
    /// CKA_ALWAYS_SENSITIVE.
    pub always_sensitive: bool,
    /// CKA_NEVER_EXTRACTABLE.
    pub never_extractable: bool,
    /// CKA_LOCAL: made inside the token.
    pub local: bool,
}

/// A module opened for preparing tokens and keys, call by call, on the caller's thread.
#[derive(Debug)]
pub struct Workbench {
    seat: Option<(Slot, Seat)>,
    module: Module,
}

impl Workbench {
    /// Loads and initialises the module.
    ///
    /// # Errors
    /// When it can't be loaded or initialised, or is in use in this process.
    pub fn open(module: &Path) -> Result<Self, Error> {
        let module = Module::load_alone(module)?;
        module.initialize().map_err(Error::from)?;
        Ok(Self { seat: None, module })
    }

    /// The tokens that are present.
    ///
    /// # Errors
    /// When the module can't list them.
    pub fn tokens(&self) -> Result<Vec<TokenDescription>, Error> {
        token::describe(self.module.context()).map_err(Error::from)
    }

    /// Initialises the first token that has not been, gives it a label and sets both PINs.
    ///
    /// # Errors
    /// When a token of that label exists, none is free, or the token refuses.
    pub fn init_token(&mut self, label: &str, so_pin: &Pin, pin: &Pin) -> Result<(), Error> {
        self.init_token_of(None, label, so_pin, pin)
    }

    /// As [`Workbench::init_token`]; where a serial number is given, that token and no other.
    ///
    /// # Errors
    /// As [`Workbench::init_token`].
    pub fn init_token_of(
        &mut self,
        serial: Option<&str>,
        label: &str,
        so_pin: &Pin,
        pin: &Pin,
    ) -> Result<(), Error> {
        if label.is_empty() || label.len() > 32 {
            return Err(Error::Unfit("a token's label has 1 to 32 bytes".into()));
        }
        self.init(serial, label, so_pin, pin).map_err(Error::from)
    }

    /// Sets the user's PIN of a token that was initialised without getting so far.
    ///
    /// # Errors
    /// When the token is not there or refuses the security officer's PIN, which is tried once.
    pub fn set_pin(&self, name: &TokenName, so_pin: &Pin, pin: &Pin) -> Result<(), Error> {
        self.give_pin(name, so_pin, pin).map_err(Error::from)
    }

    fn give_pin(&self, name: &TokenName, so_pin: &Pin, pin: &Pin) -> Result<(), Failure> {
        let context = self.module.context();
        let (slot, _) = token::find(context, name)?;
        let session = context.open_rw_session(slot)?;
        session.login(UserType::So, Some(&so_pin.auth()))?;
        session.init_pin(&pin.auth())?;
        session.logout()?;
        Ok(())
    }

    fn init(
        &mut self,
        serial: Option<&str>,
        label: &str,
        so_pin: &Pin,
        pin: &Pin,
    ) -> Result<(), Failure> {
        let context = self.module.context();
        let name = TokenName::Label(label.to_owned());
        if token::find(context, &name).is_ok() {
            return Err(Error::SeveralTokens(format!("{name}: one is there already")).into());
        }
        let free = context.get_slots_with_token()?.into_iter().find(|slot| {
            context.get_token_info(*slot).is_ok_and(|info| {
                !info.token_initialized() && serial.is_none_or(|one| info.serial_number() == one)
            })
        });
        let slot = free.ok_or_else(|| Error::Away("no token that is not initialised".into()))?;
        context.init_token(slot, &so_pin.auth(), label)?;
        // Initialising moves a soft token to another slot.
        self.give_pin(&name, so_pin, pin)
    }

    /// Opens a token for the calls below; another one that was open is closed.
    ///
    /// # Errors
    /// When the token is not there or refuses the PIN; a PIN is tried once.
    pub fn login(&mut self, name: &TokenName, pin: &Pin) -> Result<(), Error> {
        self.seat = None;
        self.enter(name, pin).map_err(Error::from)
    }

    fn enter(&mut self, name: &TokenName, pin: &Pin) -> Result<(), Failure> {
        let context = self.module.context();
        let (slot, _) = token::find(context, name)?;
        let manners = Manners {
            mechanisms: token::mechanisms(context, slot, &Mechanism::ALL)?,
            alone: None,
        };
        let session = context.open_rw_session(slot)?;
        token::login(&session, pin)?;
        self.seat = Some((slot, Seat::new(0, session, manners)));
        Ok(())
    }

    /// Makes a key pair, sensitive and not extractable, under a label that is not in use.
    ///
    /// # Errors
    /// When the label is taken, the token can't make such a key, or would let it out.
    pub fn generate(&self, label: &str, id: &[u8], kind: KeyKind) -> Result<GeneratedKey, Error> {
        key::generate(self.seat()?.session(), label, id, kind).map_err(Error::from)
    }

    /// Reads the public half of a key.
    ///
    /// # Errors
    /// When there is no such key or it is neither RSA nor P-256.
    pub fn public_key(&self, name: &KeyName) -> Result<PublicKey, Error> {
        self.seat()?.public_key(name).map_err(Error::from)
    }

    /// What the token says about a key pair that it holds.
    ///
    /// # Errors
    /// As [`Workbench::public_key`].
    pub fn inspect(&self, name: &KeyName) -> Result<GeneratedKey, Error> {
        let session = self.seat()?.session();
        key::find(session, ObjectClass::PRIVATE_KEY, name)
            .and_then(|private| key::described(session, private, name))
            .map_err(Error::from)
    }

    /// How many private and public key objects bear this name; a pair is (1, 1).
    ///
    /// # Errors
    /// When the token can't be asked.
    pub fn halves(&self, name: &KeyName) -> Result<(usize, usize), Error> {
        let session = self.seat()?.session();
        let count = |class| key::all(session, class, name).map(|all| all.len());
        let both = || -> Result<(usize, usize), Failure> {
            Ok((
                count(ObjectClass::PRIVATE_KEY)?,
                count(ObjectClass::PUBLIC_KEY)?,
            ))
        };
        both().map_err(Error::from)
    }

    /// Destroys every key object of this name, for ever; none is no error. Gives their number.
    ///
    /// # Errors
    /// When the token refuses.
    pub fn destroy(&self, name: &KeyName) -> Result<usize, Error> {
        Self::destroy_all(self.seat()?.session(), name).map_err(Error::from)
    }

    fn destroy_all(session: &Session, name: &KeyName) -> Result<usize, Failure> {
        let mut count = 0;
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for object in key::all(session, class, name)? {
                session.destroy_object(object)?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// The labels of all private and of all public keys in the token, one for each object.
    ///
    /// # Errors
    /// When the token can't be asked.
    pub fn labels(&self) -> Result<(Vec<String>, Vec<String>), Error> {
        let session = self.seat()?.session();
        let of = |class| key::labels(session, class).map_err(Error::from);
        Ok((of(ObjectClass::PRIVATE_KEY)?, of(ObjectClass::PUBLIC_KEY)?))
    }

    /// Signs a digest, for certificate requests and the self-test.
    ///
    /// # Errors
    /// As the token and the key say.
    pub fn sign(&self, name: &KeyName, scheme: Scheme, digest: &[u8]) -> Result<Vec<u8>, Error> {
        self.seat()?
            .sign_once(name, scheme, digest)
            .map_err(Error::from)
    }

    pub(crate) fn seat(&self) -> Result<&Seat, Error> {
        self.seat.as_ref().map(|(_, seat)| seat).ok_or_else(closed)
    }

    /// Where the open token is.
    pub(crate) fn slot(&self) -> Result<Slot, Error> {
        self.seat.as_ref().map(|(slot, _)| *slot).ok_or_else(closed)
    }

    pub(crate) fn context(&self) -> &Pkcs11 {
        self.module.context()
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        self.seat = None;
        self.module.finalize();
    }
}

fn closed() -> Error {
    Error::Unfit("no token is open".into())
}
