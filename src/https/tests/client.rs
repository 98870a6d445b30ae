//! The client and peers that are away, dead or changed.

use tokio::net::TcpListener;

use super::*;
use crate::retry::Class;

#[tokio::test]
async fn errors_say_with_whom_and_in_which_phase() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::http1(ClientConfig::new(address.to_string(), None));
    let error = client.get("/", SOON).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(
        error
            .to_string()
            .starts_with(&format!("connect with {address} failed: ")),
        "{error}"
    );

    let client = Client::http1(ClientConfig::new("no-such-host.invalid:1", None));
    let error = client.get("/", SOON).await.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("resolve with no-such-host.invalid:1"),
        "{error}"
    );

    let error = client.get("no path", SOON).await.unwrap_err();
    assert_eq!(error.class(), Class::Refuse);
}

#[tokio::test]
async fn a_peer_that_accepts_and_says_nothing_ends_each_phase_in_time() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let authority = Authority::new();
    let (mut config, _keep) = secure_client(address, authority.client(None));
    config.limits.connect = Duration::from_millis(100);
    let error = Client::http2(config).get("/", SOON).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(error.to_string().starts_with("handshake with"), "{error}");

    let plain = ClientConfig::new(address.to_string(), None);
    let error = Client::http1(plain.clone())
        .get("/", Duration::from_millis(100))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no answer within 100 ms"),
        "{error}"
    );

    // A long poll on a connection whose other end died without a word.
    let mut dead = plain;
    dead.limits.ping = Duration::from_millis(100);
    dead.limits.ping_answer = Duration::from_millis(100);
    let error = Client::http2(dead).get("/", SOON).await.unwrap_err();
    assert_eq!(error.class(), Class::Retry);
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn an_answer_that_stalls_or_breaks_is_never_whole() {
    let listener = TcpListener::bind(loopback()).await.unwrap();
    let mut config = ClientConfig::new(listener.local_addr().unwrap().to_string(), None);
    config.limits.stall = Duration::from_millis(100);
    let client = Client::http1(config);
    for breaks in [false, true] {
        let call = client.get("/", SOON);
        let serve = async {
            let (tcp, _) = listener.accept().await.unwrap();
            let mut raw = Raw(tcp);
            raw.until("\r\n\r\n").await;
            raw.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                .await;
            (!breaks).then_some(raw)
        };
        let (answer, held) = tokio::join!(call, serve);
        let error = answer.unwrap().body.read_all(100).await.unwrap_err();
        assert_eq!(matches!(error, Error::Stalled { .. }), !breaks, "{error}");
        assert_eq!(error.class(), Class::Retry);
        drop(held);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_takes_a_new_connection_and_lets_the_old_call_end() {
    let authority = Authority::new();
    let (config, _reload) = secure(&authority, Protocols::Http2);
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (release, released) = watch::channel(false);
    let server = Running::start(config, move |request: Request| {
        let (arrived, mut released) = (arrived.clone(), released.clone());
        async move {
            if request.path == "/poll" {
                arrived.send(()).unwrap();
                released.wait_for(|go| *go).await.unwrap();
            }
            desk(Request {
                path: "/port".to_owned(),
                ..request
            })
            .await
        }
    });
    let own = || authority.client(Some(authority.issue("box")));
    let (config, reload) = secure_client(server.address, own());
    let client = Client::http2(config);
    let before = text(&mut client.get("/port", SOON).await.unwrap()).await;
    let polling = {
        let client = client.clone();
        tokio::spawn(async move { text(&mut client.get("/poll", SOON).await.unwrap()).await })
    };
    soon(arrivals.recv()).await.unwrap();
    reload.send(own()).unwrap();
    let after = text(&mut client.get("/port", SOON).await.unwrap()).await;
    assert_ne!(after, before);
    release.send(true).unwrap();
    assert_eq!(soon(polling).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_share_one_connection_and_a_lost_one_is_made_anew() {
    let authority = Authority::new();
    let judged = Arc::new(AtomicUsize::new(0));
    let mut client = None;
    let mut port = 0;
    for round in 0..2 {
        let (mut config, _reload) = secure(&authority, Protocols::Http2);
        config.address.set_port(port);
        let count = judged.clone();
        config.tls.as_mut().unwrap().judge = Some(Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(None)
        }));
        let server = Running::start(config, desk);
        port = server.address.port();
        let client = client.get_or_insert_with(|| {
            let own = authority.issue("box");
            let (config, keep) = secure_client(server.address, authority.client(Some(own)));
            (Client::http2(config), keep)
        });
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let client = client.0.clone();
                tokio::spawn(async move { client.get("/port", SOON).await.map(|a| a.status) })
            })
            .collect();
        for call in calls {
            assert_eq!(soon(call).await.unwrap().unwrap(), StatusCode::OK);
        }
        assert_eq!(judged.load(Ordering::SeqCst), round + 1);
        assert_eq!(server.stop().await, Drained { cut: 0 });
    }
}
