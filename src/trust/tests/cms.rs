use super::super::cms::verify;
use super::*;

const CONTENT: &[u8] = b"trucgate/000.00.00.G22\n7\nabc=\n";

struct Signer {
    dir: tempfile::TempDir,
    world: World,
    seal: Vec<u8>,
}

impl Signer {
    fn new(how: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (key, _) = openssl_key(dir.path(), "seal", how);
        let ca = TestCa::new(&Chance::system(), NOW).unwrap();
        let world = World::of(ca, TestKey::from_pem(&key).unwrap());
        let seal = world.seal();
        put(
            &dir.path().join("seal.pem"),
            pem::encode("CERTIFICATE", &seal),
        );
        put(
            &dir.path().join("below.pem"),
            pem::encode("CERTIFICATE", &world.ca.intermediate_der()),
        );
        put(&dir.path().join("content"), CONTENT);
        Self { dir, world, seal }
    }

    fn sign(&self, options: &str) -> Vec<u8> {
        let command = format!(
            "cms -sign -binary -in content -signer seal.pem -inkey seal.key -certfile below.pem -outform DER {options}"
        );
        openssl(self.dir.path(), &command).unwrap()
    }
}

#[test]
fn what_openssl_signs_as_cades_is_verified_and_its_chain_judged() {
    let pss = "-md sha256 -cades -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32";
    for (key, options) in [
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
            "-md sha256 -cades",
        ),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", pss),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "-md sha256 -cades",
        ),
        (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "-md sha256 -cades -keyid",
        ),
    ] {
        let signer = Signer::new(key);
        let der = signer.sign(options);
        let signed = verify(&der, CONTENT).unwrap();
        let chain = vec![signer.seal.clone(), signer.world.ca.intermediate_der()];
        assert_eq!(signed.chain, chain);
        assert!(signed.signing_time.is_some());
        let identity = signer
            .world
            .plain()
            .judge(&signed.chain, Purpose::Seal, NOW)
            .unwrap();
        assert_eq!(identity.code, signer.world.code);

        let refusal = verify(&der, b"other").unwrap_err();
        assert_eq!(refusal.verdict, Verdict::BadSignature);
        assert_eq!(refusal.serial, identity.serial);
        let trust = signer.world.plain();
        for at in 0..der.len() {
            let mut bad = der.clone();
            bad[at] ^= 0x01;
            // A change that survives lies in a certificate of the path, or says the same thing in other words.
            if let Ok(other) = verify(&bad, CONTENT) {
                let judged = trust.judge(&other.chain, Purpose::Seal, NOW);
                assert!(
                    judged.is_err() || judged.is_ok_and(|found| found == identity),
                    "byte {at}"
                );
            }
        }
    }
}

#[test]
fn other_shapes_are_refused() {
    let signer = Signer::new("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    for (options, why) in [
        ("-md sha256", "is missing"),
        ("-md sha256 -cades -nodetach", "not detached"),
        ("-md sha256 -cades -nocerts", "certificate is missing"),
        ("-md sha384 -cades", "not SHA-256"),
        ("-md sha256 -noattr", "no signed attributes"),
    ] {
        let refusal = verify(&signer.sign(options), CONTENT).unwrap_err();
        assert!(refusal.to_string().contains(why), "{options}: {refusal}");
    }
    for junk in [&b""[..], b"text", &[0x30, 0x80]] {
        assert_eq!(
            verify(junk, CONTENT).unwrap_err().verdict,
            Verdict::Malformed
        );
    }
}
