mod restart;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::act::Acting;
use super::*;
use crate::clock::{Chance, parse_rfc3339};
use crate::trust::issue::{TestCa, TestKey, Use, Wanted};
use crate::trust::operators::Operator;
use crate::trust::{Profile, Revocation, Stale, Trust};

/// Counts what is done and what goes on record; the real ones are tried by `tests/exchange/two_persons.rs`.
#[derive(Default)]
struct Counted {
    done: AtomicUsize,
    records: Mutex<Vec<String>>,
}

impl Act for Counted {
    fn check<'a>(&'a self, action: &'a Action, _: Option<&'a str>) -> Acting<'a, (), Text> {
        let fit = !matches!(action, Action::RemoveMember(member) if member.as_str() == "H99");
        Box::pin(async move {
            if fit {
                Ok(())
            } else {
                Err(Text::new("không có", "none"))
            }
        })
    }

    fn record<'a>(
        &'a self,
        _: &'a Action,
        _: PacketId,
        _: (Digest, u64),
        what: String,
    ) -> Acting<'a, (), String> {
        self.records.lock().unwrap().push(what);
        Box::pin(async { Ok(()) })
    }

    fn act<'a>(&'a self, _: &'a Action, _: Option<&'a str>, _: &'a str) -> Acting<'a, Text, Text> {
        self.done.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Text::new("xong", "done")) })
    }
}

struct Person {
    name: &'static str,
    key: TestKey,
    der: Vec<u8>,
}

impl Person {
    fn sign(&self, text: &str, at: Moment) -> Signed {
        let signer = crate::signer::cms::Signer::new(std::slice::from_ref(&self.der)).unwrap();
        let draft = signer.draft(text.as_bytes(), at).unwrap();
        let signature = self.key.sign(draft.to_sign()).unwrap();
        Signed {
            text: text.to_owned(),
            cms: Bytes(draft.finish(signature).unwrap()),
        }
    }
}

struct World {
    agreed: Agreed,
    open: Box<dyn Fn() -> Agreed>,
    act: Arc<Counted>,
    clock: Clock,
    an: Person,
    binh: Person,
    viewer: Person,
    stranger: Person,
    directory: tempfile::TempDir,
    _grounds: watch::Sender<Grounds>,
}

fn member(code: &str) -> crate::packet::MemberId {
    code.parse().unwrap()
}

impl World {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    fn at(directory: tempfile::TempDir) -> Self {
        let now = parse_rfc3339("2026-03-01T08:00:00Z").unwrap();
        let (clock, chance) = (Clock::manual(now), Chance::system());
        let ca = TestCa::new(&chance, now).unwrap();
        let other = TestCa::new(&chance, now).unwrap();
        let person = |name, ca: &TestCa| {
            let key = TestKey::new().unwrap();
            let wanted = Wanted {
                spki_der: &key.spki_der(),
                usage: Use::Tls { names: &[] },
                code: None,
                name,
                not_before: now - time::Duration::days(1),
                not_after: now + time::Duration::days(365),
            };
            let der = ca.issue(&wanted, &chance).unwrap();
            Person { name, key, der }
        };
        let (an, binh, viewer) = (person("An", &ca), person("Bình", &ca), person("Chi", &ca));
        let operators = [
            (&an, Role::Approve),
            (&binh, Role::Approve),
            (&viewer, Role::View),
        ]
        .map(|(person, role)| Operator {
            members: None,
            name: person.name.to_owned(),
            certificate: Fingerprint::of(&person.der),
            roles: vec![role],
        });
        let revocation = Revocation {
            then: Stale::Continue,
            ..Revocation::none()
        };
        let trust = Trust::new(
            vec![ca.root_der()],
            vec![ca.intermediate_der()],
            Profile::default(),
            revocation,
        );
        let (keep, grounds) = watch::channel(Grounds::new(Arc::new(trust.unwrap()), None));
        let act = Arc::new(Counted::default());
        let (of_clock, of_act) = (clock.clone(), act.clone());
        let place = directory.path().join("agreed");
        let open = Box::new(move || {
            Agreed::new(Parts {
                code: "00.01.W00".into(),
                operators: operators.to_vec().try_into().unwrap(),
                window: time::Duration::minutes(15),
                clock: of_clock.clone(),
                grounds: grounds.clone(),
                disk: Disk::real(),
                directory: place.clone(),
                act: of_act.clone(),
            })
        });
        Self {
            agreed: open(),
            open,
            act,
            clock,
            stranger: person("An", &other),
            an,
            binh,
            viewer,
            directory,
            _grounds: keep,
        }
    }

    fn proposal(&self, action: Action) -> Proposal {
        Proposal {
            id: PacketId::new(self.clock.now(), &Chance::system()),
            at: "00.01.W00".into(),
            action,
            by: "An".into(),
            time: self.clock.now(),
        }
    }

    async fn proposed(&self) -> (Proposal, Signed) {
        let proposal = self.proposal(Action::RemoveMember(member("H41")));
        let signed = self.an.sign(&proposal.encode(), self.clock.now());
        self.agreed.propose(signed.clone(), None).await.unwrap();
        (proposal, signed)
    }

    fn approval(&self, proposal: &Proposal, by: &Person) -> Approval {
        Approval {
            id: proposal.id,
            at: "00.01.W00".into(),
            proposal: Digest::of(proposal.encode().as_bytes()),
            by: by.name.into(),
            time: self.clock.now(),
        }
    }

    fn approved(&self, proposal: &Proposal, by: &Person) -> Signed {
        by.sign(&self.approval(proposal, by).encode(), self.clock.now())
    }

    fn done(&self) -> usize {
        self.act.done.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn two_persons_get_it_done_once_and_both_names_stand_on_record() {
    let world = World::new();
    let (proposal, signed) = world.proposed().await;
    assert_eq!(world.agreed.list(), [proposal.encode()]);
    assert_eq!(world.done(), 0, "one person alone does nothing");
    let approval = world.approved(&proposal, &world.binh);
    assert_eq!(
        world.agreed.approve(approval.clone()).await.unwrap().en,
        "done"
    );
    let records = world.act.records.lock().unwrap().clone();
    assert_eq!(records.len(), 1);
    for part in [
        "remove-member H41",
        "proposed by An (",
        "approved by Bình (",
    ] {
        assert!(records[0].contains(part), "{records:?}");
    }
    // Neither signature is of any use again, also after a restart.
    assert_eq!(
        world.agreed.approve(approval.clone()).await,
        Err(Refused::Replayed)
    );
    assert_eq!(
        world.agreed.propose(signed.clone(), None).await,
        Err(Refused::Replayed)
    );
    let later = Agreed::new(Parts {
        code: "00.01.W00".into(),
        operators: world.agreed.parts.operators.clone(),
        window: world.agreed.parts.window,
        clock: world.clock.clone(),
        grounds: world.agreed.parts.grounds.clone(),
        disk: Disk::real(),
        directory: world.directory.path().join("agreed"),
        act: world.act.clone(),
    });
    assert_eq!(later.propose(signed, None).await, Err(Refused::Replayed));
    assert_eq!(later.approve(approval).await, Err(Refused::Replayed));
    assert_eq!(world.done(), 1);
}

#[tokio::test]
async fn proposals_that_do_not_hold_are_refused() {
    let world = World::new();
    let now = world.clock.now();
    let good = || world.proposal(Action::RemoveMember(member("H41")));
    let change = |change: fn(&mut Proposal)| {
        let mut proposal = good();
        change(&mut proposal);
        world.an.sign(&proposal.encode(), now)
    };
    let mut altered = world.an.sign(&good().encode(), now);
    altered.text = altered.text.replace("H41", "H42");
    let mut by_stranger = world.stranger.sign(&good().encode(), now);
    let mut by_viewer = good();
    by_viewer.by = "Chi".into();
    let noncanonical = world.an.sign(&(good().encode() + "\n"), now);
    let anchors = Digest::of(b"the anchors");
    let mut with_anchors = good();
    with_anchors.action = Action::ChangeAnchors(anchors);
    let with_anchors = world.an.sign(&with_anchors.encode(), now);
    type Row<'a> = (&'a str, Signed, Option<&'a str>, fn(&Refused) -> bool);
    let table: Vec<Row<'_>> = vec![
        ("altered after it was signed", altered, None, |r| {
            *r == Refused::Altered
        }),
        ("not canonical", noncanonical, None, |r| {
            *r == Refused::Altered
        }),
        (
            "in another's name",
            change(|p| p.by = "Bình".into()),
            None,
            |r| *r == Refused::Altered,
        ),
        (
            "for another machine",
            change(|p| p.at = "00.09.W00".into()),
            None,
            |r| matches!(r, Refused::OtherMachine(_)),
        ),
        (
            "of last hour",
            change(|p| p.time -= time::Duration::HOUR),
            None,
            |r| *r == Refused::Expired,
        ),
        (
            "of tomorrow",
            change(|p| p.time += time::Duration::DAY),
            None,
            |r| *r == Refused::Expired,
        ),
        (
            "of a stranger",
            std::mem::replace(&mut by_stranger, change(|_| ())),
            None,
            |r| matches!(r, Refused::Stranger(_)),
        ),
        (
            "of one who may only look",
            world.viewer.sign(&by_viewer.encode(), now),
            None,
            |r| *r == Refused::NoRole("Chi".into()),
        ),
        (
            "other content",
            with_anchors.clone(),
            Some("other anchors"),
            |r| *r == Refused::Altered,
        ),
        ("no content", with_anchors, None, |r| *r == Refused::Altered),
        (
            "what can't be done",
            change(|p| p.action = Action::RemoveMember(member("H99"))),
            None,
            |r| matches!(r, Refused::Unfit(_)),
        ),
        (
            "no signature",
            Signed {
                text: good().encode(),
                cms: Bytes(vec![1]),
            },
            None,
            |r| matches!(r, Refused::Stranger(_)),
        ),
    ];
    for (what, signed, content, fits) in table {
        let refused = world
            .agreed
            .propose(signed, content.map(str::to_owned))
            .await;
        assert!(refused.as_ref().is_err_and(fits), "{what}: {refused:?}");
    }
    assert_eq!(world.agreed.list(), [""; 0]);
}

#[tokio::test]
async fn approvals_that_do_not_hold_are_refused_and_the_proposal_waits_on() {
    let world = World::new();
    let (proposal, _) = world.proposed().await;
    let now = world.clock.now();
    let change = |change: fn(&mut Approval)| {
        let mut approval = world.approval(&proposal, &world.binh);
        change(&mut approval);
        world.binh.sign(&approval.encode(), now)
    };
    let mut altered = world.approved(&proposal, &world.binh);
    altered.text = altered.text.replace("Bình", "An");
    let table: Vec<(&str, Signed, Refused)> = vec![
        (
            "by the same person",
            world.approved(&proposal, &world.an),
            Refused::SamePerson("An".into()),
        ),
        (
            "by one who may only look",
            world.approved(&proposal, &world.viewer),
            Refused::NoRole("Chi".into()),
        ),
        ("altered after it was signed", altered, Refused::Altered),
        (
            "of another content",
            change(|a| a.proposal = Digest::of(b"x")),
            Refused::Altered,
        ),
        (
            "for another machine",
            change(|a| a.at = "00.09.W00".into()),
            Refused::OtherMachine("00.09.W00".into()),
        ),
        (
            "in another's name",
            change(|a| a.by = "Chi".into()),
            Refused::Altered,
        ),
        (
            "of yesterday",
            change(|a| a.time -= time::Duration::DAY),
            Refused::Expired,
        ),
        (
            "of no proposal",
            change(|a| a.id = PacketId::new(a.time, &Chance::system())),
            Refused::Unknown,
        ),
    ];
    for (what, signed, refused) in table {
        assert_eq!(world.agreed.approve(signed).await, Err(refused), "{what}");
    }
    let stranger = world.approved(&proposal, &world.stranger);
    assert!(matches!(
        world.agreed.approve(stranger).await,
        Err(Refused::Stranger(_))
    ));
    assert_eq!(world.done(), 0);
    world
        .agreed
        .approve(world.approved(&proposal, &world.binh))
        .await
        .unwrap();
    assert_eq!(world.done(), 1);
}

#[tokio::test]
async fn a_proposal_runs_out() {
    let world = World::new();
    let (proposal, _) = world.proposed().await;
    world.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(world.agreed.list(), [""; 0]);
    let approval = world.approved(&proposal, &world.binh);
    assert_eq!(world.agreed.approve(approval).await, Err(Refused::Expired));
    assert_eq!(world.done(), 0);
}

#[tokio::test]
async fn what_the_bench_carries_out_is_handed_out_once() {
    let world = World::new();
    let proposal = world.proposal(Action::DeleteKey("tls-old".into()));
    let signed = world.an.sign(&proposal.encode(), world.clock.now());
    world.agreed.propose(signed, None).await.unwrap();
    assert_eq!(world.agreed.claim(proposal.id).await, Err(Refused::Unknown));
    world
        .agreed
        .approve(world.approved(&proposal, &world.binh))
        .await
        .unwrap();
    assert_eq!(world.done(), 0, "the process itself has no token");
    let agreement = world.agreed.claim(proposal.id).await.unwrap();
    assert_eq!(
        (
            agreement.proposed_by.as_str(),
            agreement.approved_by.as_str()
        ),
        ("An", "Bình")
    );
    assert_eq!(
        world.agreed.claim(proposal.id).await,
        Err(Refused::Replayed)
    );
}

#[test]
fn actions_read_back_and_others_do_not() {
    let now = parse_rfc3339("2026-03-01T08:00:00Z").unwrap();
    let all = [
        Action::RemoveMember(member("H41")),
        Action::ChangeAnchors(Digest::of(b"")),
        Action::DeleteKey("seal-H41".into()),
        Action::PurgeBodies {
            member: member("H41"),
            before: now,
        },
    ];
    for action in all {
        assert_eq!(Action::parse(&action.to_string()), Some(action));
    }
    for text in [
        "",
        "remove-member",
        "remove-member ",
        "delete-key ",
        "format-disk x",
        "purge-bodies H41",
    ] {
        assert_eq!(Action::parse(text), None, "{text}");
    }
}
