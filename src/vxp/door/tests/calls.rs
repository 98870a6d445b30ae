use serde_json::json;

use super::fake::doc;
use super::*;
use crate::vxp::{ErrorCode, MessageType, Refusal, Transport};

#[tokio::test]
async fn every_capture_is_answered_and_asks_the_desk_what_it_says() {
    let house = House::open();
    *house.desk.rows.lock().unwrap() = 1;
    house.desk.put("000.00.00.G22", doc(0xa001), b"<edXML/>");
    let window = "Window { from: Some(2026-10-31 17:00:00.0 +00:00:00), to: Some(2026-11-23 16:59:59.999999999 +00:00:00) }";
    let id = doc(0xa001);
    for (name, asked) in [
        ("sendEdoc", "finish".to_owned()),
        ("sendEdoc_to_of_the_packet", "finish".to_owned()),
        ("sendEdoc_status", "finish".to_owned()),
        ("sendEdoc_multipart", "finish".to_owned()),
        (
            "getReceivedEdocList",
            "received edoc Window { from: None, to: None }".to_owned(),
        ),
        (
            "getReceivedEdocList_forward",
            "received edoc Window { from: None, to: None }".to_owned(),
        ),
        ("getEdoc", format!("open {id}")),
        ("updateStatus", format!("update {id} done ")),
        (
            "updateStatus_leaked_headers",
            format!("update {id} processing "),
        ),
        (
            "updateStatus_utf8",
            format!("update {id} fail Đơn vị không nhận"),
        ),
        (
            "updateStatus_latin1_header",
            format!("update {id} fail Đơn vị không nhận"),
        ),
        (
            "updateStatus_latin1",
            format!("update {id} fail không rõ cô giáo"),
        ),
        (
            "updateStatus_encoded_twice",
            format!("update {id} fail không rõ cô giáo"),
        ),
        ("getSentEdocList", format!("sent edoc {window}")),
        ("countReceiveEdoc", "count edoc".to_owned()),
        ("countReceiveStatus", "count status".to_owned()),
        ("getAgenciesList", "agencies None".to_owned()),
        ("getAgenciesListQD20", "agencies Some(1)".to_owned()),
        ("getSynchronizeUnit", "units Some(7)".to_owned()),
        (
            "registerAgency",
            "register Some(901) Cục Kiểm soát thủ tục hành chính".to_owned(),
        ),
        ("deleteAgency", "delete 000.00.90.G22".to_owned()),
    ] {
        let reply = house.replay(name).await;
        assert!(reply.is_ok() && reply.http == 200, "{name}: {reply:?}");
        assert_eq!(
            house.last_asked(),
            format!("vxp.g22.qlvb: {asked}"),
            "{name}"
        );
    }
    let (_, _, body) = house.raw(&captures::load("downloadEdoc").raw).await;
    assert_eq!(body, b"<edXML/>");
    let (_, _, body) = house.raw(&captures::load("proofEdoc").raw).await;
    assert_eq!(body, b"proof\0");
}

#[tokio::test]
async fn rows_have_the_members_the_sdk_reads() {
    let house = House::open();
    *house.desk.rows.lock().unwrap() = 1;
    let software = house.g22();
    let received = software.received(MessageType::Status).await.unwrap();
    assert_eq!(
        received.rows(),
        [json!({
            "docId": doc(0), "serviceType": "eDoc", "messageType": "status",
            "created_time": "2026-11-23 15:00:00", "updated_time": "2026-11-23 15:00:00",
            "from": "000.00.00.H41", "to": "000.00.00.G22",
            "status": "initial", "status_desc": "Chờ \"nhận\"",
        })]
    );
    let sent = software.sent(MessageType::Edoc).await.unwrap();
    assert_eq!(
        sent.rows(),
        [json!({
            "serviceType": "eDoc", "messageType": "edoc",
            "senderDocId": doc(0), "receiverDocId": doc(1),
            "fromCode": "000.00.00.G22", "toCode": "000.00.00.H41",
            "title": "Quyết định", "notation": "7816/VPCP-TTĐT",
            "sendStatus": "done", "sendStatusDesc": "Trục đã nhận",
            "receiveStatus": "processing", "receiveStatusDesc": "Đang xử lý",
            "sentTime": "2026-11-23 15:00:00", "receivedTime": "",
        })]
    );
    let agencies = software.agencies().await.unwrap();
    assert_eq!(
        agencies.rows(),
        [json!({
            "id": 0, "pid": 0, "code": "H0", "name": "Ủy ban nhân dân tỉnh", "mail": "", "oldCode": "",
        })]
    );
    let qd20 = software.agencies_qd20(Some(2)).await.unwrap();
    assert_eq!(
        qd20.rows(),
        [json!({
            "id": 0, "code": "H0", "name": "Ủy ban nhân dân tỉnh", "mail": "", "code102": "000.00.00.H41",
        })]
    );
    let units = software.units(&serde_json::Map::new()).await.unwrap();
    assert_eq!(
        units.rows(),
        [json!({
            "id": 0, "pid": 1, "code": "H0", "name": "Sở", "mail": "", "centerCode": "00.53.W00",
            "version": 8, "deleted": true, "modifyDate": "2026-11-23 15:00:00", "isAgency": false,
        })]
    );
    assert_eq!(
        software.count(MessageType::Edoc).await.unwrap().count(),
        Some(1)
    );
}

#[tokio::test]
async fn lists_of_any_length_are_whole() {
    let house = House::open();
    for rows in [0, 1, 300, 20_000] {
        *house.desk.rows.lock().unwrap() = rows;
        let reply = house.g22().received(MessageType::Edoc).await.unwrap();
        assert!(reply.is_ok());
        assert_eq!(reply.rows().len(), rows);
        assert!(reply.json["data"].is_array());
    }
}

#[tokio::test]
async fn a_document_comes_back_byte_for_byte_however_it_lies_and_is_fetched() {
    let house = House::open();
    let software = house.g22();
    let big: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 253) as u8).collect();
    for files in [false, true] {
        *house.desk.files.lock().unwrap() = files;
        for (number, bytes) in [(1, &b"<edXML>\r\n\0\xff</edXML>"[..]), (2, &big)] {
            house.desk.put("000.00.00.G22", doc(number), bytes);
            let id = doc(number).to_string();
            assert_eq!(software.get(&id).await.unwrap().document().unwrap(), bytes);
            let mut whole = software.download(&id, None).await.unwrap();
            assert_eq!(whole.body.read_all(1 << 30).await.unwrap(), bytes);
            let mut part = software.download(&id, Some("bytes=5-12")).await.unwrap();
            assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
            assert_eq!(part.body.read_all(1 << 30).await.unwrap(), bytes[5..13]);
            let mut beyond = software
                .download(&id, Some("bytes=2000000-"))
                .await
                .unwrap();
            let text = beyond.body.read_all(1 << 20).await.unwrap();
            let reply = Reply::read(beyond.status, &text).unwrap();
            assert_eq!((reply.http, reply.code.as_str()), (416, "21"));
        }
    }
}

#[tokio::test]
async fn another_members_document_does_not_exist() {
    let house = House::open();
    house.desk.put("000.00.00.G22", doc(1), b"<edXML/>");
    let stranger = house.h41();
    let theirs = stranger.get(&doc(1).to_string()).await.unwrap();
    let none = stranger.get(&doc(9).to_string()).await.unwrap();
    let odd = stranger.get("../../etc/passwd").await.unwrap();
    assert_eq!(theirs, none);
    assert_eq!(theirs, odd);
    assert_eq!(theirs.code, "21");
    assert!(!theirs.json.contains_key("data"));
    let mut download = stranger.download(&doc(1).to_string(), None).await.unwrap();
    let text = download.body.read_all(1 << 20).await.unwrap();
    assert_eq!(Reply::read(download.status, &text).unwrap(), theirs);
}

#[tokio::test]
async fn every_code_of_the_desk_reaches_the_software_with_its_reason() {
    let house = House::open();
    let software = house.g22();
    for code in ErrorCode::ALL {
        let reason = format!("Lý do \"{}\" \\ \u{1f4dc}", code.number());
        *house.desk.refusal.lock().unwrap() = Some(Refusal::new(code, &*reason));
        let id = doc(1).to_string();
        for reply in [
            software.received(MessageType::Edoc).await.unwrap(),
            software.get(&id).await.unwrap(),
            software
                .update_status(&id, Transport::Done, None)
                .await
                .unwrap(),
            software.delete_agency("H41").await.unwrap(),
        ] {
            assert_eq!(reply.http, 200);
            assert_eq!(reply.status, "FAIL");
            assert_eq!(reply.code, code.number().to_string());
            assert_eq!(reply.desc, reason);
            assert_eq!(reply.json.len(), 3);
        }
    }
}

#[tokio::test]
async fn a_long_lived_sdk_object_leaks_and_is_understood() {
    let house = House::open();
    house.desk.put("000.00.00.G22", doc(1), b"<edXML/>");
    let software = house.g22().long_lived();
    let id = doc(1).to_string();
    assert!(software.get(&id).await.unwrap().is_ok());
    assert!(software.received(MessageType::Edoc).await.unwrap().is_ok());
    assert!(
        software
            .update_status(&id, Transport::Done, Some("đã lưu = <xong>"))
            .await
            .unwrap()
            .is_ok()
    );
    let leaked = software.signed(&[]).unwrap();
    for name in [
        "XroadVnpt-docId",
        "XroadVnpt-filePath",
        "XroadVnpt-description",
    ] {
        assert!(leaked.contains_key(name), "{name}");
    }
    // Stamped once: the same object a day later is refused, a new one is not.
    house
        .clock
        .advance(std::time::Duration::from_secs(25 * 3600));
    let stale = software.received(MessageType::Edoc).await.unwrap();
    assert_eq!(stale.code, "15");
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
async fn bad_parameters_are_refused_by_name() {
    let house = House::open();
    let software = house.g22();
    for (call, params, body, word) in [
        ("getEdoc", vec![], "{}", "docId"),
        ("updateStatus", vec![("docId", "x")], "{}", "docId"),
        (
            "updateStatus",
            vec![("docId", "0190f5fe-9c00-7000-8000-000000000001")],
            "{}",
            "Trạng thái",
        ),
        (
            "updateStatus",
            vec![
                ("docId", "0190f5fe-9c00-7000-8000-000000000001"),
                ("status", "initial"),
            ],
            "{}",
            "initial",
        ),
        (
            "getReceivedEdocList",
            vec![("messagetype", "mail")],
            "",
            "messagetype",
        ),
        (
            "getReceivedEdocList",
            vec![("servicetype", "data")],
            "",
            "servicetype",
        ),
        (
            "getSentEdocList",
            vec![("fromDate", "hôm qua")],
            "",
            "fromDate",
        ),
        ("getAgenciesListQD20", vec![("level", "5")], "", "level"),
        ("deleteAgency", vec![], "", "AgencyCode"),
        (
            "deleteAgency",
            vec![("AgencyCode", "a b")],
            "",
            "AgencyCode",
        ),
        ("registerAgency", vec![], "code=x", "JSON"),
        ("registerAgency", vec![], "[]", "JSON"),
        (
            "registerAgency",
            vec![],
            r#"{"pid":1,"name":"n","mail":"m"}"#,
            "code",
        ),
        (
            "registerAgency",
            vec![],
            r#"{"code":"H1","name":"n","mail":"m"}"#,
            "pid",
        ),
        (
            "registerAgency",
            vec![],
            r#"{"pid":"x","code":"H1","name":"n","mail":"m"}"#,
            "pid",
        ),
        ("getSynchronizeUnit", vec![], "{", "JSON"),
    ] {
        let body = crate::https::Content::new().then_bytes(body);
        let request = software
            .prepare(crate::https::Method::POST, call, &params, body)
            .unwrap();
        let reply = software.ask(request).await.unwrap();
        assert_eq!(
            (reply.http, reply.code.as_str()),
            (200, "21"),
            "{call} {params:?}"
        );
        assert!(
            reply.desc.contains(word),
            "{call} {params:?}: {}",
            reply.desc
        );
    }
    assert_eq!(house.asked(), 0);
}
