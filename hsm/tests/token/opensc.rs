//! What OpenSC's pkcs11-tool, which shares no code with ours, makes of the same token.

use crate::world;

use std::path::Path;
use std::process::Command;

use hsm::{Hash, KeyName, Lane, Pool, Scheme};
use ring::digest;

/// Runs pkcs11-tool on the token under test and gives what it said, whatever came of it.
fn pkcs11_tool(arguments: &[&str]) -> String {
    let out = Command::new("pkcs11-tool")
        .arg("--module")
        .arg(world::module())
        .args([
            "--token-label",
            world::LABEL,
            "--login",
            "--pin",
            world::PIN,
        ])
        .args(arguments)
        .output()
        .expect("pkcs11-tool: install opensc");
    let [said, complained] =
        [out.stdout, out.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    said + &complained
}

#[test]
fn it_sees_the_same_keys_and_none_that_could_leave() {
    world::alone(
        "opensc::it_sees_the_same_keys_and_none_that_could_leave",
        |_| {
            world::furnish();
            let seen = pkcs11_tool(&["--list-objects"]);
            let objects: Vec<&str> = seen.split("Key Object;").skip(1).collect();
            for label in ["rsa", "ec"] {
                let called: Vec<_> = objects
                    .iter()
                    .filter(|object| object.contains(&format!("label:      {label}\n")))
                    .collect();
                assert_eq!(called.len(), 2, "a pair {label}: {seen}");
                let access = "Access:     sensitive, always sensitive, never extractable, local";
                let private = called.iter().filter(|object| object.contains(access));
                assert_eq!(private.count(), 1, "{seen}");
            }
            assert_eq!(objects.len(), 4, "{seen}");
        },
    );
}

#[test]
fn it_verifies_what_the_pool_signed() {
    world::alone("opensc::it_verifies_what_the_pool_signed", |dir| {
        world::furnish();
        let message = "Công văn số 7816/VPCP-TTĐT";
        let signed = Scheme::RsaPkcs1(Hash::Sha256);
        let pss = Scheme::RsaPss(Hash::Sha256);
        let digest = digest::digest(&digest::SHA256, message.as_bytes());
        let pool = Pool::start(world::config(world::module())).unwrap();
        let sign = |key: &str, scheme| {
            let name = KeyName::Label(key.into());
            let digest = digest.as_ref().to_vec();
            pool.sign_blocking(Lane::Seal, name, scheme, digest)
                .unwrap()
        };
        let signatures = [
            sign("rsa", signed),
            sign("rsa", pss),
            sign("ec", Scheme::EcdsaP256),
        ];
        drop(pool);

        let [whole, hashed, other] = ["message", "digest", "other"].map(|name| dir.join(name));
        world::put(&whole, message);
        world::put(&hashed, digest.as_ref());
        world::put(&other, [0; 32]);
        let cases: [(&str, &[&str], &Path); 3] = [
            ("rsa", &["--mechanism", "SHA256-RSA-PKCS"], &whole),
            (
                "rsa",
                &["--mechanism", "RSA-PKCS-PSS", "--hash-algorithm", "SHA256"],
                &hashed,
            ),
            (
                "ec",
                &["--mechanism", "ECDSA", "--signature-format", "openssl"],
                &hashed,
            ),
        ];
        for ((key, how, input), signature) in cases.into_iter().zip(signatures) {
            let file = dir.join("signature");
            world::put(&file, signature);
            for (input, verdict) in [(input, "Signature is valid"), (&other, "Invalid signature")] {
                let id: String = key.bytes().map(|byte| format!("{byte:02x}")).collect();
                let (input, file) = (input.to_str().unwrap(), file.to_str().unwrap());
                let mut arguments = vec!["--verify", "--id", &id, "--input-file", input];
                arguments.extend(["--signature-file", file]);
                arguments.extend(how);
                let said = pkcs11_tool(&arguments);
                assert!(said.contains(verdict), "{key} {how:?}: {said}");
            }
        }
    });
}
