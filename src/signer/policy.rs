//! What a TLS key may sign: the input of a handshake's signature, and nothing that could pass for anything else.

use super::TlsScheme;

/// Where in a handshake a message belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// CertificateVerify of a server (RFC 8446 section 4.4.3).
    Tls13Server,
    /// CertificateVerify of a client (RFC 8446 section 4.4.3).
    Tls13Client,
    /// ServerKeyExchange with ECDHE (RFC 8422 section 5.4).
    Tls12Server,
    /// CertificateVerify of a client (RFC 5246 section 7.4.8).
    Tls12Client,
}

impl Handshake {
    /// The word for it in the journal.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls13Server => "tls1.3-server",
            Self::Tls13Client => "tls1.3-client",
            Self::Tls12Server => "tls1.2-server",
            Self::Tls12Client => "tls1.2-client",
        }
    }
}

/// Recognises what a handshake asks to be signed; `None` for everything else.
#[must_use]
pub fn handshake(message: &[u8], scheme: TlsScheme) -> Option<Handshake> {
    let found = tls13(message).or_else(|| tls12(message))?;
    let pkcs1 = matches!(
        scheme,
        TlsScheme::RsaPkcs1Sha256 | TlsScheme::RsaPkcs1Sha384 | TlsScheme::RsaPkcs1Sha512
    );
    let tls13 = matches!(found, Handshake::Tls13Server | Handshake::Tls13Client);
    // TLS 1.3 knows no PKCS#1 v1.5 in a handshake.
    (!(pkcs1 && tls13)).then_some(found)
}

fn tls13(message: &[u8]) -> Option<Handshake> {
    let rest = message.strip_prefix(&[b' '; 64])?;
    let (side, hash) = if let Some(hash) = rest.strip_prefix(b"TLS 1.3, server CertificateVerify\0")
    {
        (Handshake::Tls13Server, hash)
    } else {
        let hash = rest.strip_prefix(b"TLS 1.3, client CertificateVerify\0")?;
        (Handshake::Tls13Client, hash)
    };
    matches!(hash.len(), 32 | 48).then_some(side)
}

fn tls12(message: &[u8]) -> Option<Handshake> {
    if message.get(64..).is_some_and(is_ecdhe_params) {
        Some(Handshake::Tls12Server)
    } else if is_transcript(message) {
        Some(Handshake::Tls12Client)
    } else {
        None
    }
}

/// ServerECDHParams behind both randoms: a named curve and a point of its length.
fn is_ecdhe_params(params: &[u8]) -> bool {
    let [3, curve_high, curve_low, length, point @ ..] = params else {
        return false;
    };
    let expected = match u16::from_be_bytes([*curve_high, *curve_low]) {
        0x0017 => 65,  // secp256r1
        0x0018 => 97,  // secp384r1
        0x0019 => 133, // secp521r1
        0x001d => 32,  // x25519
        0x001e => 56,  // x448
        _ => return false,
    };
    usize::from(*length) == expected && point.len() == expected
}

/// All handshake messages from ClientHello to ClientKeyExchange, whole.
fn is_transcript(message: &[u8]) -> bool {
    const CLIENT_HELLO: u8 = 1;
    const SERVER_HELLO: u8 = 2;
    const CLIENT_KEY_EXCHANGE: u8 = 16;
    let (mut rest, mut kinds) = (message, Vec::new());
    while let [kind, a, b, c, body @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some(next) = body.get(length..) else {
            return false;
        };
        kinds.push(*kind);
        rest = next;
    }
    rest.is_empty()
        && kinds.starts_with(&[CLIENT_HELLO, SERVER_HELLO])
        && kinds.last() == Some(&CLIENT_KEY_EXCHANGE)
}
