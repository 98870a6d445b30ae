//! Who gets in: each row a real handshake.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registered_box_and_the_hub_know_each_other_over_tls_1_3() {
    let world = World::new();
    let current = Current::new(world.box_credential());
    let (server, client) = handshake(world.hub_server(), world.client(current)).await;
    let (server, client) = (server.unwrap(), client.unwrap());
    let connection = server.get_ref().1;
    assert_eq!(
        connection.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_3)
    );
    assert_eq!(connection.alpn_protocol(), Some(&b"h2"[..]));
    let identity = judge_connection(&world.judge, connection).unwrap();
    assert_eq!(identity.code, code(BOX));
    let hub = HubVerifier::new(world.judge.clone(), Some(code(HUB)), false);
    let found = hub.judge_connection(client.get_ref().1).unwrap();
    assert_eq!(found.code, code(HUB));
}

#[tokio::test]
async fn a_box_that_knows_only_tls_1_2_is_judged_the_same() {
    let world = World::new();
    let with = |credential| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let hub = HubVerifier::new(world.judge.clone(), Some(code(HUB)), true);
        let time = config::time(world.clock.clone());
        let client = ClientConfig::builder_with_details(provider, time)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(hub))
            .with_client_cert_resolver(Current::new(credential));
        Arc::new(client)
    };
    let (server, client) = handshake(world.hub_server(), with(world.box_credential())).await;
    let (server, _) = (server.unwrap(), client.unwrap());
    let connection = server.get_ref().1;
    assert_eq!(
        connection.protocol_version(),
        Some(rustls::ProtocolVersion::TLSv1_2)
    );
    assert_eq!(
        judge_connection(&world.judge, connection).unwrap().code,
        code(BOX)
    );
    let stranger = with(World::new().box_credential());
    let (server, client) = handshake(world.hub_server(), stranger).await;
    assert_eq!(
        refusal_in(&server.unwrap_err()).unwrap().verdict,
        Verdict::UnknownIssuer
    );
    assert!(client.is_err());
}

#[tokio::test]
async fn each_stranger_is_refused_with_its_verdict() {
    let world = World::new();
    let stranger = World::new();
    let key = TestKey::new().unwrap();
    let leaf = |owner, days| tls_leaf(&world.ca, &world.chance, &key, owner, days);
    let seal = world
        .ca
        .issue(
            &Wanted {
                spki_der: &key.spki_der(),
                usage: Use::Seal,
                code: Some(&code(BOX)),
                name: "seal",
                not_before: NOW - Duration::days(1),
                not_after: NOW + Duration::days(1),
            },
            &world.chance,
        )
        .unwrap();
    let anothers = leaf("000.00.00.H41", 0);
    world.publish.send_modify(|grounds| {
        let mut content = grounds.directory.as_ref().unwrap().content();
        content.boxes.push(BoxEntry {
            code: code("000.00.00.H14"),
            tls: vec![Fingerprint::of(&anothers)],
            seal: vec![],
        });
        grounds.directory = Some(Arc::new(Directory::new(content).unwrap()));
    });
    let own = |der| Credential::new(vec![der], Soft::new(&key)).unwrap();
    let table = [
        (
            "wrong CA",
            Some(stranger.box_credential()),
            Verdict::UnknownIssuer,
        ),
        ("expired", Some(own(leaf(BOX, -2))), Verdict::Expired),
        (
            "not yet valid",
            Some(own(leaf(BOX, 2))),
            Verdict::NotYetValid,
        ),
        ("wrong usage", Some(own(seal)), Verdict::WrongUsage),
        (
            "not registered",
            Some(own(leaf(BOX, 0))),
            Verdict::NotRegistered,
        ),
        (
            "another member's",
            Some(own(anothers)),
            Verdict::AnotherMember,
        ),
        ("no certificate", None, Verdict::NoCertificate),
    ];
    let client_of = |credential: Option<Credential>| {
        world.client(credential.map_or_else(Current::empty, Current::new))
    };
    for (name, credential, expected) in table {
        let (server, client) = handshake(world.hub_server(), client_of(credential)).await;
        let refusal = refusal_in(&server.unwrap_err()).expect(name);
        assert_eq!(refusal.verdict, expected, "{name}: {refusal}");
        assert!(!refusal.next_vi().is_empty());
        assert!(client.is_err(), "{name}");
    }
    world.revoke(&world.box_leaf);
    let (server, _) = handshake(world.hub_server(), client_of(Some(world.box_credential()))).await;
    assert_eq!(
        refusal_in(&server.unwrap_err()).unwrap().verdict,
        Verdict::Revoked
    );
}

#[tokio::test]
async fn nothing_is_judged_under_an_unsure_clock_or_without_a_directory() {
    let world = World::new();
    let client = || world.client(Current::new(world.box_credential()));
    // The hub's side alone is in doubt, so that it is its verdict that is seen.
    let doubtful = |change: fn(&mut Grounds)| {
        let mut grounds = world.publish.borrow().clone();
        change(&mut grounds);
        let (_, receiver) = watch::channel(grounds);
        world.server(Clients::Boxes(Judge::new(receiver, world.clock.clone())))
    };
    let (server, _) = handshake(doubtful(|g| g.clock_sure = false), client()).await;
    let refusal = refusal_in(&server.unwrap_err()).unwrap();
    assert_eq!(refusal.verdict, Verdict::ClockUnsure);
    assert_eq!(refusal.class(), Class::Retry);
    let (server, _) = handshake(doubtful(|g| g.directory = None), client()).await;
    assert_eq!(
        refusal_in(&server.unwrap_err()).unwrap().verdict,
        Verdict::NotRegistered
    );
}

#[tokio::test]
async fn the_hub_must_be_the_one_that_was_dialled() {
    let world = World::new();
    let current = || Current::new(world.box_credential());
    let with = |expected, check_name| {
        let hub = HubVerifier::new(world.judge.clone(), Some(code(expected)), check_name);
        client_config(current(), hub, world.clock.clone(), &["h2"]).unwrap()
    };
    let verdict = |ends: Ends| refusal_in(&ends.1.unwrap_err()).unwrap().verdict;
    let wrong = handshake(world.hub_server(), with("W99", true)).await;
    assert_eq!(verdict(wrong), Verdict::AnotherMember);
    let elsewhere = handshake_with(world.hub_server(), with(HUB, true), "hub.example.vn").await;
    assert_eq!(verdict(elsewhere), Verdict::WrongName);
    let (_, ignored) = handshake_with(world.hub_server(), with(HUB, false), "10.0.0.9").await;
    ignored.unwrap();
    let unregistered = tls_leaf(&world.ca, &world.chance, &world.box_key, HUB, 0);
    let credential = Credential::new(vec![unregistered], Soft::new(&world.box_key)).unwrap();
    let server = server_config(
        Current::new(credential),
        Clients::Boxes(world.judge.clone()),
        world.clock.clone(),
        &["h2"],
    );
    let unknown = handshake(server.unwrap(), with(HUB, true)).await;
    assert_eq!(verdict(unknown), Verdict::NotRegistered);
}

#[tokio::test]
async fn software_may_come_without_a_certificate_but_not_with_a_wrong_one() {
    let world = World::new();
    let server = |required| {
        world.server(Clients::Software {
            judge: world.judge.clone(),
            required,
        })
    };
    let (plain, _) = handshake(server(false), world.client(Current::empty())).await;
    let plain = plain.unwrap();
    assert_eq!(
        judge_software_connection(&world.judge, plain.get_ref().1).unwrap(),
        None
    );
    let (none, _) = handshake(server(true), world.client(Current::empty())).await;
    assert_eq!(
        refusal_in(&none.unwrap_err()).unwrap().verdict,
        Verdict::NoCertificate
    );
    let own = world.client(Current::new(world.box_credential()));
    let (shown, _) = handshake(server(true), own).await;
    let bearer = judge_software_connection(&world.judge, shown.unwrap().get_ref().1).unwrap();
    assert!(bearer.unwrap().subject.contains(BOX));
    let foreign = world.client(Current::new(World::new().box_credential()));
    let (wrong, _) = handshake(server(false), foreign).await;
    assert_eq!(
        refusal_in(&wrong.unwrap_err()).unwrap().verdict,
        Verdict::UnknownIssuer
    );
}

async fn first_answer_to(hello: &[u8]) -> (io::Error, Vec<u8>) {
    let world = World::new();
    let (mut near, far) = tokio::io::duplex(4096);
    near.write_all(hello).await.unwrap();
    near.shutdown().await.unwrap();
    let accepted = TlsAcceptor::from(world.hub_server()).accept(far).await;
    let error = accepted.map(|_| ()).unwrap_err();
    let mut answer = Vec::new();
    near.read_to_end(&mut answer).await.unwrap();
    (error, answer)
}

#[tokio::test]
async fn tls_1_1_and_garbage_end_without_a_verdict() {
    let mut hello = vec![0x16, 3, 1, 0, 55, 1, 0, 0, 51, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 1]);
    let (error, answer) = first_answer_to(&hello).await;
    assert!(refusal_in(&error).is_none());
    // Alert, fatal, protocol_version (RFC 8446 section 6).
    assert_eq!(&answer[5..7], &[2, 70], "{error}");
    let (error, _) = first_answer_to(b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(refusal_in(&error).is_none());
    let (error, _) = first_answer_to(b"").await;
    assert!(refusal_in(&error).is_none());
}
