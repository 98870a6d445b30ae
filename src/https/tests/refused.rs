//! Whoever is refused while a body is on its way reads why, whatever it still sends.

use super::*;

/// Who refuses, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    /// The server, when the peer connects.
    Judge,
    /// The server, at the request.
    Recheck,
    /// The handler, which reads nothing of the body.
    Handler,
}

async fn stranger(_: Request) -> Response {
    Response::text(StatusCode::FORBIDDEN, "the certificate is revoked")
}

fn server(authority: &Authority, protocols: Protocols, by: By) -> Running {
    let (mut config, _reload) = secure(authority, protocols);
    let tls = config.tls.as_mut().unwrap();
    match by {
        By::Judge => tls.judge = Some(Arc::new(|_| Err(Box::new(Revoked)))),
        By::Recheck => tls.recheck = Some(Arc::new(|_| Err(Box::new(Revoked)))),
        By::Handler => {}
    }
    Running::start(config, stranger)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_refused_while_it_sends_reads_why() {
    let authority = Authority::new();
    let own = authority.client(Some(authority.issue("box")));
    for protocols in [Protocols::Http1, Protocols::Http2] {
        for by in [By::Judge, By::Recheck, By::Handler] {
            let server = server(&authority, protocols, by);
            for size in [1, 100_000, 3 << 20].repeat(10) {
                let (config, _keep) = secure_client(server.address, own.clone());
                let client = match protocols {
                    Protocols::Http2 => Client::http2(config),
                    _ => Client::http1(config),
                };
                let content = Content::new().then_bytes(vec![7; size]);
                let call = client.request(Method::POST, "/", HeaderMap::new(), content, SOON);
                let mut answer = call
                    .await
                    .unwrap_or_else(|error| panic!("{protocols:?} {by:?} {size}: {error}"));
                assert_eq!(answer.status, StatusCode::FORBIDDEN);
                let told = text(&mut answer).await;
                assert!(told.contains("the certificate is revoked"), "{told}");
            }
        }
    }
}

/// The connection is looked at now and then, and that may be just after the refusal.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_peer_that_sends_on_is_not_cut_off_at_the_next_look() {
    const LOOK: Duration = Duration::from_secs(2);
    let authority = Authority::new();
    let (mut config, _reload) = secure(&authority, Protocols::Http1);
    config.limits.head_deadline = LOOK;
    config.tls.as_mut().unwrap().recheck = Some(Arc::new(|_| Err(Box::new(Revoked))));
    let mut server = Running::start(config, stranger);
    let config = authority.client(Some(authority.issue("box")));
    let connector = tokio_rustls::TlsConnector::from(config);
    let name = "localhost".try_into().unwrap();
    let mut peer = connector.connect(name, server.raw().await.0).await.unwrap();
    tokio::time::sleep(LOOK * 9 / 10).await;
    let head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
    peer.write_all(head).await.unwrap();
    peer.flush().await.unwrap();
    assert!(
        server
            .refusal()
            .await
            .contains("the certificate is revoked")
    );
    for _ in 0..50 {
        // A server that has cut it off answers such a write with a reset, and the next one fails.
        peer.write_all(&[7; 1000]).await.unwrap();
        peer.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut told = Vec::new();
    let _ = soon(peer.read_to_end(&mut told)).await;
    let told = String::from_utf8_lossy(&told);
    assert!(told.contains("the certificate is revoked"), "{told:?}");
}

#[tokio::test]
async fn a_raw_peer_that_sends_all_before_it_reads_gets_its_answer() {
    let server = Running::start(ServerConfig::plain(loopback()), stranger);
    for size in [1, 100_000, 3 << 20].repeat(10) {
        let mut raw = server.raw().await;
        raw.send(format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        ))
        .await;
        raw.send(vec![7; size]).await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{size}: {answer}");
        assert!(answer.ends_with("the certificate is revoked"), "{size}");
    }
}
