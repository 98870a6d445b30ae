use super::*;
use crate::https::{Bytes, Content, Method};
use crate::packet::Digest;
use crate::vxp::client::Sending;
use crate::vxp::{ErrorCode, MessageType, Refusal};

fn sending() -> Sending {
    Sending {
        from: Some("000.00.00.G22".to_owned()),
        to: Some(vec![
            "000.00.00.H41".to_owned(),
            "H14".to_owned(),
            "H14".to_owned(),
        ]),
        message_type: MessageType::Edoc,
    }
}

#[tokio::test]
async fn the_documents_of_all_captures_are_the_same_file() {
    let house = House::open();
    for name in [
        "sendEdoc",
        "sendEdoc_to_of_the_packet",
        "sendEdoc_status",
        "sendEdoc_multipart",
    ] {
        let reply = house.replay(name).await;
        // The desk gives a known digest the docId it had.
        assert_eq!(reply.doc_id(), Some(&*fake::doc(0).to_string()), "{name}");
    }
    let taken = house.desk.taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    let (params, bytes, _) = &taken[0];
    assert!(bytes.ends_with(b"</edXML>"));
    assert_eq!(params.from.as_ref().unwrap().as_str(), "000.00.00.G22");
    let to: Vec<_> = params
        .to
        .as_ref()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(to, ["000.00.00.H41", "000.00.00.H14"]);
}

#[tokio::test]
async fn a_repeated_request_gets_the_doc_id_it_had() {
    let house = House::open();
    let software = house.g22();
    let document = Bytes::from_static(b"<edXML>1</edXML>");
    let first = software.send(&sending(), document.clone()).await.unwrap();
    for _ in 0..5 {
        assert_eq!(
            software.send(&sending(), document.clone()).await.unwrap(),
            first
        );
    }
    assert!(first.is_ok());
    assert_eq!(
        software.send_form(&sending(), document).await.unwrap(),
        first
    );
    let taken = house.desk.taken.lock().unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].0.to.as_ref().unwrap().len(), 2);
}

#[tokio::test]
async fn documents_of_any_size_arrive_unchanged() {
    let house = House::open();
    let software = house.g22();
    for (number, size) in [1_usize, 2, 100, 65_536, 5_000_000].into_iter().enumerate() {
        let mut document: Vec<u8> = (0..size).map(|n| (n * 7 % 251) as u8).collect();
        if let [.., a, b] = document.as_mut_slice() {
            (*a, *b) = (b'\r', b'\n');
        }
        let reply = software
            .send(&sending(), document.clone().into())
            .await
            .unwrap();
        assert!(reply.is_ok(), "{reply:?}");
        assert_eq!(house.desk.taken.lock().unwrap()[number].1, document);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_document_is_never_held_in_either_form() {
    let house = House::open();
    let software = house.g22();
    let document = Bytes::from(vec![b'-'; 64 << 20]);
    for form in [false, true] {
        let reply = if form {
            software.send_form(&sending(), document.clone()).await
        } else {
            software.send(&sending(), document.clone()).await
        };
        assert!(reply.unwrap().is_ok());
        let longest = house
            .desk
            .longest
            .load(std::sync::atomic::Ordering::Relaxed);
        assert!(longest <= 1 << 20, "{longest} bytes at once, form: {form}");
    }
}

#[tokio::test]
async fn a_file_that_differs_from_its_hash_is_code_10() {
    let house = House::open();
    let software = house.g22();
    let wrong = Digest::of(b"another");
    let content = Content::from(Bytes::from_static(b"<edXML/>"));
    let reply = software
        .send_content(&sending(), content, &wrong)
        .await
        .unwrap();
    assert_eq!((reply.http, reply.code.as_str()), (200, "10"));
    assert!(reply.desc.contains("hash-file"));
    let reply = software.send(&sending(), Bytes::new()).await.unwrap();
    assert_eq!(reply.code, "10");
    assert!(house.desk.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn codes_that_can_be_nobodys_are_18_and_19() {
    let house = House::open();
    let software = house.g22();
    let document = Bytes::from_static(b"<edXML/>");
    let mut odd = sending();
    odd.from = Some("không".to_owned());
    assert_eq!(
        software.send(&odd, document.clone()).await.unwrap().code,
        "19"
    );
    let mut odd = sending();
    odd.to = Some(vec!["../H14".to_owned()]);
    assert_eq!(
        software.send(&odd, document.clone()).await.unwrap().code,
        "18"
    );
    for (to, code) in [("[\"H14\"", "18"), ("[1]", "18"), ("[]", "0"), ("H14", "0")] {
        let content = Content::from(document.clone());
        let request = software
            .prepare(Method::POST, "sendEdoc", &[("to", to)], content)
            .unwrap();
        assert_eq!(software.ask(request).await.unwrap().code, code, "{to}");
    }
}

#[tokio::test]
async fn the_desks_refusal_of_a_document_is_answered_while_it_is_still_coming() {
    let house = House::open();
    let reason = "Phần tử To, dòng 12: thiếu OrganId; bổ sung mã định danh nơi nhận.";
    let refusal = Refusal::new(ErrorCode::NotConforming, reason);
    *house.desk.refusal.lock().unwrap() = Some(refusal);
    let document = Bytes::from(vec![b'x'; 300_000]);
    let reply = house.g22().send(&sending(), document).await.unwrap();
    assert_eq!((reply.code.as_str(), reply.desc.as_str()), ("22", reason));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_and_without_a_length() {
    let house = House::with(|config| config.max_document_bytes = 1_000);
    let software = house.g22();
    let reply = software
        .send(&sending(), vec![b'x'; 1_001].into())
        .await
        .unwrap();
    assert_eq!((reply.http, reply.code.as_str()), (200, "10"));
    assert_eq!(house.asked(), 0);
    let headers = captures::load("sendEdoc").raw;
    let end = headers
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(headers[..end].to_vec()).unwrap();
    let head = head.replace("Content-Length: 132", "Transfer-Encoding: chunked");
    let chunk = format!("{head}\r\n\r\n7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2_000));
    let (status, _, body) = house.raw(chunk.as_bytes()).await;
    let reply = Reply::read(status, &body).unwrap();
    assert_eq!((reply.http, reply.code.as_str()), (200, "10"));
    assert!(house.desk.taken.lock().unwrap().is_empty());
}

#[tokio::test]
async fn odd_forms_are_code_10() {
    let house = House::open();
    let software = house.g22();
    let part = "--B\r\nContent-Disposition: form-data; name=\"file_doc\"\r\n\r\n<a/>\r\n";
    let other = "--B\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n";
    for (form, code) in [
        (format!("{part}--B--\r\n"), "0"),
        (format!("{}{part}--B--\r\n", other.repeat(20)), "0"),
        (format!("{other}--B--\r\n"), "10"),
        (format!("{part}{part}--B--\r\n"), "10"),
        (part.to_owned(), "10"),
        ("<a/>".to_owned(), "10"),
        (format!("{}{part}--B--\r\n", other.repeat(10_000)), "10"),
    ] {
        let content = Content::new().then_bytes(form.clone());
        let mut request = software
            .prepare(Method::POST, "sendEdoc", &[], content)
            .unwrap();
        let kind = "multipart/form-data; boundary=B".parse().unwrap();
        request
            .headers
            .insert(crate::https::header::CONTENT_TYPE, kind);
        let reply = software.ask(request).await.unwrap();
        assert_eq!(reply.code, code, "{}", &form[..form.len().min(200)]);
    }
    assert_eq!(house.desk.taken.lock().unwrap()[0].1, b"<a/>");
}
