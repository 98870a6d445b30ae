//! Scene 1: a decision with a PDF goes to one agency.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::NGHE_AN;
use crate::cmd::demo::screen::{Fault, bytes};
use crate::cmd::demo::stage::Stage;
use crate::durable::Disk;

/// The document's file, below the demo's directory.
pub(super) const DOCUMENT: &str = "van-ban-1.edxml";

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        1,
        "một quyết định kèm tệp PDF gửi một cơ quan",
        "A decision with a PDF attachment goes to one agency",
    );
    let mut draft = stage.draft(&[NGHE_AN])?;
    draft.subject = "Quyết định phê duyệt kế hoạch liên thông văn bản điện tử".to_owned();
    draft.type_name = "Quyết định".to_owned();
    draft.attachment = 180_000;
    // Kept for those who verify its proof by hand.
    Disk::real()
        .replace(&stage.directory().join(DOCUMENT), &draft.edxml()?)
        .map_err(|error| error.to_string())?;
    stage.ledger.begin(format!("{} quyết định", draft.code()));
    let answer = stage.send(&draft).await?;
    stage.screen.good(
        &format!(
            "VPCP gửi quyết định {}; máy chủ bảo mật của VPCP đã ghi bền và trả DocId sau {} ms",
            draft.code(),
            answer.time.as_millis()
        ),
        "the Government Office sends it; its box keeps it durably, then answers with a DocId",
    );
    let taken = stage
        .collect(NGHE_AN, stage.last_digest()?, By::Get)
        .await?;
    let attached = taken.envelope.attachments.first();
    stage.screen.good(
        &format!(
            "Nghệ An nhận: “{}”, kèm {} ({}), đúng từng byte",
            taken.envelope.subject.as_deref().unwrap_or_default(),
            attached.map_or("không có tệp", |file| file.name.as_str()),
            bytes(taken.size),
        ),
        "Nghệ An takes it with its attachment, the same byte for byte, and says done",
    );
    stage.screen.took();
    Ok(())
}
