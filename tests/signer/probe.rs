//! `trucgate provision probe` on a real token, as a person runs it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use hsm::{KeyName, Pin, TokenName, Workbench};
use trucgate::signer::{Config, SealAnswer};

use crate::authority::put;
use crate::process::{World, leaf, request, with_signer, world};
use crate::token;

fn probe(dir: &Path, module: &Path, arguments: &[&str]) -> Command {
    put(&dir.join("pin"), token::PIN.as_bytes());
    let mut command = Command::new(env!("CARGO_BIN_EXE_trucgate"));
    command.args(["provision", "probe", "--module"]).arg(module);
    command
        .arg("--pin-file")
        .arg(dir.join("pin"))
        .args(arguments);
    command
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// Test keys that are in the token.
fn test_keys() -> usize {
    let mut bench = Workbench::open(&token::module()).unwrap();
    let (name, pin) = (
        TokenName::Label(token::LABEL.into()),
        Pin::new(token::PIN.into()),
    );
    bench.login(&name, &pin).unwrap();
    ["trucgate-probe-rsa-2048", "trucgate-probe-p-256"]
        .map(|label| bench.public_key(&KeyName::Label(label.into())))
        .iter()
        .filter(|key| key.is_ok())
        .count()
}

#[test]
fn its_profile_is_what_the_signer_takes() {
    token::alone("probe::its_profile_is_what_the_signer_takes", |dir| {
        let World { config, .. } = world(dir, token::module());
        let output = probe(dir, &config.module, &[]).output().unwrap();
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("[hỏng / bad]"), "{text}");
        for line in [
            "RSA-2048: đã tạo khoá, luôn bí mật, không bao giờ xuất được / made, always sensitive, never extractable",
            "RSA-2048, CKM_RSA_PKCS_PSS SHA-384: chữ ký đúng / signatures verify",
            "P-256, CKM_ECDSA SHA-256: chữ ký đúng / signatures verify",
            "một lần đăng nhập đủ cho mọi phiên / one login serves all sessions",
            "sessions at the same time: 64",
            "4 luồng / threads: 100 chữ ký đúng / signatures verify",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert_eq!(test_keys(), 0, "{text}");

        // At the end of a signer's configuration, as the report says, and a signer that heeds it.
        let empty = "socket = \"s\"\nheads = \"h\"\nmodule = \"m\"\nkeys = []\n";
        let profile = String::from_utf8(output.stdout).unwrap();
        let profile = &profile[profile.find("# Thêm vào cuối signer.toml").unwrap()..];
        let read: Config = toml::from_str(&format!("{empty}{profile}")).unwrap();
        assert_eq!(
            read.profile.as_ref().unwrap().mechanisms.len(),
            3,
            "{profile}"
        );
        let config = Config {
            profile: read.profile,
            ..config
        };
        with_signer(config, |client| async move {
            let first = request("000.00.00.G22", 1, leaf(1), 0, &[]);
            let sealed = client.seal("seal", first).await.unwrap();
            assert!(matches!(sealed, SealAnswer::Signed { .. }));
        });

        let serial = probe(dir, &token::module(), &["--serial", "none", "--no-threads"]);
        let refused = { serial }.output().unwrap();
        assert!(!refused.status.success());
        assert!(said(&refused).contains(token::LABEL), "{}", said(&refused));
        let output = probe(
            dir,
            &token::module(),
            &["--label", token::LABEL, "--no-threads"],
        )
        .output();
        let text = said(&output.unwrap());
        assert!(text.contains("threads = false"), "{text}");
    });
}

#[test]
fn one_that_is_killed_leaves_nothing_behind_the_next() {
    token::alone(
        "probe::one_that_is_killed_leaves_nothing_behind_the_next",
        |dir| {
            token::furnish();
            let mut killed = probe(dir, &token::module(), &[])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(killed.stdout.take().unwrap()).lines();
            let made = |line: &String| line.contains("P-256: đã tạo khoá");
            assert!(lines.map(Result::unwrap).any(|line| made(&line)));
            killed.kill().unwrap();
            killed.wait().unwrap();
            assert_eq!(test_keys(), 2);

            let output = probe(dir, &token::module(), &[]).output().unwrap();
            let text = said(&output);
            assert!(output.status.success(), "{text}");
            assert!(
                text.contains("4 test objects of an earlier probe removed"),
                "{text}"
            );
            assert_eq!(test_keys(), 0, "{text}");
        },
    );
}

#[test]
fn a_wrong_pin_is_tried_once() {
    token::alone("probe::a_wrong_pin_is_tried_once", |dir| {
        token::furnish();
        let _spied = token::Server::spied(dir);
        let mut command = probe(dir, &token::client_module(), &[]);
        put(&dir.join("pin"), b"00000000\n");
        let output = command.output().unwrap();
        assert!(!output.status.success());
        let text = said(&output);
        assert!(
            text.contains("chỉ thử một lần / login, tried once"),
            "{text}"
        );
        assert_eq!(token::calls(dir, "C_Login"), 1, "{text}");
    });
}
