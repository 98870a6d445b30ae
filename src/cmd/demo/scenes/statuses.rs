//! Scene 6: what became of a document at its recipient goes back as status packets, a refusal with its reason among them.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::{CAO_BANG, DA_NANG, OFFICE, short};
use crate::cmd::demo::documents::Draft;
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::Stage;
use crate::vxp::MessageType;

const STEPS: [(&str, &str, &str); 4] = [
    ("01", "đã đến", "arrived"),
    ("03", "đã tiếp nhận", "taken in"),
    ("05", "đang xử lý", "being processed"),
    ("06", "đã hoàn thành", "completed"),
];
const REASON: &str = "Gửi nhầm cơ quan: không thuộc thẩm quyền giải quyết";

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        6,
        "trạng thái xử lý trở về: 01, 03, 05, 06 và một từ chối 02",
        "Status packets 01, 03, 05, 06 and one refusal 02 go back",
    );
    let taken = sent_and_taken(stage, DA_NANG).await?;
    for (code, vi, en) in STEPS {
        answered(stage, DA_NANG, &taken, code, vi).await?;
        stage.screen.good(
            &format!("Đà Nẵng → VPCP: {code} {vi}, về văn bản {}", taken.code()),
            en,
        );
    }
    let refused = sent_and_taken(stage, CAO_BANG).await?;
    answered(stage, CAO_BANG, &refused, "02", REASON).await?;
    stage.ledger.remark(format!("lý do / reason: “{REASON}”"));
    stage.screen.good(
        &format!(
            "Cao Bằng → VPCP: 02 từ chối văn bản {}: “{REASON}”",
            refused.code()
        ),
        "refused, and the sender reads the reason",
    );
    stage.screen.took();
    Ok(())
}

async fn sent_and_taken(stage: &mut Stage, to: &str) -> Result<Draft, Fault> {
    let draft = stage.draft(&[to])?;
    stage.ledger.begin(format!("{} công văn", draft.code()));
    stage.send(&draft).await?;
    stage.collect(to, stage.last_digest()?, By::Get).await?;
    Ok(draft)
}

/// A status goes back, and the original sender's software reads it.
async fn answered(
    stage: &mut Stage,
    from: &str,
    about: &Draft,
    code: &str,
    description: &str,
) -> Result<(), Fault> {
    stage
        .ledger
        .begin(format!("trạng thái {code} về {}", about.number));
    stage.send_status(from, about, code, description).await?;
    let office = stage.agency(OFFICE)?;
    let taken = office.collect(MessageType::Status, 1, By::Get).await?;
    let read = &taken[0].envelope;
    let holds = read.status.as_deref() == Some(code)
        && read.reason.as_deref() == Some(description)
        && read.from.as_str() == from;
    if holds {
        Ok(())
    } else {
        Err(Fault::new(
            format!("{code} {description} từ / from {}", short(from)),
            format!("{:?} {:?} {}", read.status, read.reason, read.from),
        ))
    }
}
