//! Copies and signatures for backups: for a user of this machine alone, since the copy lies in clear.

use std::sync::Arc;

use super::message::{Answer, AskBackup};
use crate::backup::Signature;
use crate::gauge::Text;
use crate::relay::{Error, Relay};
use crate::signer::wire::Bytes;

/// Answers the questions of `trucgate backup`.
pub(super) async fn answer(relay: Option<&Arc<Relay>>, ask: &AskBackup) -> Answer {
    let Some(relay) = relay else {
        return Answer::Refused(Text::new(
            "chỉ máy chủ bảo mật mới sao lưu bằng lệnh này",
            "only a box is backed up by this command",
        ));
    };
    let told = |error: Error| Answer::Refused(Text::new(error.to_string(), error.to_string()));
    match ask {
        AskBackup::Copy => relay.snapshot().await.map_or_else(told, Answer::Copied),
        AskBackup::Sign(digest) => {
            let attested = relay.attest(&Signature::line(*digest)).await;
            attested.map_or_else(told, |head| Answer::Signed {
                checkpoint: Bytes(head.body),
                cms: Bytes(head.cms),
            })
        }
        AskBackup::EndCopy => match relay.end_snapshot().await {
            Ok(()) => Answer::Done(Text::new("đã dọn bản chụp", "the copy is gone")),
            Err(error) => told(error),
        },
    }
}
