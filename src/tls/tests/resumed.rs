use super::*;

#[tokio::test]
async fn a_resumed_connection_of_a_revoked_box_is_refused() {
    let world = World::new();
    let server = world.hub_server();
    let client = world.client(Current::new(world.box_credential()));
    for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
        let (accepted, _) = handshake(server.clone(), client.clone()).await;
        let accepted = accepted.unwrap();
        let connection = accepted.get_ref().1;
        assert_eq!(connection.handshake_kind(), Some(kind));
        let identity = judge_connection(&world.judge, connection).unwrap();
        assert_eq!(identity.code, code(BOX));
    }
    world.revoke(&world.box_leaf);
    let (accepted, _) = handshake(server, client).await;
    let accepted = accepted.expect("rustls itself asks nobody on a resumption");
    let connection = accepted.get_ref().1;
    assert_eq!(connection.handshake_kind(), Some(HandshakeKind::Resumed));
    let refusal = judge_connection(&world.judge, connection).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::Revoked);
}

#[tokio::test]
async fn a_resumed_connection_to_a_revoked_hub_is_refused() {
    let world = World::new();
    let server = world.hub_server();
    let client = world.client(Current::new(world.box_credential()));
    let (_, first) = handshake(server.clone(), client.clone()).await;
    first.unwrap();
    world.revoke(&world.hub.chain()[0]);
    let (_, again) = handshake(server, client).await;
    let again = again.unwrap();
    assert_eq!(
        again.get_ref().1.handshake_kind(),
        Some(HandshakeKind::Resumed)
    );
    let hub = HubVerifier::new(world.judge.clone(), None, false);
    let refusal = hub.judge_connection(again.get_ref().1).unwrap_err();
    assert_eq!(refusal.verdict, Verdict::Revoked);
}
