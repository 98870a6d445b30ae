//! The workbench: tokens and keys are prepared here, before a pool serves them.

use std::path::Path;
use std::sync::Arc;

use cryptoki::object::ObjectClass;
use cryptoki::session::{Session, UserType};

use crate::error::{Error, Failure};
use crate::key::{self, KeyKind, KeyName, PublicKey};
use crate::mechanism::Scheme;
use crate::module::Module;
use crate::pin::Pin;
use crate::session::Seat;
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
    seat: Option<(TokenName, Seat)>,
    module: Module,
}

impl Workbench {
    /// Loads and initialises the module.
    ///
    /// # Errors
    /// When it can't be loaded or initialised, or this process has another context.
    pub fn open(module: &Path) -> Result<Self, Error> {
        let module = Module::load(module)?;
        module.initialize().map_err(told)?;
        Ok(Self { seat: None, module })
    }

    /// The tokens that are present.
    ///
    /// # Errors
    /// When the module can't list them.
    pub fn tokens(&self) -> Result<Vec<TokenDescription>, Error> {
        token::describe(self.module.context()).map_err(told)
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
        self.init(serial, label, so_pin, pin).map_err(told)
    }

    /// Sets the user's PIN of a token that was initialised without getting so far.
    ///
    /// # Errors
    /// When the token is not there or refuses the security officer's PIN, which is tried once.
    pub fn set_pin(&self, name: &TokenName, so_pin: &Pin, pin: &Pin) -> Result<(), Error> {
        self.give_pin(name, so_pin, pin).map_err(told)
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
        self.enter(name, pin).map_err(told)
    }

    fn enter(&mut self, name: &TokenName, pin: &Pin) -> Result<(), Failure> {
        let context = self.module.context();
        let (slot, _) = token::find(context, name)?;
        let mechanisms: Arc<[_]> = context.get_mechanism_list(slot)?.into();
        let session = context.open_rw_session(slot)?;
        token::login(&session, pin)?;
        self.seat = Some((name.clone(), Seat::new(0, session, mechanisms)));
        Ok(())
    }

    /// Makes a key pair, sensitive and not extractable, under a label that is not in use.
    ///
    /// # Errors
    /// When the label is taken, the token can't make such a key, or would let it out.
    pub fn generate(&self, label: &str, id: &[u8], kind: KeyKind) -> Result<GeneratedKey, Error> {
        key::generate(self.seat()?.session(), label, id, kind).map_err(told)
    }

    /// Reads the public half of a key.
    ///
    /// # Errors
    /// When there is no such key or it is neither RSA nor P-256.
    pub fn public_key(&self, name: &KeyName) -> Result<PublicKey, Error> {
        self.seat()?.public_key(name).map_err(told)
    }

    /// What the token says about a key pair that it holds.
    ///
    /// # Errors
    /// As [`Workbench::public_key`].
    pub fn inspect(&self, name: &KeyName) -> Result<GeneratedKey, Error> {
        let session = self.seat()?.session();
        key::find(session, ObjectClass::PRIVATE_KEY, name)
            .and_then(|private| key::described(session, private, name))
            .map_err(told)
    }

    /// How many private and public key objects bear this name; a pair is (1, 1).
    ///
    /// # Errors
    /// When the token can't be asked.
    pub fn halves(&self, name: &KeyName) -> Result<(usize, usize), Error> {
        let session = self.seat()?.session();
        let count = |class| key::all(session, class, name).map(|all| all.len());
        let both = || {
            Ok((
                count(ObjectClass::PRIVATE_KEY)?,
                count(ObjectClass::PUBLIC_KEY)?,
            ))
        };
        both().map_err(told)
    }

    /// Destroys every key object of this name, for ever; none is no error.
    ///
    /// # Errors
    /// When the token refuses.
    pub fn destroy(&self, name: &KeyName) -> Result<(), Error> {
        Self::destroy_all(self.seat()?.session(), name).map_err(told)
    }

    fn destroy_all(session: &Session, name: &KeyName) -> Result<(), Failure> {
        for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
            for object in key::all(session, class, name)? {
                session.destroy_object(object)?;
            }
        }
        Ok(())
    }

    /// The labels of all private and of all public keys in the token, one for each object.
    ///
    /// # Errors
    /// When the token can't be asked.
    pub fn labels(&self) -> Result<(Vec<String>, Vec<String>), Error> {
        let session = self.seat()?.session();
        let of = |class| key::labels(session, class).map_err(told);
        Ok((of(ObjectClass::PRIVATE_KEY)?, of(ObjectClass::PUBLIC_KEY)?))
    }

    /// Signs a digest, for certificate requests and the self-test.
    ///
    /// # Errors
    /// As the token and the key say.
    pub fn sign(&self, name: &KeyName, scheme: Scheme, digest: &[u8]) -> Result<Vec<u8>, Error> {
        self.seat()?.sign_once(name, scheme, digest).map_err(told)
    }

    fn seat(&self) -> Result<&Seat, Error> {
        self.seat.as_ref().map(|(_, seat)| seat).ok_or_else(closed)
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        self.seat = None;
        self.module.finalize();
    }
}

fn told(failure: Failure) -> Error {
    failure.error
}

fn closed() -> Error {
    Error::Unfit("no token is open".into())
}
