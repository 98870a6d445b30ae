//! Scene 3: a document of 60 MB, streamed all the way.

use std::time::Instant;

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::DA_NANG;
use crate::cmd::demo::screen::{Fault, bytes, seconds};
use crate::cmd::demo::stage::{Stage, Written};
use crate::vxp::MessageType;

/// Bytes of the attachment, of which base64 makes a third more.
const ATTACHMENT: u64 = 45_000_000;
const SMALLER: u64 = 3_000_000;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let attachment = if stage.quick { SMALLER } else { ATTACHMENT };
    stage.scene(
        3,
        &format!("một văn bản {} MB", attachment / 750_000),
        "A large document",
    );
    let mut draft = stage.draft(&[DA_NANG])?;
    draft.subject = "Hồ sơ quy hoạch kèm bản đồ".to_owned();
    draft.attachment = attachment;
    let path = stage.directory().join("van-ban-lon.edxml");
    stage.screen.passing("ghi tệp / writing the file");
    let written = Written::in_file(&draft, path).await?;
    let size = written.content.length();
    stage.ledger.begin(format!("{} tệp lớn", draft.code()));
    stage.screen.passing("gửi / sending");
    let answer = stage
        .send_written(&draft.from, &draft.to, MessageType::Edoc, &written)
        .await?;
    stage.screen.good(
        &format!("VPCP gửi {} trong {}", bytes(size), seconds(answer.time)),
        "the Government Office sends it; it flows to disk while it is hashed and read",
    );
    stage
        .screen
        .passing("chờ Đà Nẵng tải về / Đà Nẵng downloads");
    let began = Instant::now();
    stage.collect(DA_NANG, written.digest, By::Download).await?;
    stage.screen.good(
        &format!(
            "Đà Nẵng tải về bằng downloadEdoc sau {}, mã băm SHA-256 trùng khớp",
            seconds(began.elapsed())
        ),
        "Đà Nẵng downloads it; the SHA-256 is the same",
    );
    memory(stage)?;
    stage.screen.took();
    Ok(())
}

/// Flat: what the relays took at most since they started.
fn memory(stage: &mut Stage) -> Result<(), Fault> {
    let mut peaks = Vec::new();
    for number in 0..2 {
        let peak = stage.exchange.relay(number)?.peak_memory();
        peaks.push(peak.map_or("?".to_owned(), bytes));
    }
    stage.screen.note(
        &format!(
            "bộ nhớ nhiều nhất của hai máy chủ bảo mật từ lúc chạy: {}",
            peaks.join(" và ")
        ),
        "peak memory of the two boxes since their start",
    );
    Ok(())
}
