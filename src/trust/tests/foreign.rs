//! What openssl makes is judged here, and what is made here passes `openssl verify`.

use super::*;

#[test]
fn the_test_authoritys_certificates_pass_openssl_verify() {
    let dir = tempfile::tempdir().unwrap();
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let p384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
    let (root, _) = openssl_key(dir.path(), "root", rsa);
    let (below, _) = openssl_key(dir.path(), "below", p384);
    let chance = Chance::system();
    let mixed = TestCa::with_pem_keys(&root, &below, &chance, NOW).unwrap();
    for ca in [mixed, TestCa::new(&chance, NOW).unwrap()] {
        let ca = TestCa::load(&ca.save().unwrap()).unwrap();
        let world = World::of(ca, TestKey::new().unwrap());
        let next = NOW + Duration::days(1);
        let root_list = world.ca.root_revocation_list(&[], NOW, next).unwrap();
        let list = world.ca.revocation_list(&[], NOW, next).unwrap();
        let pem = |label, der: &[u8]| pem::encode(label, der);
        put(
            &dir.path().join("root.pem"),
            pem("CERTIFICATE", &world.ca.root_der()),
        );
        put(
            &dir.path().join("below.pem"),
            pem("CERTIFICATE", &world.ca.intermediate_der()),
        );
        put(
            &dir.path().join("lists.pem"),
            pem("X509 CRL", &root_list) + &pem("X509 CRL", &list),
        );
        let (tls, seal) = (world.tls(|_| {}), world.seal());
        put(&dir.path().join("tls.pem"), pem("CERTIFICATE", &tls));
        put(&dir.path().join("seal.pem"), pem("CERTIFICATE", &seal));
        let at = NOW.unix_timestamp();
        let common = format!(
            "verify -x509_strict -crl_check_all -CRLfile lists.pem -attime {at} -CAfile root.pem -untrusted below.pem"
        );
        for rest in [
            "-purpose sslserver -verify_hostname box.example.vn tls.pem",
            "-purpose sslclient -verify_ip 10.0.0.1 tls.pem",
            "-purpose any seal.pem",
        ] {
            openssl(dir.path(), &format!("{common} {rest}")).unwrap();
        }
        let lists = vec![root_list, list];
        let revocation = Revocation {
            lists,
            window: std::time::Duration::ZERO,
            then: Stale::Refuse,
        };
        let trust = world.trust(Profile::default(), revocation);
        trust.judge(&[tls], Purpose::TlsServer, NOW).unwrap();
        trust.judge(&[seal], Purpose::Seal, NOW).unwrap();
    }
}

/// Root and end certificate made by openssl alone, signed as `sigopts` says.
fn openssl_chain(dir: &Path, key: &str, signing: &str) -> (Vec<u8>, Vec<u8>) {
    openssl_key(dir, "ca", key);
    openssl_key(
        dir,
        "leaf",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
    );
    put(
        &dir.join("leaf.ext"),
        "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n\
         subjectAltName=URI:urn:trucgate:member:H41\n",
    );
    let root = format!(
        "req -x509 -new -key ca.key -subj /CN=ca -days 30 {signing} -outform DER -out ca.der"
    );
    openssl(dir, &root).unwrap();
    openssl(dir, "req -new -key leaf.key -subj /CN=leaf -out leaf.csr").unwrap();
    let leaf = format!(
        "x509 -req -in leaf.csr -CA ca.der -CAform DER -CAkey ca.key -days 20 -extfile leaf.ext {signing} -outform DER -out leaf.der"
    );
    openssl(dir, &leaf).unwrap();
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    (read("ca.der"), read("leaf.der"))
}

#[test]
fn the_accepted_algorithms_are_these_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    let p384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
    let pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen";
    let table = [
        (rsa, "-sha256".to_owned(), true),
        (rsa, "-sha384".to_owned(), true),
        (rsa, format!("-sha256 {pss}:32"), true),
        (rsa, format!("-sha384 {pss}:48"), true),
        (p256, "-sha256".to_owned(), true),
        (p384, "-sha384".to_owned(), true),
        (rsa, "-sha1".to_owned(), false),
        (rsa, format!("-sha256 {pss}:20"), false),
        (p256, "-sha1".to_owned(), false),
    ];
    for (key, signing, accepted) in table {
        let (root, leaf) = openssl_chain(dir.path(), key, &signing);
        let trust = Trust::new(vec![root], vec![], Profile::default(), Revocation::none()).unwrap();
        let read = certificate::Certificate::read(&leaf).unwrap();
        let at = read.not_before + Duration::hours(1);
        let found = trust.judge(&[leaf], Purpose::TlsClient, at);
        if accepted {
            assert_eq!(found.unwrap().code, code("H41"), "{key} {signing}");
        } else {
            assert_eq!(
                found.unwrap_err().verdict,
                Verdict::WeakKey,
                "{key} {signing}"
            );
        }
    }
}
