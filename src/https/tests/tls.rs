//! Who gets in, what it costs, and what a reload changes.

use super::*;

/// A whole client hello, as rustls writes it.
fn hello(authority: &Authority) -> Vec<u8> {
    let name = "localhost".try_into().unwrap();
    let mut connection = rustls::ClientConnection::new(authority.client(None), name).unwrap();
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_does_not_keep_a_good_client_out() {
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Both);
    config.limits.signing = 1;
    config.limits.handshake = SOON * 10;
    let server = Running::start(config, desk);
    let mut flood = Vec::new();
    let hello = hello(&authority);
    for n in 0..100 {
        let mut raw = server.raw().await;
        // Silent, half a hello, or a hello and never the rest.
        raw.send(&hello[..hello.len() * (n % 3) / 2]).await;
        flood.push(raw);
    }
    let own = authority.issue("box");
    let (config, _keep) = secure_client(server.address, authority.client(Some(own)));
    let answer = Client::http2(config).get("/port", SOON).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    drop(flood);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_over_its_budget_is_refused_and_told_of_once() {
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Both);
    config.limits.source_burst = 2;
    config.limits.source_rate = 1;
    config.limits.handshake = Duration::from_millis(100);
    let mut server = Running::start(config, desk);
    for _ in 0..2 {
        let mut raw = server.raw().await;
        raw.rest().await;
        assert!(server.refusal().await.contains("did not end within"));
    }
    for _ in 0..20 {
        server.raw().await.rest().await;
    }
    let mut told = 0;
    while let Ok(reason) = server.refusals.try_recv() {
        told += usize::from(reason.contains("too many TLS handshakes"));
    }
    assert!((1..10).contains(&told), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_both_sides_say_why() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (config, _reload) = secure(&authority, Protocols::Http2);
    let mut server = Running::start(config, desk);

    let (config, _keep) = secure_client(server.address, authority.client(None));
    let error = Client::http2(config).get("/port", SOON).await.unwrap_err();
    assert_eq!(error.class(), crate::retry::Class::Refuse, "{error}");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    assert!(server.refusal().await.contains("peer sent no certificates"));

    let own = authority.issue("box");
    let (config, _keep) = secure_client(server.address, other.client(Some(own)));
    let error = Client::http2(config).get("/port", SOON).await.unwrap_err();
    assert_eq!(error.class(), crate::retry::Class::Refuse, "{error}");
    assert!(
        error.to_string().starts_with("handshake with 127.0.0.1"),
        "{error}"
    );
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert!(server.refusal().await.contains("UnknownCA"));

    let own = authority.issue("box");
    let (config, _keep) = secure_client(server.address, authority.client(Some(own)));
    let error = Client::http1(config).get("/port", SOON).await.unwrap_err();
    assert_eq!(error.class(), crate::retry::Class::Refuse, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resumed_connection_is_judged_again_and_the_refused_peer_reads_why() {
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Both);
    let revoked = Arc::new(AtomicBool::new(false));
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let judge: Judge = {
        let (revoked, kinds) = (revoked.clone(), kinds.clone());
        Arc::new(move |connection| {
            kinds.lock().unwrap().push(connection.handshake_kind());
            if revoked.load(Ordering::SeqCst) {
                return Err(Box::new(Revoked));
            }
            Ok(None)
        })
    };
    config.tls.as_mut().unwrap().judge = Some(judge);
    let mut server = Running::start(config, desk);
    let client = authority.client(Some(authority.issue("box")));
    for http2 in [true, false] {
        revoked.store(false, Ordering::SeqCst);
        let (config, _keep) = secure_client(server.address, client.clone());
        let make = if http2 { Client::http2 } else { Client::http1 };
        let mut answer = make(config.clone()).get("/port", SOON).await.unwrap();
        text(&mut answer).await;
        revoked.store(true, Ordering::SeqCst);
        let refused = make(config);
        let mut answer = refused.get("/port", SOON).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(
            text(&mut answer)
                .await
                .contains("the certificate is revoked")
        );
        assert!(
            server
                .refusal()
                .await
                .contains("the certificate is revoked")
        );
    }
    let cause = Refusal::Judged(Box::new(Revoked));
    assert!(find_cause::<Revoked>(&cause).is_some());
    let kinds = kinds.lock().unwrap();
    assert!(
        kinds.contains(&Some(rustls::HandshakeKind::Resumed)),
        "{kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_revoked_while_connected_gets_403_and_loses_the_connection() {
    for protocols in [Protocols::Http2, Protocols::Http1] {
        let authority = Authority::new();
        let (mut config, _reload) = secure(&authority, protocols);
        let revoked = Arc::new(AtomicBool::new(false));
        let seen = revoked.clone();
        config.tls.as_mut().unwrap().recheck = Some(Arc::new(move |_| {
            if seen.load(Ordering::SeqCst) {
                return Err(Box::new(Revoked));
            }
            Ok(())
        }));
        let mut server = Running::start(config, desk);
        let client = authority.client(Some(authority.issue("box")));
        let (config, _keep) = secure_client(server.address, client);
        let client = if protocols == Protocols::Http2 {
            Client::http2(config)
        } else {
            Client::http1(config)
        };
        let first = text(&mut client.get("/port", SOON).await.unwrap()).await;
        revoked.store(true, Ordering::SeqCst);
        let mut answer = client.get("/port", SOON).await.unwrap();
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        text(&mut answer).await;
        assert!(server.refusal().await.contains("refused while connected"));
        revoked.store(false, Ordering::SeqCst);
        // The old connection is on its way out: the next call that succeeds is on a new one.
        let next = soon(async {
            loop {
                if let Ok(mut answer) = client.get("/port", SOON).await
                    && answer.status == StatusCode::OK
                {
                    break text(&mut answer).await;
                }
            }
        })
        .await;
        assert_ne!(next, first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_the_server_keeps_old_connections_and_serves_new_ones_anew() {
    let authority = Authority::new();
    let (config, reload) = secure(&authority, Protocols::Both);
    let server = Running::start(config, desk);
    let rustls_client = authority.client(Some(authority.issue("box")));
    let (mut config, _keep) = secure_client(server.address, rustls_client);
    let leaves = Arc::new(Mutex::new(Vec::new()));
    let seen = leaves.clone();
    config.tls.as_mut().unwrap().judge = Some(Arc::new(move |connection| {
        let leaf = connection.peer_certificates().unwrap()[0].to_vec();
        seen.lock().unwrap().push(leaf);
        Ok(None)
    }));
    let old = Client::http2(config.clone());
    let before = text(&mut old.get("/port", SOON).await.unwrap()).await;
    reload.send(authority.server()).unwrap();
    assert_eq!(
        text(&mut old.get("/port", SOON).await.unwrap()).await,
        before
    );
    let new = Client::http2(config);
    assert_ne!(
        text(&mut new.get("/port", SOON).await.unwrap()).await,
        before
    );
    let leaves = leaves.lock().unwrap();
    assert_eq!(leaves.len(), 2);
    assert_ne!(leaves[0], leaves[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_under_way_does_not_outlive_its_peers_certificate_for_long() {
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Http2);
    config.limits.stall = Duration::from_millis(50);
    let revoked = Arc::new(AtomicBool::new(false));
    let seen = revoked.clone();
    config.tls.as_mut().unwrap().recheck = Some(Arc::new(move |_| {
        if seen.load(Ordering::SeqCst) {
            return Err(Box::new(Revoked));
        }
        Ok(())
    }));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let mut server = Running::start(config, move |_: Request| {
        let _ = arrived.send(());
        std::future::pending::<Response>()
    });
    let client = authority.client(Some(authority.issue("box")));
    let (config, _keep) = secure_client(server.address, client);
    let call = tokio::spawn(async move { Client::http2(config).get("/", SOON).await });
    soon(arrivals.recv()).await.unwrap();
    revoked.store(true, Ordering::SeqCst);
    assert!(soon(call).await.unwrap().is_err());
    assert!(server.refusal().await.contains("refused while connected"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_carries_the_fingerprint_of_its_peers_certificate() {
    let authority = Authority::new();
    let (config, _reload) = secure(&authority, Protocols::Both);
    let server = Running::start(config, |request: Request| async move {
        let fingerprint = request.peer.fingerprint.unwrap();
        Response::bytes(StatusCode::OK, "text/plain", fingerprint.to_vec())
    });
    let own = authority.issue("software");
    let expected = ring::digest::digest(&ring::digest::SHA256, &own.0[0]);
    let (config, _keep) = secure_client(server.address, authority.client(Some(own)));
    let mut answer = Client::http1(config).get("/", SOON).await.unwrap();
    assert_eq!(answer.body.read_all(32).await.unwrap(), expected.as_ref());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_over_http2_as_well() {
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Http2);
    config.limits.stall = Duration::from_millis(300);
    config.limits.body = 1 << 20;
    let server = Running::start(config, desk);
    let own = authority.issue("box");
    let (config, _keep) = secure_client(server.address, authority.client(Some(own)));
    let client = Client::http2(config);
    let ask = async |length: usize, body: Outgoing| {
        let mut headers = HeaderMap::new();
        headers.insert("to", HeaderValue::try_from("7".repeat(length)).unwrap());
        let call = client.request(Method::PUT, "/echo", headers, body, SOON);
        call.await.unwrap().status
    };
    assert_eq!(ask(62_000, Outgoing::default()).await, StatusCode::OK);
    let refused = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
    assert_eq!(ask(66_000, Outgoing::default()).await, refused);
    assert_eq!(ask(100_000, Outgoing::default()).await, refused);
    let long = Bytes::from(vec![0; (1 << 20) + 1]);
    assert_eq!(ask(1, long.into()).await, StatusCode::PAYLOAD_TOO_LARGE);
    let (chunks, body) = mpsc::channel(1);
    chunks.send(Ok(Bytes::from_static(b"begun"))).await.unwrap();
    let stalled = ask(1, Outgoing::channel(body, None)).await;
    assert_eq!(stalled, StatusCode::REQUEST_TIMEOUT);
    drop(chunks);
    // None of it cost the connection's other calls anything.
    assert_eq!(ask(1, Outgoing::default()).await, StatusCode::OK);
}
