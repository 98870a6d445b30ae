//! What a well-behaved peer gets.

use super::*;

#[tokio::test]
async fn paths_come_as_they_were_sent() {
    let server = Running::plain(Limits::default());
    let client = server.client();
    for path in ["/a/../b//c", "/%2e%2e/%2F", "/a;b=c/./"] {
        let mut answer = client.get(&format!("{path}?x=%20&y"), SOON).await.unwrap();
        assert_eq!(text(&mut answer).await, format!("[\"{path}\",\"x=%20&y\"]"));
    }
    assert_eq!(server.stop().await, Drained { cut: 0 });
}

#[tokio::test]
async fn one_connection_is_kept_between_calls() {
    let server = Running::plain(Limits::default());
    let client = server.client();
    let first = text(&mut client.get("/port", SOON).await.unwrap()).await;
    for _ in 0..20 {
        assert_eq!(
            text(&mut client.get("/port", SOON).await.unwrap()).await,
            first
        );
    }
}

#[tokio::test]
async fn a_client_that_expects_100_continue_is_told_to_go_on_or_refused_at_once() {
    let server = Running::plain(Limits {
        body: 100,
        ..Limits::default()
    });
    let mut raw = server.raw().await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n").await;
    assert!(raw.until("\r\n\r\n").await.starts_with("HTTP/1.1 100 "));
    raw.send("hello").await;
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\nhello"),
        "{answer}"
    );

    let mut raw = server.raw().await;
    raw.send(
        "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n",
    )
    .await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_chunked_upload_of_unknown_length_arrives_whole() {
    let server = Running::plain(Limits::default());
    let (chunks, body) = mpsc::channel(1);
    let sending = tokio::spawn(async move {
        for n in 0..200_u8 {
            chunks.send(Ok(Bytes::from(vec![n; 1000]))).await.unwrap();
        }
    });
    let body = Outgoing::channel(body, None);
    let mut answer = server
        .client()
        .request(Method::POST, "/echo", HeaderMap::new(), body, SOON)
        .await
        .unwrap();
    let echoed = answer.body.read_all(1 << 20).await.unwrap();
    assert_eq!(echoed.len(), 200_000);
    assert!(
        echoed
            .chunks(1000)
            .zip(0..)
            .all(|(chunk, n)| chunk == [n; 1000])
    );
    sending.await.unwrap();
}

#[tokio::test]
async fn a_body_shorter_than_announced_never_counts_as_whole() {
    let server = Running::plain(Limits::default());
    let mut raw = server.raw().await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello")
        .await;
    raw.0.shutdown().await.unwrap();
    let answer = raw.rest().await;
    assert!(!answer.contains(" 200 "), "{answer}");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_500_and_the_connection_lives() {
    let server = Running::plain(Limits::default());
    let client = server.client();
    let first = text(&mut client.get("/port", SOON).await.unwrap()).await;
    let mut answer = client.get("/panic", SOON).await.unwrap();
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        answer.headers[header::CONTENT_TYPE],
        "application/problem+json"
    );
    assert!(text(&mut answer).await.contains("Lỗi nội bộ"));
    assert_eq!(
        text(&mut client.get("/port", SOON).await.unwrap()).await,
        first
    );
}

#[tokio::test]
async fn a_file_is_served_whole_or_by_one_range() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("body");
    let body: Vec<u8> = (0..700_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    crate::durable::Disk::real().replace(&path, &body).unwrap();
    let handler = move |request: Request| {
        let path = path.clone();
        async move {
            let etag = Some(HeaderValue::from_static("\"v1\""));
            Response::file(&request.headers, "application/pdf", &path, etag)
                .await
                .unwrap()
        }
    };
    let server = Running::start(ServerConfig::plain(loopback()), handler);
    let client = server.client();
    let ask = async |method: Method, range: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(header::RANGE, HeaderValue::from_static(range));
        }
        let mut answer = client
            .request(method, "/", headers, Outgoing::default(), SOON)
            .await
            .unwrap();
        let bytes = answer.body.read_all(1 << 20).await.unwrap();
        (answer.status, answer.headers, bytes)
    };
    let (status, headers, bytes) = ask(Method::GET, None).await;
    assert_eq!((status, &bytes[..]), (StatusCode::OK, &body[..]));
    assert_eq!(headers[header::ACCEPT_RANGES], "bytes");
    let (status, headers, bytes) = ask(Method::GET, Some("bytes=1000-599999")).await;
    assert_eq!(
        (status, &bytes[..]),
        (StatusCode::PARTIAL_CONTENT, &body[1000..600_000])
    );
    assert_eq!(headers[header::CONTENT_RANGE], "bytes 1000-599999/700000");
    let (status, headers, _) = ask(Method::GET, Some("bytes=700000-")).await;
    assert_eq!(status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(headers[header::CONTENT_RANGE], "bytes */700000");
    let (status, headers, bytes) = ask(Method::HEAD, None).await;
    assert_eq!((status, bytes.len()), (StatusCode::OK, 0));
    assert_eq!(headers[header::CONTENT_LENGTH], "700000");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_mebibytes_go_both_ways_at_once_over_http2() {
    let authority = Authority::new();
    let (config, _reload) = secure(&authority, Protocols::Http2);
    let server = Running::start(config, desk);
    let own = authority.issue("box");
    let (config, _keep) = secure_client(server.address, authority.client(Some(own)));
    let client = Client::http2(config);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("body");
    let body: Vec<u8> = (0..10_u32 << 20)
        .map(|n| (n / 7).to_le_bytes()[0])
        .collect();
    crate::durable::Disk::real().replace(&path, &body).unwrap();
    let content = Content::new()
        .then_bytes(&b"seal"[..])
        .then_file(&path, None)
        .await
        .unwrap();
    let mut expected = b"seal".to_vec();
    expected.extend_from_slice(&body);
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let (client, content) = (client.clone(), content.clone());
            tokio::spawn(async move {
                let mut answer = client
                    .request(Method::PUT, "/through", HeaderMap::new(), content, SOON)
                    .await
                    .unwrap();
                answer.body.read_all(16 << 20).await.unwrap()
            })
        })
        .collect();
    for call in calls {
        assert!(soon(call).await.unwrap() == expected);
    }
    assert_eq!(server.stop().await, Drained { cut: 0 });
}
