use super::World;
use super::member::*;
use super::world::*;
use crate::https::{Bytes, Content, HeaderMap, Method, StatusCode};
use crate::journal::{self, ids};
use crate::packet::Digest;
use crate::seal::Seal;
use crate::uplink::consignment::{self, LONGEST_BODY};
use crate::uplink::{CONSIGNMENTS, Error};

fn pair(sealed: &Sealed) -> (Vec<u8>, Bytes) {
    (sealed.seal.clone(), Bytes::from(sealed.body.clone()))
}

fn status<T: std::fmt::Debug>(outcome: &Result<T, Error>) -> u16 {
    match outcome {
        Ok(_) => 200,
        Err(Error::Problem { status, .. }) => *status,
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_packet_of_a_consignment_has_its_own_outcome_and_the_refused_leave_nothing() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let drafts = [("B", "one"), ("nobody", "two"), ("B", "three")];
    let records = drafts.map(|(to, name)| a.draft(&world, document(&[to], name)));
    let mut sealed = a.seal_all(records.to_vec());
    let mut forged = pair(&sealed[0]);
    forged.1 = Bytes::from_static(b"another body");
    let before = box_a.hub.consign(&[pair(&sealed[0])]).await.unwrap();
    assert!(before[0].as_ref().unwrap_err().is_behind());
    a.announce(&box_a.hub).await;
    let mut other = sealed[0].record.clone();
    other.digest = Digest::of(b"six");
    let conflicting = a.seal(other, b"six".to_vec());
    a.announce(&box_a.hub).await;
    sealed.push(conflicting);

    let lines = journal::listen();
    let mut packets: Vec<_> = sealed.iter().map(pair).collect();
    packets.push(forged);
    packets.push((b"no seal at all".to_vec(), Bytes::new()));
    let outcomes = box_a.hub.consign(&packets).await.unwrap();
    let told: Vec<u16> = outcomes.iter().map(status).collect();
    assert_eq!(told, [200, 422, 200, 409, 422, 422]);
    let reused = lines.try_iter().find(|l| l.id == &ids::PACKET_ID_REUSED);
    let named = reused.and_then(|line| line.packet_id.clone());
    assert_eq!(named, Some(sealed[0].packet.to_string()));
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 2);

    let again = box_a.hub.consign(&packets[..1]).await.unwrap();
    let (first, again) = (outcomes[0].as_ref(), again[0].as_ref());
    let (first, again) = (
        Seal::decode(first.unwrap()).unwrap(),
        Seal::decode(again.unwrap()).unwrap(),
    );
    assert_eq!((first.index, first.record), (again.index, again.record));
    assert_eq!(world.count("SELECT count(*) FROM hub_mailbox").await, 2);

    let shared = world.knock(SHARED);
    for one in [&sealed[0], &sealed[2]] {
        let mut fetched = shared.hub.fetch(one.packet, &code("B")).await.unwrap();
        assert_eq!(fetched.seal[..], one.seal[..]);
        let rest = fetched.rest.read_all(u64::MAX).await.unwrap();
        assert_eq!([&fetched.start[..], &rest[..]].concat(), one.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_consigns_nothing_for_the_members_of_another() {
    let world = World::new().await;
    let (box_a, shared, mut a) = (world.knock(BOX_A), world.knock(SHARED), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    a.announce(&box_a.hub).await;
    let stolen = shared.hub.consign(&[pair(&sealed)]).await.unwrap();
    assert_eq!(status(&stolen[0]), 403);
    let void = {
        let mut record = sealed.record.clone();
        record.kind = crate::evidence::RecordKind::Void;
        a.seal(record, Vec::new())
    };
    a.announce(&box_a.hub).await;
    let outcome = box_a.hub.consign(&[pair(&void)]).await.unwrap();
    assert_eq!(status(&outcome[0]), 400, "a void has a call of its own");
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consignment_that_is_none_keeps_nothing() {
    let world = World::new().await;
    let (box_a, mut a) = (world.knock(BOX_A), world.member("A"));
    let sealed = a.seal_draft(&world, document(&["B"], "one"));
    a.announce(&box_a.hub).await;
    let whole = consignment::consignment(std::iter::once((&sealed.seal[..], &sealed.body[..])));
    let long = vec![0; LONGEST_BODY + 1];
    let long = consignment::consignment(std::iter::once((&sealed.seal[..], &long[..])));
    for broken in [whole[..whole.len() - 1].to_vec(), long, b"x".to_vec()] {
        let content = Content::new().then_bytes(broken);
        let answer = box_a
            .client
            .request(Method::POST, CONSIGNMENTS, HeaderMap::new(), content, SOON)
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(world.count("SELECT count(*) FROM hub_packet").await, 0);
}
