//! The table of certificates and verdicts.

use rcgen::{BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::*;

#[test]
fn a_leaf_alone_is_completed_by_the_configured_intermediate_and_says_whose_it_is() {
    let world = World::new();
    let (trust, leaf) = (world.plain(), world.tls(|_| {}));
    let alone = std::slice::from_ref(&leaf);
    let identity = trust.judge(alone, Purpose::TlsClient, NOW).unwrap();
    assert_eq!(identity.code, world.code);
    assert_eq!(identity.fingerprint, fingerprint(&leaf));
    assert_eq!(identity.spki_der, world.key.spki_der());
    assert_eq!(identity.not_after, NOW + Duration::days(365));
    assert!(
        identity.subject.contains("Văn phòng"),
        "{}",
        identity.subject
    );
    assert_eq!(identity.serial.len(), 32);
    assert_eq!(
        trust.judge(alone, Purpose::TlsServer, NOW).unwrap(),
        identity
    );
    let completed = vec![leaf.clone(), world.ca.intermediate_der()];
    assert_eq!(trust.chain_for(&leaf).unwrap(), completed);

    let without = Trust::new(
        vec![world.ca.root_der()],
        vec![],
        Profile::default(),
        Revocation::none(),
    )
    .unwrap();
    let refused = without.judge(alone, Purpose::TlsClient, NOW).unwrap_err();
    assert_eq!(refused.verdict, Verdict::UnknownIssuer);
    assert!(refused.detail.contains("issuing CA"), "{refused}");
    let whole = [leaf, world.ca.intermediate_der(), world.ca.root_der()];
    without.judge(&whole, Purpose::TlsClient, NOW).unwrap();
}

#[test]
fn each_place_of_the_code_can_be_configured() {
    let world = World::new();
    let chain = [world.seal()];
    for place in [
        CodeSource::SanUri,
        CodeSource::OrganizationIdentifier,
        CodeSource::SubjectSerialNumber,
    ] {
        let profile = Profile {
            code: place,
            ..Profile::default()
        };
        let trust = world.trust(profile, Revocation::none());
        let identity = trust.judge(&chain, Purpose::Seal, NOW).unwrap();
        assert_eq!(identity.code, world.code);
    }
}

#[test]
fn each_bad_certificate_gets_its_verdict() {
    let world = World::new();
    let other = World::new();
    let dir = tempfile::tempdir().unwrap();
    let (_, rsa1024) = openssl_key(
        dir.path(),
        "rsa",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
    );
    let (_, rsa2048) = openssl_key(
        dir.path(),
        "rsa",
        "-algorithm RSA -pkeyopt rsa_keygen_bits:2048",
    );
    let (_, p384) = openssl_key(
        dir.path(),
        "p384",
        "-algorithm EC -pkeyopt ec_paramgen_curve:P-384",
    );
    let (_, ed25519) = openssl_key(dir.path(), "ed", "-algorithm ED25519");
    let mut cut = world.tls(|_| {});
    cut.truncate(300);
    let critical = |params: &mut rcgen::CertificateParams| {
        let mut extension = CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions.push(extension);
    };
    let two_codes = |params: &mut rcgen::CertificateParams| {
        let uri = "urn:trucgate:member:000.00.00.H41".try_into().unwrap();
        params.subject_alt_names.push(rcgen::SanType::URI(uri));
    };
    let odd_code = |params: &mut rcgen::CertificateParams| {
        let uri = "urn:trucgate:member:a%20b".try_into().unwrap();
        params.subject_alt_names = vec![rcgen::SanType::URI(uri)];
    };
    use Purpose::{Seal, TlsClient, TlsServer};
    let table: Vec<(&str, Vec<u8>, Purpose, Option<Verdict>)> = vec![
        ("good client", world.tls(|_| {}), TlsClient, None),
        ("good server", world.tls(|_| {}), TlsServer, None),
        ("good seal", world.seal(), Seal, None),
        ("good RSA", world.tls_for(&rsa2048, |_| {}), TlsClient, None),
        (
            "authority of the same name, other key",
            other.tls(|_| {}),
            TlsClient,
            Some(Verdict::UnknownIssuer),
        ),
        (
            "the anchor itself",
            world.ca.root_der(),
            TlsClient,
            Some(Verdict::UnknownIssuer),
        ),
        (
            "an authority",
            world.ca.intermediate_der(),
            TlsClient,
            Some(Verdict::WrongUsage),
        ),
        (
            "expired",
            world.tls(|p| p.not_after = NOW - Duration::seconds(1)),
            TlsClient,
            Some(Verdict::Expired),
        ),
        (
            "not yet valid",
            world.tls(|p| p.not_before = NOW + Duration::seconds(1)),
            TlsClient,
            Some(Verdict::NotYetValid),
        ),
        (
            "seal used for TLS",
            world.seal(),
            TlsClient,
            Some(Verdict::WrongUsage),
        ),
        (
            "TLS used for sealing",
            world.tls(|_| {}),
            Seal,
            Some(Verdict::WrongUsage),
        ),
        (
            "client only, as server",
            world.tls(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]),
            TlsServer,
            Some(Verdict::WrongUsage),
        ),
        (
            "server only, as client",
            world.tls(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
            TlsClient,
            Some(Verdict::WrongUsage),
        ),
        (
            "any purpose is none",
            world.tls(|p| p.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            TlsClient,
            Some(Verdict::WrongUsage),
        ),
        (
            "seal with TLS purposes",
            world.tls(|p| p.key_usages.push(KeyUsagePurpose::ContentCommitment)),
            Seal,
            Some(Verdict::WrongUsage),
        ),
        (
            "no digitalSignature",
            world.tls(|p| p.key_usages = vec![KeyUsagePurpose::KeyEncipherment]),
            TlsClient,
            Some(Verdict::WrongUsage),
        ),
        (
            "unknown critical extension",
            world.tls(critical),
            TlsClient,
            Some(Verdict::CriticalExtension),
        ),
        (
            "RSA 1024",
            world.tls_for(&rsa1024, |_| {}),
            TlsClient,
            Some(Verdict::WeakKey),
        ),
        (
            "P-384 end certificate",
            world.tls_for(&p384, |_| {}),
            TlsClient,
            Some(Verdict::WeakKey),
        ),
        (
            "Ed25519",
            world.tls_for(&ed25519, |_| {}),
            TlsClient,
            Some(Verdict::WeakKey),
        ),
        (
            "no code",
            world.tls(|p| p.subject_alt_names.clear()),
            TlsClient,
            Some(Verdict::NoMemberCode),
        ),
        (
            "two codes",
            world.tls(two_codes),
            TlsClient,
            Some(Verdict::NoMemberCode),
        ),
        (
            "a code that is none",
            world.tls(odd_code),
            TlsClient,
            Some(Verdict::NoMemberCode),
        ),
        ("cut off", cut, TlsClient, Some(Verdict::Malformed)),
        ("empty", vec![], TlsClient, Some(Verdict::Malformed)),
        (
            "text",
            b"hello".to_vec(),
            TlsClient,
            Some(Verdict::Malformed),
        ),
        (
            "endless",
            vec![0x30; 100_000],
            TlsClient,
            Some(Verdict::Malformed),
        ),
    ];
    let trust = world.plain();
    for (name, der, purpose, expected) in table {
        let found = trust.judge(&[der], purpose, NOW);
        assert_eq!(
            found.as_ref().err().map(|r| r.verdict),
            expected,
            "{name}: {found:?}"
        );
        if let Err(refusal) = found {
            let text = refusal.to_string();
            assert!(!refusal.next().is_empty() && refusal.reason_vi().starts_with("Từ chối: "));
            if refusal.verdict != Verdict::Malformed {
                assert!(
                    !refusal.serial.is_empty() && text.contains(&refusal.serial),
                    "{text}"
                );
                assert!(refusal.reason_vi().contains(&refusal.serial));
            }
        }
    }
    assert_eq!(
        trust.judge(&[], TlsClient, NOW).unwrap_err().verdict,
        Verdict::NoCertificate
    );
    let many = vec![world.tls(|_| {}); 11];
    assert_eq!(
        trust.judge(&many, TlsClient, NOW).unwrap_err().verdict,
        Verdict::Malformed
    );
}

#[test]
fn a_strangers_name_cannot_flood_or_forge_a_line() {
    let world = World::new();
    let stranger = World::new().tls(|p| {
        let name = format!("box\u{202e}\u{85}\nMEMBER=G01{}", "x".repeat(5000));
        p.distinguished_name.push(rcgen::DnType::CommonName, name);
    });
    let refusal = world
        .plain()
        .judge(&[stranger], Purpose::TlsClient, NOW)
        .unwrap_err();
    assert_eq!(refusal.subject.chars().count(), 256);
    assert!(!refusal.to_string().contains(['\n', '\u{202e}', '\u{85}']));
}

#[test]
fn an_authority_must_be_allowed_to_be_one() {
    let world = World::new();
    let trust = world.plain();
    let below = TestKey::new().unwrap();
    let issue_under = |authority: &[u8], key: &TestKey| {
        let key = rcgen::KeyPair::try_from(key.pkcs8_der()).unwrap();
        let issuer = rcgen::Issuer::from_ca_cert_der(&authority.into(), key).unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.not_before = NOW - Duration::days(1);
        params.not_after = NOW + Duration::days(1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let subject = rcgen::KeyPair::generate().unwrap();
        params.signed_by(&subject, &issuer).unwrap().der().to_vec()
    };
    let refused = |authority: Vec<u8>| {
        let leaf = issue_under(&authority, &below);
        trust
            .judge(&[leaf, authority], Purpose::TlsClient, NOW)
            .unwrap_err()
    };
    let sign = |p: &mut rcgen::CertificateParams| {
        p.extended_key_usages.clear();
        p.subject_alt_names.clear();
        p.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    };
    let spki = below.spki_der();
    let deep = world.tls_for(&spki, |p| {
        sign(p);
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let refusal = refused(deep);
    assert_eq!(refusal.verdict, Verdict::WrongUsage);
    assert!(refusal.detail.contains("path length"), "{refusal}");
    let not_one = world.tls_for(&spki, sign);
    assert!(refused(not_one).detail.contains("cA"));
    let no_usage = world.tls_for(&spki, |p| {
        sign(p);
        p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        p.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    assert!(refused(no_usage).detail.contains("keyCertSign"));
}

#[test]
fn no_changed_byte_is_accepted() {
    let world = World::new();
    let trust = world.plain();
    let good = world.tls(|_| {});
    trust
        .judge(std::slice::from_ref(&good), Purpose::TlsClient, NOW)
        .unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x01;
        assert!(
            trust.judge(&[bad], Purpose::TlsClient, NOW).is_err(),
            "byte {at}"
        );
    }
}

#[test]
fn a_chain_seen_before_is_still_judged_for_time_and_use() {
    let world = World::new();
    let trust = world.plain();
    let chain = [world.tls(|_| {})];
    trust.judge(&chain, Purpose::TlsClient, NOW).unwrap();
    let later = NOW + Duration::days(366);
    let refusal = trust.judge(&chain, Purpose::TlsClient, later).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::Expired);
    assert_eq!(refusal.validity.unwrap().1, NOW + Duration::days(365));
    assert!(trust.judge(&chain, Purpose::Seal, NOW).is_err());
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        trust.judge(&chain, Purpose::TlsClient, NOW).unwrap();
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1));
}

#[test]
fn a_crafted_chain_of_equal_names_ends_soon() {
    let world = World::new();
    let twins: Vec<_> = (0..9)
        .map(|_| TestCa::new(&world.chance, NOW).unwrap().intermediate_der())
        .collect();
    let mut chain = vec![World::new().tls(|_| {})];
    chain.extend(twins);
    let refusal = world
        .plain()
        .judge(&chain, Purpose::TlsClient, NOW)
        .unwrap_err();
    assert_eq!(refusal.verdict, Verdict::UnknownIssuer);
}

#[test]
fn unusable_material_is_refused_at_once() {
    let world = World::new();
    let make =
        |anchors, others| Trust::new(anchors, others, Profile::default(), Revocation::none());
    assert!(matches!(make(vec![], vec![]), Err(Error::NoAnchor)));
    let junk = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n".to_vec();
    assert!(matches!(
        make(vec![junk.clone()], vec![]),
        Err(Error::Certificate(_))
    ));
    assert!(make(vec![world.ca.root_der()], vec![b"nothing here".to_vec()]).is_err());
    let pem = pem::encode("CERTIFICATE", &world.ca.root_der())
        + &pem::encode("CERTIFICATE", &world.ca.intermediate_der());
    assert_eq!(
        make(vec![pem.into_bytes()], vec![])
            .unwrap()
            .anchors()
            .len(),
        2
    );
}
