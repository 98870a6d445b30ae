//! What can go wrong with a token, sorted by what to do about it.

use std::fmt;
use std::path::PathBuf;

use cryptoki::context::Function;
use cryptoki::error::{Error as Pkcs11Error, RvError};

/// What the caller does after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The same call may succeed later.
    Retry,
    /// The same call can never succeed.
    Refuse,
    /// Nothing succeeds before a person has acted.
    Fatal,
}

/// Why a token did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The PKCS#11 module can't be loaded.
    Module {
        /// The module's file.
        path: PathBuf,
        /// What the loader said.
        detail: String,
    },
    /// A pool or workbench of this process holds the module's one context.
    InUse,
    /// The token is not there, or was lost; it is looked for.
    Away(String),
    /// Too many requests wait in this lane.
    Busy,
    /// No answer within the configured deadline.
    Late,
    /// The pool has been stopped.
    Stopped,
    /// The token refused the PIN; it is not tried again.
    Pin(String),
    /// Login failed for another reason than the PIN; it is tried again after 30 s.
    Login(String),
    /// More than one token has this label or serial number.
    SeveralTokens(String),
    /// No such key in the token.
    NoKey(String),
    /// More than one key has this label or id.
    SeveralKeys(String),
    /// The token lacks a mechanism.
    NoMechanism(String),
    /// The request does not fit the key or the scheme.
    Unfit(String),
    /// The token reported something about this one request.
    Token {
        /// PKCS#11's name of the error.
        code: String,
        /// The call that failed.
        call: String,
        /// What to do about it.
        class: Class,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Away(_) | Self::Busy | Self::Late | Self::Login(_) => Class::Retry,
            Self::NoKey(_) | Self::SeveralKeys(_) | Self::NoMechanism(_) | Self::Unfit(_) => {
                Class::Refuse
            }
            Self::Module { .. }
            | Self::InUse
            | Self::Stopped
            | Self::Pin(_)
            | Self::SeveralTokens(_) => Class::Fatal,
            Self::Token { class, .. } => *class,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Module { path, detail } => {
                write!(
                    f,
                    "PKCS#11 module {} can't be loaded: {detail}",
                    path.display()
                )
            }
            Self::InUse => write!(f, "this process already uses the PKCS#11 module"),
            Self::Away(why) => write!(f, "the token is away: {why}"),
            Self::Busy => write!(f, "too many requests wait for the token"),
            Self::Late => write!(f, "the token did not answer in time"),
            Self::Stopped => write!(f, "the token pool has been stopped"),
            Self::Pin(why) => write!(
                f,
                "the token refused the PIN ({why}); it is not tried again before a restart with the right one"
            ),
            Self::Login(why) => write!(f, "login failed ({why}); tried again after 30 s"),
            Self::SeveralTokens(name) => write!(f, "more than one token is called {name}"),
            Self::NoKey(name) => write!(f, "the token has no key {name}"),
            Self::SeveralKeys(name) => write!(f, "the token has more than one key {name}"),
            Self::NoMechanism(name) => write!(f, "the token does not offer {name}"),
            Self::Unfit(why) => write!(f, "{why}"),
            Self::Token { code, call, .. } => write!(f, "the token reported {code} at {call}"),
        }
    }
}

impl std::error::Error for Error {}

/// How a PKCS#11 return value bears on the connection to the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// The connection is as good as before.
    None,
    /// Token, session or handle is gone: everything is opened anew at once.
    Gone,
    /// The token works no more without saying why: opened anew, but not again and again.
    Unexplained,
}

/// A failed call: the error to tell, and whether the connection must be opened anew.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) loss: Loss,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            loss: Loss::None,
        }
    }
}

/// For a workbench, which opens nothing anew.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl From<Pkcs11Error> for Failure {
    fn from(error: Pkcs11Error) -> Self {
        match error {
            Pkcs11Error::Pkcs11(code, call) => judge(code, call),
            other => Error::Token {
                code: other.to_string(),
                call: "the PKCS#11 binding".into(),
                class: Class::Refuse,
            }
            .into(),
        }
    }
}

pub(crate) fn is_pin(code: RvError) -> bool {
    matches!(
        code,
        RvError::PinIncorrect
            | RvError::PinInvalid
            | RvError::PinLenRange
            | RvError::PinExpired
            | RvError::PinLocked
    )
}

pub(crate) fn is_gone(code: RvError) -> bool {
    matches!(
        code,
        RvError::DeviceRemoved
            | RvError::DeviceError
            | RvError::TokenNotPresent
            | RvError::TokenNotRecognized
            | RvError::SlotIdInvalid
            | RvError::SessionClosed
            | RvError::SessionHandleInvalid
            | RvError::CryptokiNotInitialized
            | RvError::UserNotLoggedIn
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
    )
}

fn judge(code: RvError, call: Function) -> Failure {
    let name = format!("{code:?}");
    let told = |class| Error::Token {
        code: name.clone(),
        call: call.to_string(),
        class,
    };
    if is_gone(code) {
        return Failure {
            error: Error::Away(format!("{name} at {call}")),
            loss: Loss::Gone,
        };
    }
    match code {
        code if is_pin(code) => Error::Pin(name).into(),
        RvError::MechanismInvalid | RvError::MechanismParamInvalid => {
            Error::NoMechanism(format!("the mechanism ({name} at {call})")).into()
        }
        RvError::DataInvalid
        | RvError::DataLenRange
        | RvError::ArgumentsBad
        | RvError::KeySizeRange
        | RvError::KeyTypeInconsistent
        | RvError::KeyFunctionNotPermitted
        | RvError::AttributeReadOnly
        | RvError::AttributeSensitive
        | RvError::AttributeTypeInvalid
        | RvError::AttributeValueInvalid
        | RvError::TemplateIncomplete
        | RvError::TemplateInconsistent
        | RvError::CurveNotSupported
        | RvError::DomainParamsInvalid
        | RvError::SessionReadOnly
        | RvError::TokenWriteProtected
        | RvError::ActionProhibited
        | RvError::FunctionNotSupported => told(Class::Refuse).into(),
        RvError::HostMemory
        | RvError::DeviceMemory
        | RvError::SessionCount
        | RvError::FunctionCanceled
        | RvError::FunctionRejected => told(Class::Retry).into(),
        _ => Failure {
            error: told(Class::Retry),
            loss: Loss::Unexplained,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_token_is_retried_and_a_wrong_pin_never() {
        let lost = judge(RvError::DeviceRemoved, Function::Sign);
        assert_eq!((lost.error.class(), lost.loss), (Class::Retry, Loss::Gone));
        let pin = judge(RvError::PinIncorrect, Function::Login);
        assert_eq!((pin.error.class(), pin.loss), (Class::Fatal, Loss::None));
        let odd = judge(RvError::GeneralError, Function::Sign);
        assert_eq!(
            (odd.error.class(), odd.loss),
            (Class::Retry, Loss::Unexplained)
        );
        let data = judge(RvError::DataLenRange, Function::Sign);
        assert_eq!((data.error.class(), data.loss), (Class::Refuse, Loss::None));
    }
}
