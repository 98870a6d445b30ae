use std::time::Duration;

use data_encoding::BASE64;
use tokio::time::timeout;

use super::World;
use super::member::*;
use super::world::*;
use crate::hub::admin::{self, Change};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::verify_consistency;
use crate::packet::Digest;
use crate::seal::{Opener, Sealer};
use crate::trust::directory::{Directory, Domain, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_directory_reaches_the_boxes_that_wait_and_holds() {
    let world = World::new().await;
    let shared = world.knock(SHARED);
    let (seal, json) = shared
        .hub
        .directory(0, Duration::ZERO)
        .await
        .unwrap()
        .unwrap();
    let hub = code(HUB);
    let trust = world.grounds.borrow().trust.clone();
    let claim = Opener::default()
        .claim(&seal, &trust, Sealer::NewHub(&hub), world.clock.now())
        .unwrap();
    claim
        .complete(Digest::of(&json), json.len() as u64)
        .unwrap();
    assert_eq!(Directory::from_json(&json).unwrap().version, 1);
    let none = shared.hub.directory(1, Duration::ZERO).await.unwrap();
    assert!(none.is_none());

    let waiting = {
        let hub = shared.hub.clone();
        tokio::spawn(async move { hub.directory(1, Duration::from_secs(60)).await })
    };
    let new = "code,id,name,box_code\nE,20,\"Sở, \"\"Một\"\"\",000.00.01.W00\n";
    assert!(
        admin::import(&world.store, new, false)
            .await
            .unwrap()
            .entered
    );
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    let newer = timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    let newer = Directory::from_json(&newer.unwrap().1).unwrap();
    assert_eq!(newer.find(&code("E")).unwrap().name, "Sở, \"Một\"");

    let since = |directory: &Directory, name: &str| {
        let member = directory.find(&code(name)).unwrap();
        member.changed.unwrap().version
    };
    assert_eq!((since(&newer, "B"), since(&newer, "E")), (1, 2));

    world.clock.advance(Duration::from_secs(4 * 86_400));
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 3, "half over");
    let close = Change::CloseMember {
        code: code("B"),
        successor: None,
    };
    admin::apply(&world.store, vec![close]).await.unwrap();
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 4);
    let now = world
        .hub
        .published()
        .borrow()
        .clone()
        .unwrap()
        .directory
        .clone();
    let members = ["A", "B", "E"].map(|name| since(&now, name));
    assert_eq!(members, [1, 4, 2], "each since its own change");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_contradicts_the_rest_changes_nothing() {
    let world = World::new().await;
    let close = |name: &str| Change::CloseMember {
        code: code(name),
        successor: None,
    };
    let without_box = Change::AddMember(Box::new(listed("E", 20, Some("NOWHERE"))));
    let directory = world.grounds.borrow().directory.clone().unwrap();
    let mut twice = listed("F", 21, None);
    twice
        .seal
        .clone_from(&directory.find(&code("B")).unwrap().seal);
    let twice = Change::AddMember(Box::new(twice));
    for bad in [
        vec![close("A"), close("NOBODY")],
        vec![close("A"), without_box],
        vec![close("A"), twice],
    ] {
        assert!(admin::apply(&world.store, bad).await.is_err());
    }
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_witness_the_hubs_own_log() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let first = box_a.hub.head(0).await.unwrap();
    let head = |text: &str| Checkpoint::parse(&BASE64.decode(text.as_bytes()).unwrap()).unwrap();
    let old = head(&first.checkpoint);
    for document_id in ["one", "two", "three"] {
        let sealed = a.seal_draft(&world, document(&["B"], document_id));
        send(&box_a, &mut a, &sealed).await;
    }
    let second = box_a.hub.head(old.size).await.unwrap();
    let new = head(&second.checkpoint);
    assert_eq!(new.size, old.size + 3);
    let proof: Vec<[u8; 32]> = second
        .proof
        .iter()
        .map(|h| BASE64.decode(h.as_bytes()).unwrap().try_into().unwrap())
        .collect();
    assert!(verify_consistency(
        old.size, &old.root, new.size, &new.root, &proof
    ));
    let cms = BASE64.decode(second.cms.as_bytes()).unwrap();
    let body = BASE64.decode(second.checkpoint.as_bytes()).unwrap();
    let (trust, hub) = (world.grounds.borrow().trust.clone(), code(HUB));
    Opener::default()
        .head(&body, &cms, &trust, Sealer::NewHub(&hub), world.clock.now())
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_is_described_without_its_certificates_being_named_again() {
    let world = World::new().await;
    let new = "code,id,name,level,domain,stage,stage_date,contact\n\
               E,20,Bộ E,1,ministry,upgrading,2019-03-01,\"Ông An, 0912\"\n";
    let imported = admin::import(&world.store, new, false).await.unwrap();
    assert_eq!((imported.added, imported.entered), (1, true));
    for wrong in ["ministry,live,,", "village,test,,", "ministry,test,soon,"] {
        let bad = format!("code,id,name,domain,stage,stage_date,contact\nE,20,Bộ E,{wrong}\n");
        let refused = admin::import(&world.store, &bad, false).await.unwrap();
        assert_eq!(
            (refused.refused.len(), refused.entered),
            (1, false),
            "{bad}"
        );
    }
    let changes = r#"[
        {"describe-member": {"code": "E", "stage": "production", "stage_date": "2019-03-12"}},
        {"describe-member": {"code": "A", "domain": "party", "contact": "Bà Bình"}}
    ]"#;
    let changes: Vec<Change> = serde_json::from_str(changes).unwrap();
    admin::apply(&world.store, changes).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let published = world.hub.published().borrow().clone().unwrap();
    let listed = Directory::from_json(&published.json).unwrap();
    let e = listed.find(&code("E")).unwrap();
    assert_eq!(e.stage, Some(Stage::Production));
    assert_eq!(
        e.stage_date.map(String::from).as_deref(),
        Some("2019-03-12")
    );
    assert_eq!(
        (e.domain, e.contact.as_str()),
        (Some(Domain::Ministry), "Ông An, 0912")
    );
    let a = listed.find(&code("A")).unwrap();
    assert_eq!(
        (a.domain, a.contact.as_str()),
        (Some(Domain::Party), "Bà Bình")
    );
    assert_eq!(a.seal.len(), 1, "its certificate stays");
    let unknown: Vec<Change> =
        serde_json::from_str(r#"[{"describe-member": {"code": "Z", "stage": "test"}}]"#).unwrap();
    let refused = admin::apply(&world.store, unknown).await.unwrap_err();
    assert!(
        refused.to_string().contains("Z is not registered"),
        "{refused}"
    );
}
