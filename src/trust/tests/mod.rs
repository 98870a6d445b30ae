use std::io::Write;
use std::path::Path;
use std::process::Command;

use time::Duration;
use time::macros::datetime;

use super::issue::{TestCa, TestKey, Use, Wanted};
use super::*;
use crate::clock::{Chance, Moment};
use crate::packet::MemberId;

mod cms;
mod difference;
mod directory;
mod foreign;
mod ocsp;
mod revocation;
mod stamp;
mod verdicts;

const NOW: Moment = datetime!(2026-03-01 08:00 UTC);

fn code(text: &str) -> MemberId {
    text.parse().unwrap()
}

/// A test authority, one key and one member.
struct World {
    ca: TestCa,
    chance: Chance,
    key: TestKey,
    code: MemberId,
}

impl World {
    fn new() -> Self {
        let chance = Chance::system();
        let ca = TestCa::new(&chance, NOW).unwrap();
        Self::of(ca, TestKey::new().unwrap())
    }

    fn of(ca: TestCa, key: TestKey) -> Self {
        Self {
            ca,
            chance: Chance::system(),
            key,
            code: code("000.00.00.G22"),
        }
    }

    fn wanted<'a>(&'a self, usage: Use<'a>, spki_der: &'a [u8]) -> Wanted<'a> {
        Wanted {
            spki_der,
            usage,
            code: Some(&self.code),
            name: "Văn phòng Chính phủ",
            not_before: NOW - Duration::days(1),
            not_after: NOW + Duration::days(365),
        }
    }

    fn tls(&self, shape: impl FnOnce(&mut rcgen::CertificateParams)) -> Vec<u8> {
        self.tls_for(&self.key.spki_der(), shape)
    }

    fn tls_for(&self, spki: &[u8], shape: impl FnOnce(&mut rcgen::CertificateParams)) -> Vec<u8> {
        let names = ["box.example.vn".to_owned(), "10.0.0.1".to_owned()];
        let wanted = self.wanted(Use::Tls { names: &names }, spki);
        self.ca.issue_shaped(&wanted, &self.chance, shape).unwrap()
    }

    fn seal(&self) -> Vec<u8> {
        let spki = self.key.spki_der();
        let wanted = self.wanted(Use::Seal, &spki);
        self.ca.issue(&wanted, &self.chance).unwrap()
    }

    fn trust(&self, profile: Profile, revocation: Revocation) -> Trust {
        Trust::new(
            vec![self.ca.root_der()],
            vec![self.ca.intermediate_der()],
            profile,
            revocation,
        )
        .unwrap()
    }

    fn plain(&self) -> Trust {
        self.trust(Profile::default(), Revocation::none())
    }
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) {
    let mut file = std::fs::File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .unwrap();
    file.write_all(bytes.as_ref()).unwrap();
}

/// Runs openssl in `dir`; its output when it succeeds, else what it complained of.
fn openssl(dir: &Path, arguments: &str) -> Result<Vec<u8>, String> {
    let done = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(dir)
        .output()
        .expect("openssl is installed");
    if done.status.success() {
        Ok(done.stdout)
    } else {
        Err(String::from_utf8_lossy(&done.stderr).into_owned())
    }
}

/// A private key in PEM and its SubjectPublicKeyInfo.
fn openssl_key(dir: &Path, name: &str, how: &str) -> (String, Vec<u8>) {
    openssl(dir, &format!("genpkey {how} -out {name}.key")).unwrap();
    let spki = openssl(dir, &format!("pkey -in {name}.key -pubout -outform DER")).unwrap();
    let text = std::fs::read_to_string(dir.join(format!("{name}.key"))).unwrap();
    (text, spki)
}
