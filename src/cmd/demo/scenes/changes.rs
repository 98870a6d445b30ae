//! Scene 4: a document is replaced, another one is recalled; neither change overtakes what it changes.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::CAO_BANG;
use crate::cmd::demo::documents::Draft;
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::Stage;
use crate::packet::{Kind, Priority};
use crate::vxp::MessageType;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        4,
        "thay thế và thu hồi văn bản",
        "A replacement and a recall",
    );
    let wrong = stage.draft(&[CAO_BANG])?;
    let gone = stage.draft(&[CAO_BANG])?;
    let replacement = change(stage, Kind::Replacement, &wrong)?;
    let recall = change(stage, Kind::Recall, &gone)?;
    let sent = [
        (&wrong, "công văn"),
        (&gone, "công văn"),
        (&replacement, "thay thế"),
        (&recall, "thu hồi"),
    ];
    for (draft, what) in sent {
        stage.ledger.begin(format!("{} {what}", draft.code()));
        stage.send(draft).await?;
    }
    stage.screen.good(
        &format!(
            "VPCP gửi {} và {}, rồi {} thay thế văn bản thứ nhất và {} thu hồi văn bản thứ hai, hỏa tốc",
            wrong.code(),
            gone.code(),
            replacement.code(),
            recall.code()
        ),
        "two documents, then at express priority a replacement of the first and a recall of the second",
    );
    let agency = stage.agency(CAO_BANG)?;
    let taken = agency.collect(MessageType::Edoc, 4, By::Get).await?;
    for (change, old, kind) in [
        (&replacement, &wrong, Kind::Replacement),
        (&recall, &gone, Kind::Recall),
    ] {
        let place = |code: String| {
            let at = taken
                .iter()
                .position(|t| t.envelope.code().as_ref() == Some(&code));
            at.ok_or_else(|| Fault::new(code, "không thấy / not there"))
        };
        let (first, second) = (place(old.code())?, place(change.code())?);
        let read = &taken[second].envelope;
        let names = read.refs.iter().any(|named| named.ends_with(&old.code()));
        if first > second || read.kind != kind || !names {
            return Err(Fault::new(
                format!("{} ({kind:?}) sau / after {}", change.code(), old.code()),
                format!("{:?}, {:?}", read.kind, read.refs),
            ));
        }
    }
    stage.screen.good(
        "Cao Bằng nhận đúng thứ tự: lệnh thay thế và thu hồi không vượt văn bản mà chúng nhắc đến",
        "Cao Bằng gets them in order: no change overtakes the document that it names, for all its priority",
    );
    stage.screen.took();
    Ok(())
}

fn change(stage: &mut Stage, kind: Kind, old: &Draft) -> Result<Draft, Fault> {
    let mut draft = stage.draft(&[CAO_BANG])?;
    draft.kind = kind;
    draft.priority = Priority::Express;
    draft.names = Some((old.from.clone(), old.number));
    draft.subject = match kind {
        Kind::Recall => format!("Thu hồi văn bản {}", old.code()),
        _ => format!("Thay thế văn bản {}", old.code()),
    };
    Ok(draft)
}
