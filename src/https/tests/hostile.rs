//! What a peer that means ill, or can't do better, gets.

use super::*;

fn short() -> Limits {
    Limits {
        head_deadline: Duration::from_millis(200),
        stall: Duration::from_millis(300),
        idle: Duration::from_millis(400),
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_however_steadily_it_drips() {
    let mut server = Running::plain(short());
    let mut raw = server.raw().await;
    raw.send("GET / HTTP/1.1\r\nHost: x\r\n").await;
    let mut byte = [0];
    let cut = async {
        loop {
            let _ = raw.0.write_all(b"a").await;
            // The wait between two drops is a wait for the server's end.
            match timeout(Duration::from_millis(20), raw.0.read(&mut byte)).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => panic!("an answer to half a head"),
                Err(_) => {}
            }
        }
    };
    soon(cut).await;
    assert!(server.refusal().await.contains("head of a request"));
}

#[tokio::test]
async fn a_second_head_that_drips_is_cut_as_well() {
    let mut server = Running::plain(Limits {
        idle: SOON,
        ..short()
    });
    let mut raw = server.raw().await;
    raw.send("GET /port HTTP/1.1\r\nHost: x\r\n\r\n").await;
    raw.until("\r\n\r\n").await;
    raw.send("GET /por").await;
    raw.rest().await;
    assert!(server.refusal().await.contains("head of a request"));
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Running::plain(short());
    let mut raw = server.raw().await;
    raw.send("GET /port HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_with_408() {
    let server = Running::plain(short());
    let mut raw = server.raw().await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
        .await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("quá chậm"), "{answer}");
}

#[tokio::test]
async fn a_body_that_only_drips_is_answered_with_408() {
    let server = Running::plain(Limits {
        body_rate: 10_000,
        ..short()
    });
    let mut raw = server.raw().await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        .await;
    let mut seen = [0; 12];
    let cut = async {
        loop {
            let _ = raw.0.write_all(b"a").await;
            if let Ok(read) = timeout(Duration::from_millis(20), raw.0.read_exact(&mut seen)).await
            {
                read.unwrap();
                break;
            }
        }
    };
    soon(cut).await;
    assert_eq!(&seen, b"HTTP/1.1 408");
}

#[tokio::test]
async fn a_peer_that_takes_no_bytes_is_cut() {
    let mut server = Running::plain(short());
    let mut raw = server.raw().await;
    raw.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(server.refusal().await.contains("took no byte"));
}

#[tokio::test]
async fn a_head_up_to_the_limit_passes_and_a_longer_one_is_a_problem_answer() {
    let server = Running::plain(Limits::default());
    let ask = async |length: usize| {
        let mut raw = server.raw().await;
        let value = "7".repeat(length);
        raw.send(format!(
            "GET /x HTTP/1.1\r\nHost: x\r\nTo: {value}\r\nConnection: close\r\n\r\n"
        ))
        .await;
        raw.rest().await
    };
    assert!(ask(62_000).await.starts_with("HTTP/1.1 200 "));
    let answer = ask(66_000).await;
    assert!(
        answer.starts_with("HTTP/1.1 431 ") && answer.contains("problem+json"),
        "{answer}"
    );
    assert!(ask(100_000).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_and_the_sender_reads_why() {
    let server = Running::plain(Limits {
        body: 1 << 20,
        ..Limits::default()
    });
    for path in ["/echo", "/small"] {
        let mut raw = server.raw().await;
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n"
        ))
        .await;
        // All of it is sent before the answer is read: a reset would have destroyed the answer.
        raw.send(vec![0; 2 << 20]).await;
        let answer = raw.until("}").await;
        assert!(
            answer.starts_with("HTTP/1.1 413 ") && answer.contains("quá lớn"),
            "{answer}"
        );
    }
    let mut raw = server.raw().await;
    raw.send("POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    raw.send("b\r\n01234567890\r\n0\r\n\r\n").await;
    assert!(raw.until("}").await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn a_request_written_byte_by_byte_is_served() {
    let server = Running::plain(Limits::default());
    let mut raw = server.raw().await;
    raw.0.set_nodelay(true).unwrap();
    for byte in
        b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
    {
        raw.send([*byte]).await;
    }
    let answer = raw.rest().await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_not_http_is_refused_with_words() {
    let mut server = Running::plain(Limits::default());
    let mut raw = server.raw().await;
    raw.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not a request\r\n\r\n")
        .await;
    raw.rest().await;
    assert!(server.refusal().await.contains("its connection broke"));
}

#[tokio::test]
async fn no_more_connections_than_allowed_and_only_from_allowed_addresses() {
    let mut server = Running::plain(Limits {
        connections: 1,
        ..Limits::default()
    });
    let client = server.client();
    assert_eq!(
        client.get("/port", SOON).await.unwrap().status,
        StatusCode::OK
    );
    let other = server.client();
    assert!(other.get("/port", SOON).await.is_err());
    assert!(server.refusal().await.contains("connections are taken"));

    let mut config = ServerConfig::plain(loopback());
    config.admit = Some(Arc::new(|address| !address.is_loopback()));
    let mut server = Running::start(config, desk);
    assert!(server.client().get("/port", SOON).await.is_err());
    assert!(server.refusal().await.contains("may not connect"));
}
