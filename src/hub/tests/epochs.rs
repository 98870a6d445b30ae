use super::World;
use super::member::*;
use super::world::*;
use crate::evidence::Record;
use crate::hub::{Epoch, Error};
use crate::merkle::Hash;
use crate::uplink::{EpochAsk, LogState, Pair};

fn root(state: &LogState) -> Hash {
    let root = data_encoding::BASE64.decode(state.root.as_bytes()).unwrap();
    root.try_into().unwrap()
}

/// `A` sends three, its box is lost, and comes back with what it had after the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_goes_on_behind_an_older_head_only_as_it_was_asked_and_agreed() {
    let world = World::new().await;
    let (box_a, shared) = (world.knock(BOX_A), world.knock(SHARED));
    let mut a = world.member("A");
    let first = a.seal_draft(&world, document(&["B"], "one"));
    send(&box_a, &mut a, &first).await;
    let backup = box_a.hub.log(&code("A")).await.unwrap();
    assert_eq!((backup.size, backup.epoch), (1, 1));
    for name in ["two", "three"] {
        let sealed = a.seal_draft(&world, document(&["B"], name));
        send(&box_a, &mut a, &sealed).await;
    }
    let seen = box_a.hub.log(&code("A")).await.unwrap();
    assert_eq!(seen.size, 3);
    let pairs = [Pair {
        to: code("B"),
        last: 3,
        missing: Vec::new(),
    }];
    assert_eq!(seen.pairs, pairs);

    let ask = EpochAsk {
        member: code("A"),
        size: backup.size,
        root: backup.root.clone(),
    };
    let wanted = Epoch {
        member: code("A"),
        size: backup.size,
        root: root(&backup),
        old_size: seen.size,
        old_root: root(&seen),
    };
    let unasked = world.hub.open_epoch(&wanted).await;
    assert!(matches!(unasked, Err(Error::Registry(_))), "{unasked:?}");
    // Another box asks, and the own one with a history that the hub knows to be another.
    assert!(shared.hub.ask_epoch(&ask).await.is_err());
    assert!(shared.hub.log(&code("A")).await.is_err());
    let false_root = EpochAsk {
        root: seen.root.clone(),
        ..ask.clone()
    };
    assert!(
        box_a
            .hub
            .ask_epoch(&false_root)
            .await
            .unwrap_err()
            .is_fork()
    );

    // Asking changes nothing by itself, however often.
    for _ in 0..2 {
        assert_eq!(box_a.hub.ask_epoch(&ask).await.unwrap(), seen);
    }
    assert_eq!(world.count("SELECT count(*) FROM hub_epoch").await, 1);
    for other in [
        Epoch {
            size: 2,
            ..wanted.clone()
        },
        Epoch {
            root: [7; 32],
            ..wanted.clone()
        },
        Epoch {
            old_size: 2,
            ..wanted.clone()
        },
        Epoch {
            member: code("B"),
            ..wanted.clone()
        },
    ] {
        assert!(world.hub.open_epoch(&other).await.is_err(), "{other:?}");
    }
    world.hub.may_open_epoch(&wanted).await.unwrap();
    world.hub.open_epoch(&wanted).await.unwrap();
    let now = box_a.hub.log(&code("A")).await.unwrap();
    assert_eq!((now.size, &now.root, now.epoch), (1, &backup.root, 2));
    let past = "SELECT count(*) FROM hub_head_past WHERE epoch = 1";
    assert_eq!(world.count(past).await, 2);
    assert!(world.hub.open_epoch(&wanted).await.is_err(), "once");

    // The lost part is no part of the log any more; what continues the backup is.
    let stale = a.seal_draft(&world, document(&["B"], "four, by the old box"));
    let put = box_a
        .hub
        .put(stale.packet, &stale.seal, Some(&stale.body()))
        .await;
    assert!(put.unwrap_err().is_behind());
    a.go_on_behind(1);
    let new = a.seal_draft(&world, document(&["B"], "four, by the new box"));
    send(&box_a, &mut a, &new).await;
    assert_eq!(list(&shared).await.entries.len(), 4);
}

/// A place that was lost with the box is known as missing until a void gives it up.
#[tokio::test(flavor = "multi_thread")]
async fn lost_places_are_named() {
    let world = World::new().await;
    let box_a = world.knock(BOX_A);
    let mut a = world.member("A");
    let one = a.seal_draft(&world, document(&["B"], "one"));
    let (lost, _): (Record, _) = a.draft(&world, document(&["B"], "never came"));
    let three = a.seal_draft(&world, document(&["B"], "three"));
    for sealed in [&one, &three] {
        send(&box_a, &mut a, sealed).await;
    }
    let pair = |state: LogState| state.pairs.into_iter().next().unwrap();
    let state = pair(box_a.hub.log(&code("A")).await.unwrap());
    assert_eq!((state.last, state.missing), (3, vec![lost.to[0].sequence]));
}
