//! An authority of the tests' own, and openssl's opinion of what was signed under it.

use std::path::Path;
use std::process::Command;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData,
};

/// A root that issues certificates over any key.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Gốc thử nghiệm");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn issue(&self, name: &str, key: &impl PublicKeyData) -> rcgen::Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::ContentCommitment,
        ];
        params.signed_by(key, &self.issuer).unwrap()
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[expect(clippy::disallowed_methods, reason = "a test's own throw-away file")]
pub(crate) fn put(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// Whether the openssl program accepts a detached signature under a root.
pub(crate) fn openssl_accepts(cms: &[u8], content: &[u8], root_pem: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        put(&path, bytes);
        path
    };
    let [message, body, root] = [
        file("cms", cms),
        file("body", content),
        file("root", root_pem.as_bytes()),
    ];
    // -cades demands the signing certificate's attribute; the purpose is S/MIME's unless told.
    let verify = |extra: &[&str]| {
        let out = Command::new("openssl")
            .args(["cms", "-verify", "-binary", "-inform", "DER"])
            .args(["-purpose", "any", "-out", "/dev/null"])
            .args(extra)
            .arg("-in")
            .arg(&message)
            .arg("-content")
            .arg(&body)
            .arg("-CAfile")
            .arg(&root)
            .output()
            .unwrap();
        if !out.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&out.stderr));
        }
        out.status.success()
    };
    let plain = verify(&[]);
    assert_eq!(plain, verify(&["-cades"]));
    plain
}
