use std::process::Command;

use rcgen::{KeyPair, PublicKeyData, SigningKey};

use super::{Authority, openssl_accepts};
use crate::clock::{Clock, Moment};
use crate::signer::Algorithm;
use crate::signer::cms::Signer;

const BODY: &[u8] = b"000.00.00.G22\n7\nroot\n";

fn sealed(authority: &Authority, key: &KeyPair, at: Moment) -> (Algorithm, Vec<u8>) {
    let certificate = authority.issue("Văn phòng Chính phủ", key);
    let signer = Signer::new(&[certificate.der().to_vec()]).unwrap();
    assert_eq!(signer.spki(), key.subject_public_key_info());
    let draft = signer.draft(BODY, at).unwrap();
    let signature = key.sign(draft.to_sign()).unwrap();
    (signer.algorithm(), draft.finish(signature).unwrap())
}

fn rsa() -> KeyPair {
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
        ])
        .output()
        .unwrap();
    let pem = String::from_utf8(made.stdout).unwrap();
    KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256).unwrap()
}

#[test]
fn openssl_accepts_both_algorithms_and_no_changed_byte() {
    let authority = Authority::new();
    for (key, algorithm) in [
        (KeyPair::generate().unwrap(), Algorithm::P256),
        (rsa(), Algorithm::Rsa),
    ] {
        let (found, cms) = sealed(&authority, &key, Clock::system().now());
        assert_eq!(found, algorithm);
        assert!(openssl_accepts(&cms, BODY, &authority.pem));
        assert!(!openssl_accepts(
            &cms,
            b"000.00.00.G22\n8\nroot\n",
            &authority.pem
        ));
        assert!(!openssl_accepts(&cms, BODY, &Authority::new().pem));
        let mut changed = cms.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(!openssl_accepts(&changed, BODY, &authority.pem));
    }
}

#[test]
fn a_time_beyond_2049_is_written_as_its_standard_says() {
    let authority = Authority::new();
    let key = KeyPair::generate().unwrap();
    for (year, tag) in [(2049, 0x17), (2050, 0x18)] {
        let at = time::macros::datetime!(2000-06-01 0:00 UTC)
            .replace_year(year)
            .unwrap();
        let (_, cms) = sealed(&authority, &key, at);
        // signing-time's identifier, then SET, length, and the time's own tag.
        let oid = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
        let at = cms.windows(oid.len()).position(|w| w == oid).unwrap();
        assert_eq!(cms[at + oid.len() + 2], tag);
    }
}

#[test]
fn other_keys_and_other_bytes_are_refused() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let certificate = Authority::new().issue("P-384", &key);
    assert!(Signer::new(&[certificate.der().to_vec()]).is_err());
    assert!(Signer::new(&[]).is_err());
    assert!(Signer::new(&[b"no certificate".to_vec()]).is_err());
}
