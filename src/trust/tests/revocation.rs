use std::time::Duration as Wait;

use super::*;
use crate::retry::Class;

fn serial_of(der: &[u8]) -> String {
    certificate::Certificate::read(der).unwrap().serial_hex()
}

struct Lists {
    world: World,
    leaf: Vec<u8>,
    root_list: Vec<u8>,
}

impl Lists {
    fn new() -> Self {
        let world = World::new();
        let leaf = world.tls(|_| {});
        let root_list = world
            .ca
            .root_revocation_list(&[], NOW, NOW + Duration::days(30))
            .unwrap();
        Self {
            world,
            leaf,
            root_list,
        }
    }

    fn list(&self, revoked: &[String], made: Moment) -> Vec<u8> {
        let next = made + Duration::days(1);
        self.world.ca.revocation_list(revoked, made, next).unwrap()
    }

    fn with(&self, lists: Vec<Vec<u8>>, then: Stale) -> Trust {
        let mut all = vec![self.root_list.clone()];
        all.extend(lists);
        self.world.trust(
            Profile::default(),
            Revocation {
                lists: all,
                window: Wait::from_secs(3600),
                then,
            },
        )
    }

    fn judge(&self, trust: &Trust, at: Moment) -> Result<Identity, Refusal> {
        trust.judge(std::slice::from_ref(&self.leaf), Purpose::TlsClient, at)
    }
}

#[test]
fn a_revoked_certificate_is_refused_even_where_its_chain_was_seen_before() {
    let lists = Lists::new();
    let before = lists.with(vec![lists.list(&[], NOW)], Stale::Refuse);
    lists.judge(&before, NOW).unwrap();
    let revoked = lists.list(&[serial_of(&lists.leaf)], NOW + Duration::hours(1));
    let after = before
        .with_revocation(&Revocation {
            lists: vec![lists.root_list.clone(), revoked.clone()],
            window: Wait::ZERO,
            then: Stale::Refuse,
        })
        .unwrap();
    let at = NOW + Duration::hours(2);
    let refusal = lists.judge(&after, at).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::Revoked);
    assert_eq!(refusal.detail, "since 2026-03-01T09:00:00Z");
    assert!(refusal.reason_vi().contains("đã bị thu hồi"));
    // What was signed before the revocation stays valid at its own time.
    lists.judge(&after, NOW).unwrap();
    assert_eq!(
        after.revocation_material(),
        vec![lists.root_list.clone(), revoked]
    );
}

#[test]
fn a_revoked_intermediate_takes_all_below_with_it() {
    let lists = Lists::new();
    let serial = serial_of(&lists.world.ca.intermediate_der());
    let root_list = lists
        .world
        .ca
        .root_revocation_list(std::slice::from_ref(&serial), NOW, NOW + Duration::days(1))
        .unwrap();
    let trust = lists.world.trust(
        Profile::default(),
        Revocation {
            lists: vec![root_list],
            ..Revocation::none()
        },
    );
    let refusal = lists.judge(&trust, NOW).unwrap_err();
    assert_eq!(
        (refusal.verdict, refusal.serial),
        (Verdict::Revoked, serial)
    );
}

#[test]
fn past_the_declared_window_the_declared_mode_decides() {
    let lists = Lists::new();
    let list = lists.list(&[], NOW);
    let due = NOW + Duration::days(1);
    for (then, class) in [
        (Stale::Continue, None),
        (Stale::Queue, Some(Class::Retry)),
        (Stale::Refuse, Some(Class::Refuse)),
    ] {
        let trust = lists.with(vec![list.clone()], then);
        lists.judge(&trust, due + Duration::minutes(59)).unwrap();
        let late = lists.judge(&trust, due + Duration::minutes(61));
        assert_eq!(late.as_ref().err().map(Refusal::class), class, "{then:?}");
        if let Err(refusal) = late {
            assert_eq!(refusal.verdict, Verdict::RevocationUnknown);
        }
        let stops = trust.lists()[1].stops_at;
        let expected = (then != Stale::Continue).then_some(due + Duration::hours(1));
        assert_eq!(stops, expected);
        // Without any list of the issuer the same mode decides.
        let none = lists.with(vec![], then);
        assert_eq!(lists.judge(&none, NOW).err().map(|r| r.class()), class);
    }
}

#[test]
fn a_newer_list_replaces_an_older_one_whatever_the_order() {
    let lists = Lists::new();
    let old = lists.list(&[], NOW);
    let new = lists.list(&[serial_of(&lists.leaf)], NOW + Duration::hours(1));
    let at = NOW + Duration::hours(2);
    for order in [vec![old.clone(), new.clone()], vec![new, old]] {
        let trust = lists.with(order, Stale::Refuse);
        assert_eq!(trust.lists().len(), 2);
        assert_eq!(
            lists.judge(&trust, at).unwrap_err().verdict,
            Verdict::Revoked
        );
    }
}

#[test]
fn a_list_that_no_configured_authority_signed_is_an_error_and_so_is_a_changed_one() {
    let lists = Lists::new();
    let load = |list: Vec<u8>| {
        lists.world.plain().with_revocation(&Revocation {
            lists: vec![list],
            ..Revocation::none()
        })
    };
    let foreign = Lists::new().list(&[], NOW);
    assert!(
        load(foreign)
            .unwrap_err()
            .to_string()
            .contains("not signed by")
    );
    let good = lists.list(&[serial_of(&lists.leaf)], NOW);
    let text = pem::encode("X509 CRL", &good).into_bytes();
    assert_eq!(
        load(text).unwrap().revocation_material(),
        vec![good.clone()]
    );
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        assert!(load(bad).is_err(), "byte {at}");
    }
}

#[test]
fn a_list_of_a_hundred_thousand_is_loaded_once_and_asked_fast() {
    let lists = Lists::new();
    let mut many: Vec<String> = (0u32..100_000).map(|n| format!("40{n:08x}")).collect();
    many.push(serial_of(&lists.leaf));
    let trust = lists.with(vec![lists.list(&many, NOW)], Stale::Refuse);
    assert_eq!(trust.lists()[1].revoked, 100_001);
    let innocent = [lists.world.tls(|_| {})];
    trust.judge(&innocent, Purpose::TlsClient, NOW).unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        trust.judge(&innocent, Purpose::TlsClient, NOW).unwrap();
    }
    assert!(
        begun.elapsed() < Wait::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(
        lists.judge(&trust, NOW).unwrap_err().verdict,
        Verdict::Revoked
    );
}
