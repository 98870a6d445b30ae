//! Proposals that wait while the process is started again.

use super::*;

#[tokio::test]
async fn a_proposal_waits_on_after_a_restart_until_its_window_is_over() {
    let mut world = World::new();
    let anchors = Action::ChangeAnchors(Digest::of(b"new anchors"));
    let proposal = world.proposal(anchors);
    let signed = world.an.sign(&proposal.encode(), world.clock.now());
    let content = Some("new anchors".to_owned());
    world
        .agreed
        .propose(signed.clone(), content.clone())
        .await
        .unwrap();
    let other = world.proposed().await.0;
    world.agreed = (world.open)();
    // Both are of one millisecond: which id is the smaller one is chance.
    let mut both = [&proposal, &other];
    both.sort_by_key(|one| one.id);
    assert_eq!(world.agreed.list(), both.map(Proposal::encode));
    let again = world.agreed.propose(signed, content).await;
    assert_eq!(again, Err(Refused::Replayed));
    // Who approves is judged as ever, and so is who proposed.
    let same = world.approved(&proposal, &world.an);
    let refused = world.agreed.approve(same).await;
    assert_eq!(refused, Err(Refused::SamePerson("An".into())));
    let approval = world.approved(&proposal, &world.binh);
    world.agreed.approve(approval.clone()).await.unwrap();
    assert_eq!(world.done(), 1);
    world.agreed = (world.open)();
    assert_eq!(world.agreed.list(), [other.encode()]);
    assert_eq!(world.agreed.approve(approval).await, Err(Refused::Replayed));

    // What was forged on disk while the process was away is not believed.
    let file = |id: PacketId| {
        let place = world.directory.path().join("agreed/proposed");
        place.join(format!("{id}.json"))
    };
    let text = std::fs::read_to_string(file(other.id)).unwrap();
    let forged = text.replace("by: An", "by: Chi");
    assert_ne!(forged, text);
    Disk::real()
        .replace(&file(other.id), forged.as_bytes())
        .unwrap();
    let after = (world.open)();
    let [listed] = &after.list()[..] else {
        panic!("one is listed");
    };
    let forged = Proposal::parse(listed).unwrap();
    let approval = world.approved(&forged, &world.binh);
    assert_eq!(after.approve(approval).await, Err(Refused::Altered));
    assert_eq!(world.done(), 1);

    world.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!((world.open)().list(), [""; 0]);
    assert!(!file(other.id).exists());
}
