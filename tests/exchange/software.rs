//! What an agency's software meets at a box: every call of the SDK over the wire, with its quirks, and every refusal.

mod refusals;

use serde_json::{Value, json};
use trucgate::cmd::demo::documents::status;
use trucgate::hub::admin::Change;
use trucgate::packet::MemberId;
use trucgate::provision::lab::Lab;

use crate::world::boxes::enter;
use crate::world::vxp::{Raw, Twist, Vxp, hash, hash_file, refused, succeeded};
use crate::world::{RECEIVERS, SENDER, World, document, member, now, until};

const ADAPTER: &str = "/XrdAdapter/adapter";
const FORWARD: &str = "/XrdAdapter/RestService/forward/vxp?dstcode=VN:GOV:000.00.00.G22:VXP&providerurl=http://10.0.0.1/vxp";
const EDOC: [(&str, &str); 2] = [("servicetype", "eDoc"), ("messagetype", "edoc")];
const STATUS: [(&str, &str); 2] = [("servicetype", "eDoc"), ("messagetype", "status")];
/// Other codes of the first receiver, as the directory lists them.
const ALSO: [&str; 2] = ["H41", "41.H41"];

fn software(world: &World, code: &str, endpoint: &str) -> Vxp {
    let (machine, tenant) = world.exchange.tenant(&member(code)).unwrap();
    Vxp::new(machine, tenant, endpoint)
}

fn edxml(to: &[&str], number: u32) -> Vec<u8> {
    document(to, number).edxml().unwrap()
}

/// `sendEdoc` as the SDK does it, with its line end behind the file.
fn send(software: &mut Vxp, file: &[u8], given: &[(&str, &str)]) -> Value {
    let hash = hash_file(file);
    let given = [&EDOC[..], &[("hash-file", hash.as_str())], given].concat();
    software.post("sendEdoc", &given, &[file, b"\r\n"].concat())
}

fn doc_id(answer: &Value) -> String {
    succeeded(answer)["DocId"].as_str().unwrap().to_owned()
}

async fn rows(software: &mut Vxp, call: &str, given: &[(&str, &str)], count: usize) -> Vec<Value> {
    until(async || {
        let answer = software.post(call, given, b"");
        let rows = succeeded(&answer)["data"].as_array().unwrap().clone();
        (rows.len() == count).then_some(rows)
    })
    .await
}

fn texts(row: &Value, names: &[&str]) {
    let row = row.as_object().unwrap();
    for name in names {
        assert!(row[*name].is_string(), "{name}: {row:?}");
    }
    assert_eq!(row.len(), names.len(), "{row:?}");
}

/// Gives the first receiver two further codes.
fn list_other_codes(world: &World) {
    change_member(world, |entry| {
        entry["code102"] = json!(ALSO[0]);
        entry["old_code"] = json!(ALSO[1]);
    });
}

fn change_member(world: &World, change: impl Fn(&mut Value)) {
    let mut entry = registered(&world.exchange.lab, RECEIVERS[0]);
    change(&mut entry);
    let entry: Change = serde_json::from_value(json!({ "add-member": entry })).unwrap();
    enter(&world.exchange, &[entry]);
}

fn registered(lab: &Lab, code: &str) -> Value {
    let file = lab.hub.directory.join("registry.json");
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let mut members = all
        .into_iter()
        .map(|mut change| change["add-member"].take());
    members.find(|entry| entry["code"] == code).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_over_the_wire_with_its_quirks() {
    let world = World::start();
    list_other_codes(&world);
    let docs = forms_of_sending(&world).await;
    receiving(&world, &docs).await;
    statuses(&world).await;
    agencies(&world);
}

/// Gives the DocIds that the first receiver gets.
async fn forms_of_sending(world: &World) -> Vec<String> {
    let mut sdk = software(world, SENDER, ADAPTER);
    let mut docs = Vec::new();

    // With `to` as a JSON array and the line end that is not of the file; repeated by the same object and by another.
    let first = edxml(&RECEIVERS[..2], 1);
    let to = json!(&RECEIVERS[..2]).to_string();
    let given = [("from", SENDER), ("to", to.as_str())];
    let doc = doc_id(&send(&mut sdk, &first, &given));
    assert_eq!(doc_id(&send(&mut sdk, &first, &given)), doc);
    let mut other = software(world, SENDER, FORWARD);
    assert_eq!(doc_id(&send(&mut other, &first, &given)), doc);
    docs.push(doc);

    // Without line end; the packet's own recipients; a hash in which the SDK drops a zero, and the proper one.
    let (number, second) = (2..)
        .map(|number| (number, edxml(&RECEIVERS[..1], number)))
        .find(|(_, file)| hash_file(file).len() < 64)
        .unwrap();
    let mut sdk = software(world, SENDER, ADAPTER);
    let short = hash_file(&second);
    let given = [&EDOC[..], &[("hash-file", short.as_str())]].concat();
    let doc = doc_id(&sdk.post("sendEdoc", &given, &second));
    let proper = hash(&second);
    let given = [&EDOC[..], &[("hash-file", proper.as_str())]].concat();
    assert_eq!(doc_id(&sdk.post("sendEdoc", &given, &second)), doc);
    docs.push(doc);

    // As a form, waiting for the box to ask for it.
    let third = edxml(&RECEIVERS[..1], number + 1);
    let mut form =
        b"--x7\r\nContent-Disposition: form-data; name=\"file_doc\"; filename=\"a.edxml\"\r\n\r\n"
            .to_vec();
    form.extend_from_slice(&third);
    form.extend_from_slice(b"\r\n--x7--\r\n");
    let third_hash = hash_file(&third);
    let given = [&EDOC[..], &[("hash-file", third_hash.as_str())]].concat();
    let twist = Twist {
        content_type: Some("multipart/form-data; boundary=x7"),
        expect: true,
        ..Twist::default()
    };
    let answer = sdk.twisted("POST", "sendEdoc", &given, &form, &twist);
    docs.push(doc_id(&answer.json()));

    // To codes of other generations, which name the same member.
    for (number, code) in (number + 2..).zip(ALSO) {
        docs.push(doc_id(&send(&mut sdk, &edxml(&[code], number), &[])));
        let to = json!([code]).to_string();
        let file = edxml(&RECEIVERS[..1], number + 2);
        docs.push(doc_id(&send(&mut sdk, &file, &[("to", &to)])));
        sdk = software(world, SENDER, ADAPTER);
    }

    let mut sdk = software(world, SENDER, FORWARD);
    let sent = rows(&mut sdk, "getSentEdocList", &EDOC, docs.len() + 1).await;
    texts(
        &sent[0],
        &[
            "serviceType",
            "messageType",
            "senderDocId",
            "receiverDocId",
            "fromCode",
            "toCode",
            "title",
            "notation",
            "sendStatus",
            "sendStatusDesc",
            "receiveStatus",
            "receiveStatusDesc",
            "sentTime",
            "receivedTime",
        ],
    );
    let for_first = |row: &&Value| row["toCode"] == RECEIVERS[0];
    let received: Vec<String> = sent
        .iter()
        .filter(for_first)
        .map(|row| row["receiverDocId"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(received.len(), docs.len());
    assert!(received.iter().all(|doc| !docs.contains(doc)));
    received
}

async fn receiving(world: &World, expected: &[String]) {
    // One object for everything: headers of earlier calls come along, signed.
    let mut sdk = software(world, RECEIVERS[0], ADAPTER);
    let listed = rows(&mut sdk, "getReceivedEdocList", &EDOC, expected.len()).await;
    texts(
        &listed[0],
        &[
            "docId",
            "serviceType",
            "messageType",
            "created_time",
            "updated_time",
            "from",
            "to",
            "status",
            "status_desc",
        ],
    );
    assert!(listed.iter().all(|row| row["to"] == RECEIVERS[0]));
    let mut docs: Vec<&str> = listed
        .iter()
        .map(|row| row["docId"].as_str().unwrap())
        .collect();
    docs.sort_unstable();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(docs, expected);
    let count = u64::try_from(docs.len()).unwrap();
    for method in ["POST", "GET"] {
        let body: &[u8] = if method == "POST" { b"{}" } else { b"" };
        let answer = sdk.call(method, "countReceiveEdoc", &[], body).json();
        assert_eq!(succeeded(&answer)["count"], count);
    }

    // The same bytes, as base64 and raw, whole and in part.
    let doc = docs[0];
    let twist = Twist {
        expect: true,
        ..Twist::default()
    };
    let given = [("docId", doc), ("filePath", "C:\\Văn bản\\a=b.edxml")];
    let answer = sdk.twisted("POST", "getEdoc", &given, b"{}", &twist).json();
    let data = succeeded(&answer)["data"].as_str().unwrap();
    let file = data_encoding::BASE64.decode(data.as_bytes()).unwrap();
    assert!(file.starts_with(b"<?xml"));
    let raw = sdk.call("GET", "downloadEdoc", &[("docId", doc)], b"");
    assert_eq!((raw.status, raw.body), (200, file.clone()));
    let raw = part(&mut sdk, doc, "bytes=5-14");
    assert_eq!((raw.status, &raw.body[..]), (206, &file[5..15]));
    let range = format!("bytes 5-14/{}", file.len());
    assert_eq!(raw.header("content-range"), Some(range.as_str()));
    let beyond = part(&mut sdk, doc, "bytes=99999999-");
    assert_eq!(beyond.status, 416);
    refused(&beyond.json(), "21");
    let proof = sdk.call("GET", "proofEdoc", &[("docId", doc)], b"");
    let proof: Value = serde_json::from_slice(&proof.body).unwrap();
    assert!(proof.is_object(), "{proof}");

    // Offered until it is done or failed.
    let say = |sdk: &mut Vxp, name: &str, doc: &str, status: &str| {
        let given = [(name, doc), ("status", status)];
        succeeded(&sdk.post("updateStatus", &given, b"{}"));
    };
    say(&mut sdk, "docId", doc, "processing");
    let listed = rows(&mut sdk, "getReceivedEdocList", &EDOC, docs.len()).await;
    let row = listed.iter().find(|row| row["docId"] == doc).unwrap();
    assert_eq!(row["status"], "processing");
    say(&mut sdk, "docid", doc, "done");
    rows(&mut sdk, "getReceivedEdocList", &EDOC, docs.len() - 1).await;
    let why = "Tệp đính kèm không mở được";
    let given = [("docid", docs[1]), ("status", "fail"), ("description", why)];
    succeeded(&sdk.post("updateStatus", &given, b"{}"));
    let failed = until(async || {
        let answer = software(world, SENDER, ADAPTER).post("getSentEdocList", &EDOC, b"");
        let rows = answer["data"].as_array().unwrap().clone();
        rows.into_iter()
            .find(|row| row["receiverDocId"] == docs[1] && row["receiveStatus"] == "fail")
    })
    .await;
    assert_eq!(failed["receiveStatusDesc"], why);
    // What is said stays said, and dates bound the list.
    let given = [("docid", docs[1]), ("status", "done")];
    refused(&sdk.post("updateStatus", &given, b"{}"), "21");
    let mut sdk = software(world, RECEIVERS[0], ADAPTER);
    let old = [
        &EDOC[..],
        &[("fromDate", "2001-01-01"), ("toDate", "01/02/2001")],
    ]
    .concat();
    rows(&mut sdk, "getReceivedEdocList", &old, 0).await;
}

fn part(sdk: &mut Vxp, doc: &str, range: &str) -> Raw {
    let twist = Twist {
        extra: &[("Range", range)],
        ..Twist::default()
    };
    sdk.twisted("GET", "downloadEdoc", &[("docId", doc)], b"", &twist)
}

/// Status packets are documents of their own kind: sent, listed and counted apart.
async fn statuses(world: &World) {
    let (from, of): (MemberId, MemberId) = (member(RECEIVERS[0]), member(SENDER));
    let packet = status(&from, &of, 1, "03", "Đã vào sổ văn bản đến", now()).unwrap();
    let mut sdk = software(world, RECEIVERS[0], ADAPTER);
    let hash = hash_file(&packet);
    let given = [&STATUS[..], &[("hash-file", hash.as_str())]].concat();
    let body = [&packet[..], b"\r\n"].concat();
    doc_id(&sdk.post("sendEdoc", &given, &body));
    let mut sender = software(world, SENDER, ADAPTER);
    let listed = rows(&mut sender, "getReceivedEdocList", &STATUS, 1).await;
    assert_eq!(listed[0]["messageType"], "status");
    rows(&mut sender, "getReceivedEdocList", &EDOC, 0).await;
    let count = sender.post("countReceiveStatus", &[], b"{}");
    assert_eq!(succeeded(&count)["count"], 1);
    // A status that is declared a document, and the reverse.
    let given = [&EDOC[..], &[("hash-file", hash.as_str())]].concat();
    refused(&sdk.post("sendEdoc", &given, &body), "10");
}

fn agencies(world: &World) {
    let mut sdk = software(world, SENDER, ADAPTER);
    let all = sdk.post("getAgenciesList", &[], b"");
    let all = succeeded(&all)["data"].as_array().unwrap().clone();
    assert_eq!(all.len(), 4);
    let first = all.iter().find(|row| row["code"] == RECEIVERS[0]).unwrap();
    assert_eq!(first["oldCode"], ALSO[1]);
    let level = sdk.post("getAgenciesListQD20", &[("level", "1")], b"");
    let level = succeeded(&level)["data"].as_array().unwrap().clone();
    let first = level
        .iter()
        .find(|row| row["code"] == RECEIVERS[0])
        .unwrap();
    assert_eq!(first["code102"], ALSO[0]);
    let none = sdk.post("getAgenciesListQD20", &[("level", "4")], b"");
    assert_eq!(succeeded(&none)["data"], json!([]));
    let units = sdk.post("getSynchronizeUnit", &[], b"{}");
    let units = succeeded(&units)["data"].as_array().unwrap().clone();
    assert_eq!(units.len(), 4);
    let version = |unit: &Value| unit["version"].as_u64().unwrap();
    let newest = units.iter().map(version).max().unwrap();
    let mut behind = |since: u64| {
        let since = json!({ "version": since }).to_string();
        let newer = sdk.post("getSynchronizeUnit", &[], since.as_bytes());
        succeeded(&newer)["data"].as_array().unwrap().clone()
    };
    assert!(behind(newest).is_empty());
    let changed: Vec<Value> = units
        .iter()
        .filter(|unit| version(unit) == newest)
        .cloned()
        .collect();
    assert_eq!(behind(newest - 1), changed, "what changed last and no more");
    let new =
        json!({"id": 9, "pid": 1, "code": "G22.99", "name": "Đơn vị mới", "mail": "a@example.vn"});
    refused(
        &sdk.post("registerAgency", &[], new.to_string().as_bytes()),
        "21",
    );
    refused(
        &sdk.post("deleteAgency", &[("AgencyCode", SENDER)], b""),
        "21",
    );
    // Service calls are none of the exchange's, and a wrong endpoint is told from them, in JSON both.
    let mut service = software(world, SENDER, FORWARD);
    refused(
        &service.call("POST", "cong-dan/tra-cuu", &[], b"{}").json(),
        "21",
    );
    let lost = software(world, SENDER, "/elsewhere").call("POST", "sendEdoc", &[], b"");
    assert_eq!(lost.status, 404);
    refused(&lost.json(), "21");
}
