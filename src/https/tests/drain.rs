//! A stop loses no request.

use super::*;

/// Lets eight clients call without a pause, stops the server in the middle, and compares what was handled with
/// what was answered.
async fn under_load(config: ServerConfig, client_of: impl Fn(SocketAddr) -> Client) {
    let handled = Arc::new(AtomicUsize::new(0));
    let (busy, mut is_busy) = watch::channel(0);
    let count = handled.clone();
    let server = Running::start(config, move |mut request: Request| {
        let done = count.fetch_add(1, Ordering::SeqCst) + 1;
        let _ = busy.send(done);
        async move {
            let bytes = request.body.read_all(1 << 20).await.unwrap();
            Response::bytes(StatusCode::OK, "text/plain", bytes)
        }
    });
    let shared = client_of(server.address);
    let loads: Vec<_> = (0..8)
        .map(|n| {
            let client = if n % 2 == 0 {
                shared.clone()
            } else {
                client_of(server.address)
            };
            tokio::spawn(async move {
                let mut answered = 0_usize;
                let body = Bytes::from(vec![7; 5000]);
                loop {
                    let call =
                        client.request(Method::POST, "/", HeaderMap::new(), body.clone(), SOON);
                    match call.await {
                        Ok(mut answer) => {
                            assert_eq!(answer.body.read_all(1 << 20).await.unwrap(), body);
                            answered += 1;
                        }
                        Err(error) => return (answered, error),
                    }
                }
            })
        })
        .collect();
    soon(is_busy.wait_for(|done| *done >= 300)).await.unwrap();
    assert_eq!(server.stop().await, Drained { cut: 0 });
    let mut answered = 0;
    for load in loads {
        let (count, error) = soon(load).await.unwrap();
        assert_eq!(error.class(), crate::retry::Class::Retry, "{error}");
        answered += count;
    }
    assert_eq!(answered, handled.load(Ordering::SeqCst));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http1_under_load_is_drained_without_a_loss() {
    under_load(ServerConfig::plain(loopback()), |address| {
        Client::http1(ClientConfig::new(address.to_string(), None))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http2_under_load_is_drained_without_a_loss() {
    let authority = Authority::new();
    let (config, _reload) = secure(&authority, Protocols::Http2);
    let (own, kept) = watch::channel(authority.client(Some(authority.issue("box"))));
    under_load(config, |address| {
        let tls = ClientTls {
            config: kept.clone(),
            server_name: "localhost".to_owned(),
            judge: None,
        };
        Client::http2(ClientConfig::new(address.to_string(), Some(tls)))
    })
    .await;
    drop(own);
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_deadline_and_counted() {
    let mut config = ServerConfig::plain(loopback());
    config.limits.drain = Duration::from_millis(100);
    config.limits.last_request = Duration::from_millis(10);
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let server = Running::start(config, move |_: Request| {
        let _ = arrived.send(());
        std::future::pending::<Response>()
    });
    let client = server.client();
    let call = tokio::spawn(async move { client.get("/", SOON).await });
    soon(arrivals.recv()).await.unwrap();
    assert_eq!(server.stop().await, Drained { cut: 1 });
    assert!(soon(call).await.unwrap().is_err());
}

#[tokio::test]
async fn silent_and_idle_connections_do_not_hold_up_the_end() {
    let server = Running::plain(Limits::default());
    let _silent = server.raw().await;
    let client = server.client();
    text(&mut client.get("/port", SOON).await.unwrap()).await;
    assert_eq!(server.stop().await, Drained { cut: 0 });
}
