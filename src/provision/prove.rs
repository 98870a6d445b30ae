//! A key and a certificate belong together only when a signature of the one verifies by the other.

use std::fmt;

use super::TokenKey;
use crate::trust::signature::verify;
use crate::trust::{Refusal, key_of};

/// What is signed: no TLS handshake, no checkpoint and no enrolment begins like it.
const MESSAGE: &[u8] = b"trucgate: proof of a pair, of no use elsewhere\n";

/// Why a pair is not proven.
#[derive(Debug)]
pub enum NotProven {
    /// The certificate can't be read.
    Certificate(Refusal),
    /// The token did not sign.
    Token(hsm::Error),
    /// The certificate, named by its subject, is another key's.
    NotAPair(String),
}

impl fmt::Display for NotProven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(refusal) => write!(f, "{refusal}"),
            Self::Token(error) => write!(f, "{error}"),
            Self::NotAPair(subject) => write!(
                f,
                "chữ ký thử không khớp chứng thư {subject} / the test signature does not verify by the certificate of {subject}"
            ),
        }
    }
}

impl std::error::Error for NotProven {}

/// Has the token sign a test message and verifies it by the certificate (DER).
///
/// # Errors
/// When the two are no pair, or one of them can't be used.
pub fn prove(key: &TokenKey<'_>, certificate: &[u8]) -> Result<(), NotProven> {
    let public = key_of(certificate).map_err(NotProven::Certificate)?;
    let signature = key.sign_message(MESSAGE).map_err(NotProven::Token)?;
    if verify(&public.spki_der, key.signs_with(), MESSAGE, &signature) {
        Ok(())
    } else {
        Err(NotProven::NotAPair(public.subject))
    }
}
