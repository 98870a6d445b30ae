//! Scene 9: the evidence of every packet is judged, and all of it is told in one table.

use crate::cmd::demo::agency::Agency;
use crate::cmd::demo::cast;
use crate::cmd::demo::ledger::{End, Entry};
use crate::cmd::demo::report::{self, Outcome};
use crate::cmd::demo::scenes::decision::DOCUMENT;
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::Stage;
use crate::cmd::demo::story::shown;
use crate::cmd::demo::verify::{Promised, Verifier, proof_file};
use crate::packet::{DocId, PacketId};
use crate::vxp::MessageType;

/// Whether every row holds.
pub(super) async fn play(stage: &mut Stage) -> Result<bool, Fault> {
    stage.scene(
        9,
        "kiểm chứng bằng chứng của từng gói tin",
        "The evidence of every packet is verified",
    );
    for code in cast::ALL {
        stage.settle(code).await?;
    }
    stage.screen.good(
        "mọi biên nhận đã về tới nơi gửi",
        "all receipts are back at their senders",
    );
    nothing_else(stage).await?;
    stage.screen.good(
        "mỗi nơi nhận đúng số gói tin phải nhận, mỗi gói một lần; không còn gì chờ trong danh sách",
        "every recipient got what it had to, each once; nothing is left in any list",
    );
    let (packets, outcomes) = judge(stage).await?;
    let seals: usize = outcomes.iter().map(|outcome| outcome.promised.seals).sum();
    let holds = outcomes.iter().all(Outcome::holds);
    if holds {
        stage.screen.good(
            &format!(
                "{packets} gói tin, {seals} con dấu: chữ ký, chuỗi chứng thư, thu hồi, danh bạ, nhật ký và mã băm đều đúng"
            ),
            "each seal: signature, chain, revocation, registration, place in the log, digest",
        );
    }
    invite(stage);
    stage.screen.took();
    report::show(&mut stage.screen, &stage.ledger, &outcomes);
    Ok(holds)
}

/// How to do the same by hand for the first document, with its proof and the root alone.
fn invite(stage: &mut Stage) {
    let Some(first) = stage.ledger.entries().next() else {
        return;
    };
    let packet = PacketId::of_sender(first.doc);
    let program = std::env::current_exe().unwrap_or_else(|_| "trucgate".into());
    let directory = stage.directory();
    let line = format!(
        "{} evidence verify --proof {} --document {} --anchors {} --hub {}",
        shown(&program),
        shown(&proof_file(directory, packet)),
        shown(&directory.join(DOCUMENT)),
        shown(&stage.exchange.lab.anchors()),
        stage.exchange.lab.hub.code
    );
    stage.screen.note(
        "ai cũng tự kiểm chứng được, không cần mạng, chỉ cần chứng thư gốc:",
        "anybody can do the same, offline, with nothing but the root certificate:",
    );
    stage.screen.line(&format!("      {line}"));
}

/// Nothing came twice, nothing strange came, nothing waits.
async fn nothing_else(stage: &Stage) -> Result<(), Fault> {
    let due = stage.ledger.due();
    for agency in stage.agencies.values() {
        let due = due.get(&agency.code).copied().unwrap_or(0);
        if agency.taken.len() != due {
            return Err(Fault::new(
                format!("{}: {due} gói tin / packets", agency.short()),
                agency.taken.len().to_string(),
            ));
        }
        for kind in [MessageType::Edoc, MessageType::Status] {
            let left = agency.offered(kind).await?;
            if !left.is_empty() {
                return Err(Fault::new(
                    format!("{}: danh sách trống / an empty list", agency.short()),
                    format!("{left:?}"),
                ));
            }
        }
    }
    Ok(())
}

async fn judge(stage: &mut Stage) -> Result<(usize, Vec<Outcome>), Fault> {
    let verifier = Verifier::new(&stage.exchange.lab)?;
    let all = stage.ledger.entries().count();
    let mut packets = 0;
    let mut outcomes = Vec::new();
    for group in &stage.ledger.groups {
        let mut outcome = Outcome::default();
        for entry in &group.entries {
            packets += 1;
            stage
                .screen
                .passing(&format!("{packets}/{all} gói tin / packets"));
            match judge_one(&stage.agencies, &verifier, entry).await? {
                Ok(promised) => outcome.add(entry, promised),
                Err(problem) => outcome.problems.push(format!("{}: {problem}", entry.doc)),
            }
        }
        outcomes.push(outcome);
    }
    Ok((packets, outcomes))
}

async fn judge_one(
    agencies: &std::collections::HashMap<&'static str, Agency>,
    verifier: &Verifier,
    entry: &Entry,
) -> Result<Result<Promised, String>, Fault> {
    let software = |code: &str| {
        let missing = || Fault::new(code, "không có phần mềm / no software");
        agencies.get(code).ok_or_else(missing)
    };
    let proof = software(entry.from.as_str())?.proof(entry.doc).await?;
    let judged = verifier.sender(entry, &proof);
    let mut promised = match judged.and_then(|p| {
        verifier
            .stranger(entry.doc, &entry.from, &proof)
            .map(|()| p)
    }) {
        Ok(promised) => promised,
        Err(problem) => return Ok(Err(problem)),
    };
    for (to, end) in &entry.ends {
        if *end == End::Accepted {
            continue;
        }
        let doc = DocId::of_recipient(PacketId::of_sender(entry.doc), to);
        let recipient = software(to.as_str())?;
        let Some(taken) = recipient.taken.get(&doc) else {
            return Ok(Err(format!("{to} không nhận / did not get {doc}")));
        };
        if (taken.digest, taken.message_type) != (entry.digest, entry.message_type) {
            return Ok(Err(format!("{to} nhận byte khác / got other bytes")));
        }
        let proof = recipient.proof(doc).await?;
        if let Err(problem) = verifier.recipient(entry, &proof, (taken.digest, taken.size)) {
            return Ok(Err(format!("{to}: {problem}")));
        }
        promised.seals += 1;
    }
    Ok(Ok(promised))
}
