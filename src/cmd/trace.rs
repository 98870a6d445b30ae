//! `trucgate trace`: where a document is, told by a running box or hub.

use std::process::ExitCode;

use super::operator::{CANNOT_ASK, Whom};
use crate::control::{Answer, Ask};

/// Exit code when there is no such document, or not for the asker.
const NOT_HERE: u8 = 1;

/// Văn bản đang ở đâu / where a document is.
#[derive(Debug, clap::Args)]
#[command(after_help = "Mã thoát / exit codes:
  0  tìm thấy / found
  1  không có ở đây / not here
  3  không hỏi được / nobody could be asked")]
pub(super) struct Arguments {
    /// Số/ký hiệu, DocumentId, DocId hoặc mã gói tin / document code, DocumentId, DocId or packet id
    #[arg(value_name = "WHAT")]
    what: String,
    /// Dạng JSON cho chương trình / as JSON, for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> ExitCode {
    let failed = |reason: &dyn std::fmt::Display| {
        eprintln!("trucgate: {reason}");
        ExitCode::from(CANNOT_ASK)
    };
    let traces = match whom.ask(&Ask::Trace(arguments.what.clone())) {
        Ok(Answer::Traces(traces)) => traces,
        Ok(Answer::Refused(text)) => return failed(&text),
        Ok(other) => return failed(&format!("câu trả lời lạ / an odd answer: {other:?}")),
        Err(reason) => return failed(&reason),
    };
    if arguments.json {
        match serde_json::to_string_pretty(&traces) {
            Ok(json) => println!("{json}"),
            Err(error) => return failed(&error),
        }
    } else {
        for (at, trace) in traces.iter().enumerate() {
            let rule = if at > 0 { "\n" } else { "" };
            print!("{rule}{trace}");
        }
    }
    if traces.is_empty() {
        let what = &arguments.what;
        eprintln!(
            "trucgate: không có văn bản nào tên {what:?} ở đây; hỏi ở máy chủ bảo mật nơi gửi hoặc tại Trục, kiểm tra số/ký hiệu / no document {what:?} is here: ask at its sender's box or at the hub, check its code",
        );
        return ExitCode::from(NOT_HERE);
    }
    ExitCode::SUCCESS
}
