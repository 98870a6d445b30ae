use crate::signer::TlsScheme::{self, *};
use crate::signer::policy::{Handshake, handshake};

fn tls13(context: &[u8], hash: usize) -> Vec<u8> {
    [&[b' '; 64][..], context, &vec![7; hash]].concat()
}

fn ecdhe(curve: u16, point: usize) -> Vec<u8> {
    let [high, low] = curve.to_be_bytes();
    [&[9; 64][..], &[3, high, low, point as u8], &vec![4; point]].concat()
}

fn transcript(kinds: &[u8]) -> Vec<u8> {
    kinds
        .iter()
        .flat_map(|kind| [*kind, 0, 0, 3, 1, 2, 3])
        .collect()
}

#[test]
fn handshakes_and_nothing_else() {
    const SERVER: &[u8] = b"TLS 1.3, server CertificateVerify\0";
    const CLIENT: &[u8] = b"TLS 1.3, client CertificateVerify\0";
    let mut cut = transcript(&[1, 2, 11, 16]);
    cut.pop();
    let cases: Vec<(Vec<u8>, TlsScheme, Option<Handshake>)> = vec![
        (
            tls13(SERVER, 32),
            EcdsaP256Sha256,
            Some(Handshake::Tls13Server),
        ),
        (
            tls13(SERVER, 48),
            RsaPssSha384,
            Some(Handshake::Tls13Server),
        ),
        (
            tls13(CLIENT, 32),
            RsaPssSha256,
            Some(Handshake::Tls13Client),
        ),
        (tls13(SERVER, 32), RsaPkcs1Sha256, None),
        (tls13(SERVER, 31), EcdsaP256Sha256, None),
        (tls13(SERVER, 33), EcdsaP256Sha256, None),
        (tls13(SERVER, 64), EcdsaP256Sha256, None),
        (tls13(&SERVER[..33], 33), EcdsaP256Sha256, None),
        (
            tls13(b"TLS 1.3, other  CertificateVerify\0", 32),
            EcdsaP256Sha256,
            None,
        ),
        (tls13(SERVER, 32)[1..].to_vec(), EcdsaP256Sha256, None),
        (
            ecdhe(0x001d, 32),
            RsaPkcs1Sha256,
            Some(Handshake::Tls12Server),
        ),
        (
            ecdhe(0x0017, 65),
            EcdsaP256Sha256,
            Some(Handshake::Tls12Server),
        ),
        (
            ecdhe(0x0018, 97),
            RsaPssSha512,
            Some(Handshake::Tls12Server),
        ),
        (ecdhe(0x0017, 64), EcdsaP256Sha256, None),
        (ecdhe(0x0001, 65), EcdsaP256Sha256, None),
        (ecdhe(0x001d, 32)[1..].to_vec(), RsaPkcs1Sha256, None),
        (
            transcript(&[1, 2, 11, 12, 13, 14, 11, 16]),
            RsaPkcs1Sha256,
            Some(Handshake::Tls12Client),
        ),
        (transcript(&[1, 2, 11, 14]), RsaPkcs1Sha256, None),
        (transcript(&[2, 1, 16]), RsaPkcs1Sha256, None),
        (cut, RsaPkcs1Sha256, None),
        (Vec::new(), EcdsaP256Sha256, None),
        (b"000.00.00.G22\n1\nroot\n".to_vec(), EcdsaP256Sha256, None),
        // The DER of signed attributes begins a SET.
        (
            [&[0x31, 0x81][..], &[0; 200]].concat(),
            RsaPkcs1Sha256,
            None,
        ),
    ];
    for (message, scheme, expected) in cases {
        assert_eq!(
            handshake(&message, scheme),
            expected,
            "{scheme:?} {message:02x?}"
        );
    }
}
