use super::fake::doc;
use super::*;
use crate::https::{Content, Method};
use crate::vxp::{MessageType, Transport};

/// Whatever comes, the answer is JSON with the three members.
async fn reply(house: &House, request: &str) -> Reply {
    let (status, head, body) = house.raw(request.as_bytes()).await;
    assert!(head.contains("application/json"), "{request}: {head}");
    Reply::read(status, &body).unwrap_or_else(|error| panic!("{request}: {error}"))
}

#[tokio::test]
async fn nothing_but_json_on_any_path_or_method() {
    let house = House::open();
    let end = "Host: box\r\nConnection: Keep-Alive\r\n\r\n";
    for (line, http, code) in [
        ("GET / HTTP/1.1", 404, "21"),
        ("GET /XrdAdapter/adapter/sendEdoc HTTP/1.1", 405, "21"),
        ("DELETE /XrdAdapter/adapter/getEdoc HTTP/1.1", 405, "21"),
        ("POST /XrdAdapter/adapter/downloadEdoc HTTP/1.1", 405, "21"),
        (
            "POST /XrdAdapter/adapter/../adapter/sendEdoc HTTP/1.1",
            404,
            "21",
        ),
        ("POST /XrdAdapter/adapter/getedoc HTTP/1.1", 404, "21"),
        ("POST /XrdAdapter/adapter/getEdoc HTTP/1.1", 200, "15"),
        (
            "POST /XrdAdapter/RestService/forward/a/b?dstcode=VN:GOV:000.00.00.G22:S&providerurl=http://p HTTP/1.1",
            200,
            "21",
        ),
    ] {
        let reply = reply(&house, &format!("{line}\r\n{end}")).await;
        assert_eq!(
            (i32::from(reply.http), reply.code.as_str()),
            (http, code),
            "{line}"
        );
        assert_eq!(reply.status, "FAIL");
    }
    assert_eq!(house.asked(), 0);
}

#[tokio::test]
async fn too_many_headers_are_answered_in_the_sdks_words() {
    let house = House::open();
    let filler = format!("X-Filler: {}\r\n", "x".repeat(70_000));
    let request = format!(
        "POST /XrdAdapter/adapter/getEdoc HTTP/1.1\r\n{filler}Host: box\r\nConnection: Keep-Alive\r\n\r\n"
    );
    assert_eq!(reply(&house, &request).await.http, 431);
    // 500 recipients fit.
    let codes: Vec<String> = (0..500)
        .map(|n| format!("000.00.{:02}.H{:02}", n % 100, n / 100))
        .collect();
    let sending = crate::vxp::client::Sending {
        from: None,
        to: Some(codes),
        message_type: MessageType::Edoc,
    };
    let reply = house.g22().send(&sending, "<edXML/>".into()).await.unwrap();
    assert!(reply.is_ok(), "{reply:?}");
    assert_eq!(
        house.desk.taken.lock().unwrap()[0]
            .0
            .to
            .as_ref()
            .unwrap()
            .len(),
        500
    );
}

#[tokio::test]
async fn a_panic_behind_the_door_is_an_answer_too() {
    let house = House::open();
    *house.desk.panics.lock().unwrap() = true;
    let software = house.g22();
    let reply = software.received(MessageType::Edoc).await.unwrap();
    assert_eq!((reply.http, reply.code.as_str()), (500, "20"));
    *house.desk.panics.lock().unwrap() = false;
    assert!(software.received(MessageType::Edoc).await.unwrap().is_ok());
}

#[tokio::test]
async fn a_large_body_where_none_belongs_is_refused() {
    let house = House::open();
    let software = house.g22();
    let body = Content::new().then_bytes(vec![b' '; 1 << 20]);
    let request = software
        .prepare(Method::POST, "getReceivedEdocList", &[], body)
        .unwrap();
    let reply = software.ask(request).await.unwrap();
    assert_eq!((reply.http, reply.code.as_str()), (200, "10"));
}

#[tokio::test]
async fn a_document_shorter_than_promised_breaks_the_answer_instead_of_ending_it() {
    let house = House::open();
    let software = house.g22();
    house.desk.put("000.00.00.G22", doc(1), b"<edXML/>");
    *house.desk.short.lock().unwrap() = 5;
    for files in [false, true] {
        *house.desk.files.lock().unwrap() = files;
        assert!(software.get(&doc(1).to_string()).await.is_err());
    }
}

#[tokio::test]
async fn a_stranger_learns_nothing() {
    let house = House::open();
    let id = doc(1).to_string();
    let wrong = house.software(captures::SYSTEMID, "wrong");
    let unknown = house.software("vxp.nobody", captures::SECRET);
    let own = house.software("vxp.h41.qlvb", captures::SECRET);
    let mut replies = Vec::new();
    for software in [wrong, unknown, own] {
        replies.push(software.get(&id).await.unwrap());
        replies.push(
            software
                .update_status(&id, Transport::Done, None)
                .await
                .unwrap(),
        );
    }
    for reply in &replies {
        assert_eq!(reply, &replies[0]);
        assert_eq!((reply.http, reply.code.as_str()), (200, "15"));
        assert!(reply.desc.contains("systemid"));
    }
    assert_eq!(house.asked(), 0);
}

#[tokio::test]
async fn a_system_taken_away_is_refused_from_then_on() {
    let house = House::open();
    let software = house.g22();
    assert!(software.received(MessageType::Edoc).await.unwrap().is_ok());
    house.systems.send(Arc::new(Systems::default())).unwrap();
    assert_eq!(
        software.received(MessageType::Edoc).await.unwrap().code,
        "15"
    );
}

#[tokio::test]
async fn one_flooding_system_does_not_take_anothers_turn() {
    let house = House::with(|config| {
        config.quota.in_flight = std::num::NonZeroU32::MIN;
        config.quota.waiting = 0;
    });
    // A request whose body never ends holds the one turn of G22.
    let raw = captures::load("sendEdoc").raw;
    let end = raw.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let mut slow = TcpStream::connect(house.address).await.unwrap();
    slow.write_all(&raw[..end + 10]).await.unwrap();
    house.until(|house| house.asked() > 0).await;
    assert_eq!(
        house.g22().received(MessageType::Edoc).await.unwrap().code,
        "20"
    );
    assert!(
        house
            .h41()
            .received(MessageType::Edoc)
            .await
            .unwrap()
            .is_ok()
    );
    // Its end gives the turn back.
    slow.write_all(&raw[end + 10..]).await.unwrap();
    let mut answer = vec![0; 4096];
    let length = slow.read(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer[..length]).contains("DocId"));
    assert!(
        house
            .g22()
            .received(MessageType::Edoc)
            .await
            .unwrap()
            .is_ok()
    );
}

#[tokio::test]
async fn what_the_desk_has_begun_to_keep_it_keeps_though_the_software_is_gone() {
    let house = House::with(|config| config.quota.in_flight = std::num::NonZeroU32::MIN);
    let gate = Arc::clone(&house.desk.gate);
    let all = gate.acquire_many(1_000).await.unwrap();
    let mut tcp = TcpStream::connect(house.address).await.unwrap();
    tcp.write_all(&captures::load("sendEdoc").raw)
        .await
        .unwrap();
    house
        .until(|house| house.last_asked().ends_with("finish"))
        .await;
    drop(tcp);
    // The one turn is free again when the door has seen that the software is gone.
    assert!(
        house
            .g22()
            .received(MessageType::Edoc)
            .await
            .unwrap()
            .is_ok()
    );
    assert!(house.desk.taken.lock().unwrap().is_empty());
    drop(all);
    house
        .until(|house| house.desk.taken.lock().unwrap().len() == 1)
        .await;
}

#[tokio::test]
async fn who_asks_is_told_to_the_desk_as_configured() {
    let house = House::open();
    let systems = house.systems.borrow().clone();
    let g22: Vec<&Arc<System>> = systems
        .iter()
        .filter(|s| s.id == captures::SYSTEMID)
        .collect();
    assert!(g22[0].speaks_for(&"000.00.90.G22".parse().unwrap()));
    assert!(!g22[0].speaks_for(&"000.00.00.H41".parse().unwrap()));
    assert_eq!(g22[0].members().count(), 2);
}
