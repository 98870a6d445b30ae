//! Scene 7: a circular to 500 recipients, three with boxes, the others listed in the directory only.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::{self, PROVINCES};
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::{Stage, member};

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    let mut to = PROVINCES
        .iter()
        .map(|code| member(code))
        .collect::<Result<Vec<_>, _>>()?;
    to.extend(cast::listed().map_err(|error| error.to_string())?);
    let count = to.len();
    stage.scene(
        7,
        &format!("một thông tư gửi {count} nơi nhận"),
        "A circular goes to 500 recipients",
    );
    let mut draft = stage.draft_to(&to)?;
    draft.subject = "Thông tư gửi các bộ, ngành, địa phương".to_owned();
    draft.type_name = "Thông tư".to_owned();
    stage.ledger.begin(format!("{} thông tư", draft.code()));
    let answer = stage.send(&draft).await?;
    stage.screen.good(
        &format!(
            "VPCP gửi một lần cho {count} nơi; DocId trả sau {} ms",
            answer.time.as_millis()
        ),
        "sent once for all of them",
    );
    let digest = stage.last_digest()?;
    for code in PROVINCES {
        stage.collect(code, digest, By::Get).await?;
    }
    let rest = cast::LISTED;
    stage.ledger.remark(format!(
        "{rest} nơi chỉ có tên trong danh bạ, chưa nối máy chủ bảo mật: văn bản nằm chờ ở Trục"
    ));
    stage.ledger.remark(format!(
        "{rest} are in the directory only, without a box: theirs end at accepted and wait at the hub"
    ));
    stage.screen.good(
        &format!(
            "3 nơi có phần mềm đã nhận; {rest} nơi kia chỉ có trong danh bạ, văn bản chờ ở Trục"
        ),
        "three have software and take it; for the others it waits at the hub",
    );
    stage.screen.took();
    Ok(())
}
