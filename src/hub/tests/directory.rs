use std::time::Duration;

use bytes::Bytes;
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
use crate::trust::directory::difference::Difference;
use crate::trust::directory::{Directory, Domain, Stage};
use crate::uplink::Listing;

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_directory_reaches_the_boxes_that_wait_and_holds() {
    let world = World::new().await;
    let shared = world.knock(SHARED);
    let listing = shared.hub.directory(0, Duration::ZERO, true).await;
    let (is_difference, seal, json) = came(listing.unwrap().unwrap()).await;
    assert!(!is_difference, "there is none before the first");
    let hub = code(HUB);
    let trust = world.grounds.borrow().trust.clone();
    let claim = Opener::default()
        .claim(&seal, &trust, Sealer::NewHub(&hub), world.clock.now())
        .unwrap();
    claim
        .complete(Digest::of(&json), json.len() as u64)
        .unwrap();
    assert_eq!(Directory::from_json(json).unwrap().version, 1);
    let none = shared.hub.directory(1, Duration::ZERO, true).await.unwrap();
    assert!(none.is_none());

    let waiting = {
        let hub = shared.hub.clone();
        tokio::spawn(async move { hub.directory(1, Duration::from_secs(60), false).await })
    };
    let new = "code,id,name,box_code\nE,20,\"Sở, \"\"Một\"\"\",000.00.01.W00\n";
    assert!(
        admin::import(&world.store, &world.order(), new, false)
            .await
            .unwrap()
            .entered
    );
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    let newer = timeout(SOON, waiting).await.unwrap().unwrap().unwrap();
    let (is_difference, _, json) = came(newer.unwrap()).await;
    assert!(!is_difference, "it did not ask for one");
    let newer = Directory::from_json(json).unwrap();
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
    world.apply(vec![close]).await.unwrap();
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

async fn came(listing: Listing) -> (bool, Bytes, Bytes) {
    let seal = listing.sealed.seal.clone();
    let json = listing.sealed.whole(1 << 20).await.unwrap();
    (listing.is_difference, seal, json)
}

/// Enters what the hub gives a box that has `before`; gives the bytes that came and what they made.
async fn caught_up(world: &World, box_: &Knocker, before: &Directory) -> (usize, Bytes) {
    let listing = box_.hub.directory(before.version, Duration::ZERO, true);
    let (is_difference, seal, json) = came(listing.await.unwrap().unwrap()).await;
    assert!(is_difference);
    let (length, mut made) = (json.len(), Vec::new());
    Difference::read(json)
        .unwrap()
        .enter(before, |piece| {
            made.extend_from_slice(piece);
            Ok(())
        })
        .unwrap();
    let (hub, trust) = (code(HUB), world.grounds.borrow().trust.clone());
    Opener::default()
        .claim(&seal, &trust, Sealer::NewHub(&hub), world.clock.now())
        .unwrap()
        .complete(Digest::of(&made), made.len() as u64)
        .unwrap();
    (length, made.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_travels_as_a_difference_from_each_version_that_the_hub_remembers() {
    let world = World::new().await;
    let shared = world.knock(SHARED);
    let mut table = "code,id,name,box_code\n".to_owned();
    for id in 100..400 {
        table += &format!("U{id},{id},Đơn vị {id},\n");
    }
    let entered = admin::import(&world.store, &world.order(), &table, false)
        .await
        .unwrap();
    assert!(entered.entered, "{entered:?}");
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    let in_force = || world.grounds.borrow().directory.clone().unwrap();
    let second = in_force();
    let describe = |name: &str, contact: &str| {
        let text = format!(r#"[{{"describe-member":{{"code":"{name}","contact":"{contact}"}}}}]"#);
        serde_json::from_str::<Vec<Change>>(&text).unwrap()
    };
    for (name, version) in [("U399", 3), ("A", 4), ("U399", 5)] {
        let contact = format!("Bà {version}");
        world.apply(describe(name, &contact)).await.unwrap();
        assert_eq!(world.hub.refresh_directory().await.unwrap(), version);
    }
    admin::remove(&world.store, world.order(), code("U100"))
        .await
        .unwrap();
    assert_eq!(world.hub.refresh_directory().await.unwrap(), 6);
    let (length, made) = caught_up(&world, &shared, &second).await;
    let last = in_force();
    assert_eq!(made, last.json().unwrap());
    assert!(length < 3_000, "{length} bytes of {}", last.length());
    let listed = Directory::from_json(made).unwrap();
    assert_eq!(listed.find(&code("U399")).unwrap().contact, "Bà 5");
    assert!(listed.find(&code("U100")).is_none());

    // Where a step is missing the whole is given.
    world
        .store
        .write(|tx| {
            tx.execute("DELETE FROM hub_directory_step WHERE version = 4", [])?;
            Ok::<_, crate::store::Error>(())
        })
        .await
        .unwrap();
    let listing = shared.hub.directory(2, Duration::ZERO, true).await;
    let (is_difference, _, json) = came(listing.unwrap().unwrap()).await;
    assert!(!is_difference);
    assert_eq!(json, last.json().unwrap());
    let kept = world.count("SELECT count(*) FROM hub_directory").await;
    assert_eq!(kept, 3, "older ones are no more kept whole");
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
        assert!(world.apply(bad).await.is_err());
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
    assert!(
        admin::import(&world.store, &world.order(), new, false)
            .await
            .unwrap()
            .entered
    );
    for wrong in ["ministry,live,,", "village,test,,", "ministry,test,soon,"] {
        let bad = format!("code,id,name,domain,stage,stage_date,contact\nE,20,Bộ E,{wrong}\n");
        let report = admin::import(&world.store, &world.order(), &bad, false)
            .await
            .unwrap();
        let refused = report.refused[0].to_string();
        assert!(
            refused.contains("line 2: ") && refused.contains("can't be read"),
            "{refused}"
        );
    }
    let changes = r#"[
        {"describe-member": {"code": "E", "stage": "production", "stage_date": "2019-03-12"}},
        {"describe-member": {"code": "A", "domain": "party", "contact": "Bà Bình"}}
    ]"#;
    let changes: Vec<Change> = serde_json::from_str(changes).unwrap();
    world.apply(changes).await.unwrap();
    world.hub.refresh_directory().await.unwrap();
    let published = world.hub.published().borrow().clone().unwrap();
    let listed = &published.directory;
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
    let refused = world.apply(unknown).await.unwrap_err();
    assert!(
        refused.to_string().contains("Z is not registered"),
        "{refused}"
    );
}
