//! Scene 5: done and fail go back to the sender as sealed receipts.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::{CAO_BANG, NGHE_AN, OFFICE};
use crate::cmd::demo::ledger::End;
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::{Stage, member, sent_rows};
use crate::vxp::{MessageType, Transport};

const REASON: &str = "Tệp đính kèm không mở được";

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        5,
        "biên nhận done và fail trở về nơi gửi",
        "Receipts done and fail go back to the sender",
    );
    let good = stage.draft(&[NGHE_AN])?;
    stage.ledger.begin(format!("{} nhận done", good.code()));
    stage.send(&good).await?;
    stage
        .collect(NGHE_AN, stage.last_digest()?, By::Get)
        .await?;
    let bad = stage.draft(&[CAO_BANG])?;
    stage.ledger.begin(format!("{} nhận fail", bad.code()));
    let answer = stage.send(&bad).await?;
    let agency = stage.agency(CAO_BANG)?;
    let taken = agency.take(MessageType::Edoc, 1, By::Get).await?.remove(0);
    agency
        .confirm(taken.doc, Transport::Fail, Some(REASON))
        .await?;
    stage
        .ledger
        .ends(answer.doc, &member(CAO_BANG)?, End::Failed);
    stage.ledger.remark(format!(
        "đúng kịch bản, Cao Bằng báo fail: “{REASON}” / it fails, as it should"
    ));
    stage.screen.good(
        &format!("phần mềm Nghệ An báo done, phần mềm Cao Bằng báo fail: “{REASON}”"),
        "one software says done, the other fail with a reason",
    );
    stage.settle(OFFICE).await?;
    let rows = sent_rows(&stage.agency(OFFICE)?.software).await?;
    let failed = rows
        .iter()
        .find(|row| row["senderDocId"] == answer.doc.to_string());
    let reason = failed.map_or("null".to_owned(), |row| {
        row["receiveStatusDesc"].to_string()
    });
    if !reason.contains(REASON) {
        return Err(Fault::new(REASON, reason));
    }
    stage.screen.good(
        "VPCP đọc cả hai trong getSentEdocList, lý do còn nguyên; mỗi biên nhận có dấu của nơi nhận",
        "the sender reads both, the reason untouched; each receipt is sealed by its recipient",
    );
    stage.screen.took();
    Ok(())
}
