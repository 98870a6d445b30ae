use data_encoding::BASE64;

use super::World;
use super::world::*;
use crate::evidence::RecordKind;
use crate::hub::admin::{self, Change, Done, Entered, Line};
use crate::packet::Digest;
use crate::seal::{Opener, Sealer};

async fn all(world: &World, of: Option<&str>) -> Vec<Line> {
    let lines = admin::history(&world.store, of.map(code), 100).await;
    lines.unwrap()
}

/// The text of a change, when the hub's record proves it.
async fn proven(world: &World, number: u64) -> Entered {
    let proof = admin::proof(&world.store, &code(HUB), number).await;
    let (line, text, bundle) = proof.unwrap();
    let seal = BASE64.decode(bundle.unwrap().seal.as_bytes()).unwrap();
    let directory = world.grounds.borrow().directory.clone().unwrap();
    let trust = world.grounds.borrow().trust.clone();
    let claim = Opener::default()
        .claim(&seal, &trust, Sealer::Hub(&directory), world.clock.now())
        .unwrap();
    let record = claim.record().clone();
    assert_eq!(record.kind, RecordKind::Register);
    assert_eq!((record.packet, record.time), (line.id, line.at));
    assert_eq!(record.reason.as_deref(), Some("the test"));
    assert_eq!(record.status, Some(line.kind));
    claim
        .complete(Digest::of(&text), text.len() as u64)
        .unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_the_register_is_proven_by_the_hubs_record() {
    let world = World::new().await;
    let close = Change::CloseMember {
        code: code("B"),
        successor: None,
    };
    let closed = world.apply(vec![close.clone()]).await;
    closed.unwrap();
    let table = "code,id,name\nE,20,Sở Một\nF,21,Sở Hai\n";
    for _ in 0..2 {
        let imported = admin::import(&world.store, &world.order(), table, false).await;
        assert!(imported.unwrap().entered);
    }
    let removed = admin::remove(&world.store, world.order(), code("E")).await;
    removed.unwrap();
    let nobody = Change::CloseMember {
        code: code("NOBODY"),
        successor: None,
    };
    let refused = world.apply(vec![close.clone(), nobody]).await;
    assert!(refused.is_err());

    let lines = all(&world, None).await;
    let kinds: Vec<_> = lines.iter().map(|l| (l.kind.as_str(), l.count)).collect();
    let expected = [
        ("removed", 1),
        ("imported", 2),
        ("applied", 1),
        ("applied", 7),
    ];
    assert_eq!(
        kinds, expected,
        "the newest first; what changed nothing is none"
    );
    let recorded: Vec<bool> = lines.iter().map(|l| l.recorded).collect();
    assert_eq!(
        recorded,
        [false, false, false, true],
        "due until the next directory"
    );
    let numbers = |lines: Vec<Line>| lines.iter().map(|l| l.number).collect::<Vec<_>>();
    assert_eq!(numbers(all(&world, Some("E")).await), [4, 3]);
    assert_eq!(numbers(all(&world, Some("B")).await), [2, 1]);
    assert!(
        admin::proof(&world.store, &code(HUB), 4)
            .await
            .unwrap()
            .2
            .is_none()
    );

    assert_eq!(world.hub.refresh_directory().await.unwrap(), 2);
    assert!(all(&world, None).await.iter().all(|line| line.recorded));
    assert_eq!(proven(&world, 2).await.done, Done::Applied(vec![close]));
    assert_eq!(proven(&world, 4).await.done, Done::Removed(code("E")));
    match proven(&world, 3).await.done {
        Done::Imported(members) => assert_eq!(members[1].name, "Sở Hai"),
        other => panic!("{other:?}"),
    }

    // Cut off behind the record and before the note of it: the record stays the only one.
    let count = "SELECT count(*) FROM evidence_record WHERE key LIKE 'register:%'";
    assert_eq!(world.count(count).await, 4);
    let forgotten = world.store.write(|tx| {
        tx.execute("UPDATE hub_entered SET recorded = 0", [])?;
        Ok::<_, crate::store::Error>(())
    });
    forgotten.await.unwrap();
    world.hub.publish().await.unwrap();
    assert_eq!(world.count(count).await, 4);
    proven(&world, 4).await;
    let none = admin::proof(&world.store, &code(HUB), 9).await.unwrap_err();
    assert!(none.to_string().contains("no change number 9"), "{none}");
}
