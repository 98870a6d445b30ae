//! Where a document is, asked at both boxes and at the hub, and by those who may not know.

use serde_json::Value;
use trucgate::cmd::demo::documents::status as status_packet;
use trucgate::vxp::{MessageType, Transport};

use crate::world::machines::Who::{self, Hub, Receiver, ReceiverSigner, Sender};
use crate::world::operators::{Operator, employ, operator};
use crate::world::{
    RECEIVERS, SENDER, World, collect, document, member, now, received, send, sending, until,
};

/// What `trucgate trace` says there; empty when it says that nothing is there.
fn traces(world: &World, who: Who, what: &str) -> Vec<Value> {
    let socket = world.machine(who).state().join("control.sock");
    let output = std::process::Command::new(crate::world::executable())
        .args(["trace", what, "--json", "--socket"])
        .arg(socket)
        .output()
        .unwrap();
    read(&output)
}

fn read(output: &std::process::Output) -> Vec<Value> {
    let error = String::from_utf8_lossy(&output.stderr);
    let all: Vec<Value> =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    assert_eq!(
        output.status.code(),
        Some(i32::from(all.is_empty())),
        "{error}"
    );
    all
}

/// Where the document stands on its way to a recipient.
fn place<'a>(trace: &'a Value, to: &str) -> &'a str {
    leg(trace, to)["now"]["place"].as_str().unwrap()
}

fn leg<'a>(trace: &'a Value, to: &str) -> &'a Value {
    let legs = trace["legs"].as_array().unwrap();
    let found = legs.iter().find(|leg| leg["to"]["code"] == to);
    found.unwrap_or_else(|| panic!("no {to} in {trace:#}"))
}

fn steps(leg: &Value) -> Vec<&str> {
    let hops = leg["hops"].as_array().unwrap();
    hops.iter()
        .map(|hop| hop["step"].as_str().unwrap())
        .collect()
}

/// Every seal that is told of was verified, and none was found wanting.
fn all_proven(trace: &Value, at_least: usize) {
    let legs = trace["legs"].as_array().unwrap();
    let hops = legs.iter().flat_map(|leg| leg["hops"].as_array().unwrap());
    let all: Vec<&Value> = trace["hops"]
        .as_array()
        .unwrap()
        .iter()
        .chain(hops)
        .collect();
    let proofs: Vec<&&Value> = all.iter().filter(|hop| hop["proof"].is_object()).collect();
    assert!(proofs.len() >= at_least, "{trace:#}");
    for hop in proofs {
        assert_eq!(hop["proof"]["holds"], true, "{hop:#}");
        assert_eq!(hop["proof"]["digest"].as_str().unwrap().len(), 71);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clerk_sees_every_hop_and_what_it_waits_for() {
    let mut world = World::start();
    let [taker, waiter, _] = RECEIVERS;
    let draft = document(&[taker, waiter], 7_816);
    let (code, subject) = (draft.code(), draft.subject.clone());
    let doc = send(&world.software(SENDER), draft.edxml().unwrap()).await;
    let software = world.software(taker);
    let theirs = collect(&software).await;
    let status = status_packet(
        &member(taker),
        &member(SENDER),
        7_816,
        "03",
        "Đã vào sổ",
        now(),
    )
    .unwrap();
    let reply = software
        .send(&sending(MessageType::Status), status.into())
        .await
        .unwrap();
    assert!(reply.is_ok(), "{reply:?}");
    received(&world.software(waiter), 1).await;

    // The sender's box, by all that the document is called.
    let told = until(async || {
        let told = traces(&world, Sender, &code).pop()?;
        let there = steps(leg(&told, taker)) == ["delivered", "collected", "status"];
        (there && place(&told, waiter) == "offered").then_some(told)
    })
    .await;
    assert_eq!(place(&told, taker), "arrived");
    assert_eq!(told["subject"], subject);
    assert_eq!(told["hops"].as_array().unwrap().len(), 3, "{told:#}");
    all_proven(&told, 5);
    for name in [
        &doc,
        &code.to_lowercase(),
        told["document"].as_str().unwrap(),
    ] {
        assert_eq!(traces(&world, Sender, name)[0]["packet"], doc, "{name}");
    }
    let printed = std::process::Command::new(crate::world::executable())
        .args(["trace", &code, "--socket"])
        .arg(world.machine(Sender).state().join("control.sock"))
        .output()
        .unwrap();
    let printed = String::from_utf8(printed.stdout).unwrap();
    for line in [
        "Cần làm:",
        "Trạng thái 03: đã tiếp nhận",
        "chờ phần mềm nơi nhận lấy",
        "✓",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }

    // The hub: the envelope, never a word of the document.
    let told = until(async || {
        traces(&world, Hub, &code)
            .pop()
            .filter(|t| steps(leg(t, taker)).len() == 3)
    })
    .await;
    assert_eq!(
        (place(&told, taker), place(&told, waiter)),
        ("arrived", "offered")
    );
    all_proven(&told, 5);
    let all = told.to_string();
    assert!(
        !all.contains(&subject) && !all.contains("Đã vào sổ"),
        "{all}"
    );
    for name in [&theirs, &doc] {
        assert_eq!(traces(&world, Hub, name)[0]["packet"], doc, "{name}");
    }

    // A recipient's box: its members' own legs.
    let told = traces(&world, Receiver, &theirs);
    assert_eq!(
        (told.len(), told[0]["legs"].as_array().unwrap().len()),
        (1, 1)
    );
    assert_eq!(
        steps(leg(&told[0], taker)),
        ["delivered", "collected", "status"]
    );
    all_proven(&told[0], 3);

    // A box that can't be reached: it waits at the hub, and the clerk is told whom to ask.
    world.kill(Receiver);
    world.kill(ReceiverSigner);
    let draft = document(&[waiter], 7_817);
    let code = draft.code();
    let doc = send(&world.software(SENDER), draft.edxml().unwrap()).await;
    let told = until(async || traces(&world, Hub, &doc).pop()).await;
    assert_eq!(place(&told, waiter), "mailbox");
    let todo = leg(&told, waiter)["now"]["todo"]["vi"].as_str().unwrap();
    assert!(todo.contains("nơi nhận kiểm tra máy chủ bảo mật"), "{todo}");
    // And one that can't reach the hub.
    world.kill(Hub);
    let draft = document(&[waiter], 7_818);
    let doc = send(&world.software(SENDER), draft.edxml().unwrap()).await;
    // A box that knows already that its line is away begins no seal; either way the line is named and not the token.
    let told = until(async || {
        let told = traces(&world, Sender, &doc).pop()?;
        let now = &leg(&told, waiter)["now"];
        let state = now["state"]["vi"].as_str().unwrap();
        state.contains("chưa gọi được Trục").then_some(told)
    })
    .await;
    let todo = leg(&told, waiter)["now"]["todo"]["vi"].as_str().unwrap();
    assert!(
        ["unsealed", "unsubmitted"].contains(&place(&told, waiter))
            && todo.contains("đường tới Trục"),
        "{told:#}"
    );
    assert!(traces(&world, Sender, &code).len() == 1);
}

/// Everything that a document of others is called, and guesses at it, asked by an operator of one member.
fn sees_nothing(asks: impl Fn(&str) -> Vec<Value>, names: &[&str]) {
    for name in names {
        assert_eq!(asks(name), Vec::<Value>::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_one_member_sees_nothing_of_another() {
    let mut world = World::start();
    let [own, other, third] = RECEIVERS;
    let eyes: Operator = operator(&world, "Mắt");
    let only = format!("view of {own}");
    let at_box = employ(&mut world, Receiver, &[(&eyes, &only)]);
    let at_hub = employ(&mut world, Hub, &[(&eyes, &only)]);
    let ask = |address: &str, what: &str| {
        read(&eyes.types_from_afar(address, &["trace", what, "--json"]))
    };

    let foreign = document(&[other, third], 1);
    let shared = document(&[own, other], 2);
    let (foreign_code, shared_code) = (foreign.code(), shared.code());
    let software = world.software(SENDER);
    let foreign_doc = send(&software, foreign.edxml().unwrap()).await;
    let shared_doc = send(&software, shared.edxml().unwrap()).await;
    let theirs = received(&world.software(other), 2).await;
    let theirs: Vec<&str> = theirs
        .iter()
        .map(|row| row["docId"].as_str().unwrap())
        .collect();
    for doc in &theirs {
        assert!(
            world
                .software(other)
                .update_status(doc, Transport::Done, None)
                .await
                .unwrap()
                .is_ok()
        );
    }
    received(&world.software(third), 1).await;
    received(&world.software(own), 1).await;
    until(async || {
        traces(&world, Hub, &shared_doc)
            .pop()
            .filter(|t| place(t, own) == "offered")
    })
    .await;

    // The next packet's id but one bit: ids tell nothing by being near.
    let near = format!(
        "{}{}",
        &foreign_doc[..35],
        if foreign_doc.ends_with('0') { "1" } else { "0" }
    );
    let document_id = traces(&world, Hub, &foreign_doc)[0]["document"]
        .as_str()
        .unwrap()
        .to_owned();
    let guesses = [
        &foreign_doc,
        &foreign_code,
        &near,
        &document_id,
        "%",
        "*",
        "' OR 1=1 --",
        "",
        other,
        SENDER,
    ];
    for address in [&at_box, &at_hub] {
        sees_nothing(|what| ask(address, what), &guesses);
        sees_nothing(|what| ask(address, what), &theirs);
        // What they share is seen from its own side alone.
        let told = ask(address, &shared_code);
        assert_eq!(told.len(), 1, "{told:#?}");
        let legs = told[0]["legs"].as_array().unwrap();
        assert_eq!((legs.len(), legs[0]["to"]["code"].as_str()), (1, Some(own)));
        assert!(!told[0].to_string().contains(other), "{told:#?}");
    }
    // Who is restricted by nothing sees all: the guesses were good ones.
    assert_eq!(traces(&world, Hub, &foreign_doc).len(), 1);
    assert_eq!(traces(&world, Receiver, &foreign_code).len(), 2);
}
