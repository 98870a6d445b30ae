//! Tokens by name: slot numbers change from start to start.

use std::fmt;

use cryptoki::context::Pkcs11;
use cryptoki::error::Error as Pkcs11Error;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};

use crate::error::{Error, Failure, Loss, is_pin};
use crate::pin::Pin;

/// How a token is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TokenName {
    /// Its label, at most 32 bytes.
    Label(String),
    /// Its serial number, at most 16 bytes.
    Serial(String),
}

impl TokenName {
    fn names(&self, info: &TokenInfo) -> bool {
        match self {
            Self::Label(label) => info.label() == label,
            Self::Serial(serial) => info.serial_number() == serial,
        }
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(f, "label {label}"),
            Self::Serial(serial) => write!(f, "serial {serial}"),
        }
    }
}

/// A token as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenDescription {
    /// Its label.
    pub label: String,
    /// Its serial number.
    pub serial: String,
    /// Its model.
    pub model: String,
    /// Whether it has been initialised.
    pub initialised: bool,
    /// Whether the user's PIN has been set.
    pub pin_set: bool,
}

pub(crate) fn describe(context: &Pkcs11) -> Result<Vec<TokenDescription>, Failure> {
    let slots = context.get_slots_with_token()?;
    Ok(slots
        .into_iter()
        .filter_map(|slot| context.get_token_info(slot).ok())
        .map(|info| TokenDescription {
            label: info.label().to_owned(),
            serial: info.serial_number().to_owned(),
            model: info.model().to_owned(),
            initialised: info.token_initialized(),
            pin_set: info.user_pin_initialized(),
        })
        .collect())
}

/// The slot that holds the token, and the token's own words about itself; no login is made.
pub(crate) fn find(context: &Pkcs11, name: &TokenName) -> Result<(Slot, TokenInfo), Failure> {
    let mut found = None;
    for slot in context.get_slots_with_token()? {
        // A broken neighbour in another slot is none of our business.
        let Ok(info) = context.get_token_info(slot) else {
            continue;
        };
        if name.names(&info) && found.replace((slot, info)).is_some() {
            return Err(Error::SeveralTokens(name.to_string()).into());
        }
    }
    found.ok_or_else(|| Failure {
        error: Error::Away(format!("no token with {name}")),
        loss: Loss::Gone,
    })
}

/// Logs the process in. Another thread's earlier login counts.
pub(crate) fn login(session: &Session, pin: &Pin) -> Result<(), Failure> {
    use cryptoki::error::RvError as Rv;
    match session.login(UserType::User, Some(&pin.auth())) {
        Ok(()) | Err(Pkcs11Error::Pkcs11(Rv::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Pkcs11Error::Pkcs11(code, _)) if is_pin(code) => {
            Err(Error::Pin(format!("{code:?}")).into())
        }
        Err(Pkcs11Error::Pkcs11(
            code @ (Rv::DeviceRemoved
            | Rv::TokenNotPresent
            | Rv::SessionHandleInvalid
            | Rv::SessionClosed
            | Rv::CryptokiNotInitialized),
            _,
        )) => Err(Failure {
            error: Error::Away(format!("{code:?} at login")),
            loss: Loss::Gone,
        }),
        // Whatever else it says, the try may have been counted against the PIN.
        Err(error) => Err(Error::Login(short(&error)).into()),
    }
}

fn short(error: &Pkcs11Error) -> String {
    match error {
        Pkcs11Error::Pkcs11(code, call) => format!("{code:?} at {call}"),
        other => other.to_string(),
    }
}
