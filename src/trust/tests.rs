use std::time::Duration as StdDuration;

use time::Duration;
use time::macros::datetime;

use super::directory::{BoxEntry, Content, Directory, Fingerprint, Member, State};
use super::issue::{TestCa, TestKey, Use, Wanted};
use super::*;
use crate::clock::{Chance, Moment};
use crate::packet::MemberId;
use crate::retry::Class;

const NOW: Moment = datetime!(2026-03-01 08:00 UTC);

fn code(text: &str) -> MemberId {
    text.parse().unwrap()
}

struct World {
    ca: TestCa,
    chance: Chance,
    key: TestKey,
    code: MemberId,
}

impl World {
    fn new() -> Self {
        let chance = Chance::system();
        Self {
            ca: TestCa::new(&chance, NOW).unwrap(),
            chance,
            key: TestKey::new().unwrap(),
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
        let spki = self.key.spki_der();
        let names = ["box.example.vn".to_owned(), "10.0.0.1".to_owned()];
        let wanted = self.wanted(Use::Tls { names: &names }, &spki);
        self.ca.issue_shaped(&wanted, &self.chance, shape).unwrap()
    }

    fn seal(&self) -> Vec<u8> {
        let spki = self.key.spki_der();
        self.ca
            .issue(&self.wanted(Use::Seal, &spki), &self.chance)
            .unwrap()
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

fn verdict(result: Result<Identity, Refusal>) -> Verdict {
    result.unwrap_err().verdict
}

#[test]
fn a_leaf_alone_is_completed_by_the_configured_intermediate_and_says_whose_it_is() {
    let world = World::new();
    let (trust, leaf) = (world.plain(), world.tls(|_| {}));
    let identity = trust
        .judge(&[leaf.clone()], Purpose::TlsClient, NOW)
        .unwrap();
    assert_eq!(identity.code, world.code);
    assert_eq!(identity.fingerprint, fingerprint(&leaf));
    assert_eq!(identity.spki_der, world.key.spki_der());
    assert!(
        identity.subject.contains("Văn phòng Chính phủ"),
        "{}",
        identity.subject
    );
    assert_eq!(identity.serial.len(), 32);
    let again = trust
        .judge(&[leaf.clone()], Purpose::TlsServer, NOW)
        .unwrap();
    assert_eq!(again, identity);
    assert_eq!(
        trust.chain_for(&leaf).unwrap(),
        vec![leaf.clone(), world.ca.intermediate_der()]
    );
    let without = Trust::new(
        vec![world.ca.root_der()],
        vec![],
        Profile::default(),
        Revocation::none(),
    )
    .unwrap();
    let refused = without
        .judge(&[leaf.clone()], Purpose::TlsClient, NOW)
        .unwrap_err();
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
        assert_eq!(
            trust.judge(&chain, Purpose::Seal, NOW).unwrap().code,
            world.code
        );
    }
}
