//! Copies for backups, and the box's word on files of its own: for a user of this machine alone, since a copy lies in clear.

use std::sync::Arc;

use super::message::{Answer, AskBackup};
use crate::gauge::Text;
use crate::packet::Digest;
use crate::relay::{Error, Relay};
use crate::seal::Paper;
use crate::signer::wire::Bytes;

/// Answers the questions of `trucgate backup`.
pub(super) async fn answer(relay: Option<&Arc<Relay>>, ask: &AskBackup) -> Answer {
    let Some(relay) = relay else {
        return Answer::Refused(Text::new(
            "chỉ máy chủ bảo mật mới sao lưu bằng lệnh này",
            "only a box is backed up by this command",
        ));
    };
    match ask {
        AskBackup::Copy => relay.snapshot().await.map_or_else(told, Answer::Copied),
        AskBackup::EndCopy => match relay.end_snapshot().await {
            Ok(()) => Answer::Done(Text::new("đã dọn bản chụp", "the copy is gone")),
            Err(error) => told(error),
        },
    }
}

/// The word of one of the box's members on a file.
pub(super) async fn attest(relay: Option<&Arc<Relay>>, paper: Paper, digest: Digest) -> Answer {
    let Some(relay) = relay else {
        return Answer::Refused(Text::new(
            "chỉ máy chủ bảo mật mới ký tệp của mình",
            "only a box signs files of its own",
        ));
    };
    let attested = relay.attest(&paper.line(digest)).await;
    attested.map_or_else(told, |head| Answer::Signed {
        checkpoint: Bytes(head.body),
        cms: Bytes(head.cms),
    })
}

fn told(error: Error) -> Answer {
    Answer::Refused(Text::same(error))
}
