//! x
use std::path::Path;
use std::time::Duration;

use super::exchange::Exchange;
use crate::packet::writer::*;
use crate::provision::lab::*;
use crate::provision::token::Kind;
use crate::vxp::client::Sending;
use crate::vxp::{MessageType, Transport};

pub(super) async fn run(directory: &Path) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(directory);
    let member = |code: &str, name: &str| MemberPlan {
        code: code.parse().unwrap(),
        name: name.into(),
    };
    let plan = Plan {
        hub: "00.01.W00".parse().unwrap(),
        boxes: vec![
            BoxPlan {
                code: "00.02.W00".parse().unwrap(),
                members: vec![member("000.00.00.G09", "VPCP")],
            },
            BoxPlan {
                code: "00.03.W00".parse().unwrap(),
                members: vec![
                    member("000.00.00.H41", "Nghệ An"),
                    member("000.00.00.H14", "Cao Bằng"),
                ],
            },
        ],
        listed: vec![],
        seal_keys: Kind::Rsa2048,
        slow_token_ms: None,
        clock: None,
    };
    let exe = std::env::current_exe().unwrap();
    let t = std::time::Instant::now();
    let exchange = Exchange::start(&plan, &std::path::absolute(directory).unwrap(), &exe)?;
    eprintln!("started in {:?}", t.elapsed());
    let a = exchange.software(&"000.00.00.G09".parse().unwrap())?;
    let b = exchange.software(&"000.00.00.H41".parse().unwrap())?;
    let doc = std::fs::read("tests/documents/good/new_g2.edxml").unwrap();
    let sending = Sending {
        from: None,
        to: Some(vec!["000.00.00.H41".into(), "000.00.00.H14".into()]),
        message_type: MessageType::Edoc,
    };
    let r = a.send(&sending, doc.clone().into()).await;
    eprintln!("{r:?} {:?}", t.elapsed());
    let id = loop {
        let r = b
            .received(MessageType::Edoc)
            .await
            .map_err(|e| e.to_string())?;
        eprintln!("{:?} {r:?}", t.elapsed());
        if let Some(row) = r.rows().first() {
            break row["docId"].as_str().unwrap().to_owned();
        }
        if t.elapsed() > Duration::from_secs(15) {
            return Err("late".into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    eprintln!("{:?}", b.update_status(&id, Transport::Done, None).await);
    loop {
        let r = a.sent(MessageType::Edoc).await.map_err(|e| e.to_string())?;
        eprintln!("{:?} {r:?}", t.elapsed());
        if r.rows().iter().any(|row| row["receiveStatus"] == "done") {
            break;
        }
        if t.elapsed() > Duration::from_secs(15) {
            return Err("late".into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}
