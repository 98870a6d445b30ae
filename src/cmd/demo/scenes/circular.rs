//! Scene 2: a circular goes to three agencies at once.

use crate::cmd::demo::agency::By;
use crate::cmd::demo::cast::PROVINCES;
use crate::cmd::demo::screen::Fault;
use crate::cmd::demo::stage::Stage;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        2,
        "một thông tư gửi ba cơ quan cùng lúc",
        "A circular goes to three agencies at once",
    );
    let mut draft = stage.draft(&PROVINCES)?;
    draft.subject = "Thông tư hướng dẫn trao đổi văn bản điện tử".to_owned();
    draft.type_name = "Thông tư".to_owned();
    stage.ledger.begin(format!("{} thông tư", draft.code()));
    let answer = stage.send(&draft).await?;
    stage.screen.good(
        &format!(
            "VPCP gửi một lần cho ba nơi; DocId trả sau {} ms",
            answer.time.as_millis()
        ),
        "sent once for all three",
    );
    let digest = stage.last_digest()?;
    for code in PROVINCES {
        stage.collect(code, digest, By::Get).await?;
    }
    stage.screen.good(
        "Nghệ An, Cao Bằng và Đà Nẵng (chung một máy chủ bảo mật) mỗi nơi nhận một bản, đúng từng byte",
        "all three, on one shared box, take it under docIds of their own",
    );
    stage.screen.took();
    Ok(())
}
