use super::super::directory::{BoxEntry, Content, Directory, Fingerprint, Member, State};
use super::*;

fn member(at: u64, text: &str) -> Member {
    Member {
        level: 1,
        ..Member::new(code(text), at, format!("Cơ quan {at}"))
    }
}

fn content(members: Vec<Member>, boxes: Vec<BoxEntry>) -> Content {
    Content {
        version: 7,
        issued: NOW,
        valid_until: NOW + Duration::days(7),
        hub: None,
        members,
        boxes,
    }
}

#[test]
fn a_member_is_found_by_any_of_its_codes_among_120_000() {
    let members = (0..120_000)
        .map(|at| Member {
            code102: Some(code(&format!(
                "{:03}.{:02}.{:02}.H41",
                at / 10_000,
                at / 100 % 100,
                at % 100
            ))),
            old_code: Some(code(&format!("old.{at}"))),
            ..member(at, &format!("H41.{at}"))
        })
        .collect();
    let directory = Directory::new(content(members, vec![])).unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        for text in ["H41.119999", "011.99.99.H41", "old.119999"] {
            assert_eq!(directory.find(&code(text)).unwrap().id, 119_999, "{text}");
        }
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    assert!(directory.find(&code("H41")).is_none());
    let json = directory.json().unwrap();
    let again = Directory::from_json(json.clone()).unwrap();
    assert_eq!(again.content(), directory.content());
    assert_eq!(again.json().unwrap(), json);
}

#[test]
fn a_code_in_use_wins_over_an_earlier_code_of_another() {
    let mut first = member(1, "G09");
    first.old_code = Some(code("G07"));
    let directory = Directory::new(content(vec![first, member(2, "G07")], vec![])).unwrap();
    assert_eq!(directory.find(&code("G07")).unwrap().id, 2);
}

#[test]
fn a_box_named_by_another_form_of_its_code_is_the_same_box() {
    let mut owner = member(1, "G09");
    owner.old_code = Some(code("000.00.00.G09"));
    owner.box_code = Some(code("000.00.00.G09"));
    let entry = BoxEntry {
        code: code("G09"),
        tls: vec![],
        seal: vec![],
    };
    let directory = Directory::new(content(vec![owner], vec![entry])).unwrap();
    assert_eq!(directory.members_of_box(&code("G09")).count(), 1);
    assert_eq!(directory.members_of_box(&code("000.00.00.G09")).count(), 1);
    let found = directory.box_of(&directory.member(0).unwrap()).unwrap();
    assert_eq!(found.code, code("G09"));
}

#[test]
fn contradictions_are_refused() {
    let refused = |content: Content| {
        let said = content.check().unwrap_err().to_string();
        assert_eq!(Directory::new(content).unwrap_err().to_string(), said);
    };
    refused(content(vec![member(1, "G09"), member(2, "G09")], vec![]));
    let print = Fingerprint([1; 32]);
    let entry = |text| BoxEntry {
        code: code(text),
        tls: vec![print],
        seal: vec![],
    };
    refused(content(vec![], vec![entry("A"), entry("B")]));
    refused(content(vec![], vec![entry("A"), entry("A")]));
    let seals = |text: &str, print: Fingerprint| Member {
        seal: vec![print],
        ..member(1, text)
    };
    let other = Fingerprint([2; 32]);
    refused(content(
        vec![seals("G01", print), seals("G02", print)],
        vec![],
    ));
    let mut hub = content(vec![seals("G01", print)], vec![entry("A")]);
    hub.hub = Some(BoxEntry {
        seal: vec![print],
        ..entry("HUB")
    });
    refused(hub.clone());
    hub.members = vec![seals("G01", other)];
    refused(hub.clone());
    hub.boxes.clear();
    hub.check().unwrap();
    assert_eq!(Directory::new(hub).unwrap().count(), 1);
    // Certificates that only begin alike are different ones.
    let mut alike = print;
    alike.0[31] = 9;
    let begins = content(vec![seals("G01", print), seals("G02", alike)], vec![]);
    begins.check().unwrap();
    assert_eq!(Directory::new(begins).unwrap().count(), 2);
    let mut nowhere = member(1, "G09");
    nowhere.box_code = Some(code("X"));
    let said = content(vec![nowhere], vec![entry("A")])
        .check()
        .unwrap_err();
    assert!(said.to_string().contains("no registered box"), "{said}");
    assert!(Directory::from_json(&br#"{"version":1,"surprise":true}"#[..]).is_err());
    assert!("zz".parse::<Fingerprint>().is_err());
}

#[test]
fn a_member_stands_since_the_directory_that_was_the_first_to_show_it_so() {
    // As an earlier release wrote it, without a word of changes.
    let early = r#"{"version":7,"issued":"2026-03-01T08:00:00Z","valid_until":"2026-03-08T08:00:00Z",
"members":[{"code":"A","id":1,"name":"a","level":1},{"code":"C","id":3,"name":"c","level":1}],"boxes":[]}"#;
    let early = Directory::from_json(early.replace('\n', "")).unwrap();
    let named = |id, text: &str, name: &str| Member {
        name: name.to_owned(),
        ..member(id, text)
    };
    let mut next = content(
        vec![named(1, "A", "a"), named(2, "B", "b"), named(3, "C", "d")],
        vec![],
    );
    next.version = 8;
    next.enter_changes(Some(&early)).unwrap();
    let since = |content: &Content| -> Vec<u64> {
        let members = content.members.iter();
        members.map(|m| m.changed.unwrap().version).collect()
    };
    assert_eq!(since(&next), [7, 8, 8]);
    let now = Directory::new(next.clone()).unwrap();
    next.version = 9;
    next.members[1].contact = "Bà \"B\"".to_owned();
    next.enter_changes(Some(&now)).unwrap();
    assert_eq!(since(&next), [7, 9, 8]);
    next.version = 10;
    next.enter_changes(None).unwrap();
    assert_eq!(since(&next), [10, 10, 10]);
}

#[test]
fn valid_is_not_enough_it_must_be_registered_and_for_that_code() {
    let world = World::new();
    let (tls, seal) = (world.tls(|_| {}), world.seal());
    let trust = world.plain();
    let box_identity = trust
        .judge(std::slice::from_ref(&tls), Purpose::TlsClient, NOW)
        .unwrap();
    let seal_identity = trust
        .judge(std::slice::from_ref(&seal), Purpose::Seal, NOW)
        .unwrap();
    let with = |tls_of: &str, seal_of: &str, state| {
        let mut owner = member(1, seal_of);
        owner.seal = vec![Fingerprint::of(&seal)];
        owner.state = state;
        owner.successor = Some(code("G99"));
        owner.box_code = Some(code(tls_of));
        let entry = |code, tls| BoxEntry {
            code,
            tls,
            seal: vec![],
        };
        let mut boxes = vec![entry(code(tls_of), vec![Fingerprint::of(&tls)])];
        if tls_of != "000.00.00.G22" {
            boxes.push(entry(code("000.00.00.G22"), vec![]));
        }
        Directory::new(content(vec![owner], boxes)).unwrap()
    };
    let good = with("000.00.00.G22", "000.00.00.G22", State::Active);
    assert_eq!(good.registered_box(&box_identity).unwrap().code, world.code);
    assert_eq!(good.registered_seal(&seal_identity).unwrap().id, 1);
    assert_eq!(good.members_of_box(&world.code).count(), 1);
    assert_eq!(good.members_of_box(&code("G01")).count(), 0);

    let other = with("000.00.00.H41", "000.00.00.H41", State::Active);
    let verdicts = (
        other.registered_box(&box_identity).unwrap_err().verdict,
        other.registered_seal(&seal_identity).unwrap_err().verdict,
    );
    assert_eq!(verdicts, (Verdict::AnotherMember, Verdict::AnotherMember));

    let none = Directory::new(content(vec![], vec![])).unwrap();
    let refusal = none.registered_box(&box_identity).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::NotRegistered);
    assert_eq!(refusal.serial, box_identity.serial);
    assert!(none.registered_hub(&box_identity).is_err());

    let closed = with("000.00.00.G22", "000.00.00.G22", State::Closed);
    let refusal = closed.open_seal(&seal_identity).unwrap_err();
    assert!(refusal.detail.contains("G99"), "{refusal}");
    assert_eq!(closed.registered_seal(&seal_identity).unwrap().id, 1);
}

#[test]
fn the_hub_is_known_by_its_own_entry() {
    let world = World::new();
    let (tls, seal) = (world.tls(|_| {}), world.seal());
    let trust = world.plain();
    let mut all = content(vec![], vec![]);
    all.hub = Some(BoxEntry {
        code: world.code.clone(),
        tls: vec![Fingerprint::of(&tls)],
        seal: vec![Fingerprint::of(&seal)],
    });
    let directory = Directory::new(all).unwrap();
    let shown = trust.judge(&[tls], Purpose::TlsServer, NOW).unwrap();
    let sealed = trust.judge(&[seal], Purpose::Seal, NOW).unwrap();
    directory.registered_hub(&shown).unwrap();
    directory.registered_hub_seal(&sealed).unwrap();
    assert!(directory.registered_hub(&sealed).is_err());
    assert!(directory.registered_hub_seal(&shown).is_err());
}
