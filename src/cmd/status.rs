//! `trucgate status`: how a running box or hub stands.

use std::process::ExitCode;

use super::operator::{CANNOT_ASK, Whom};
use crate::control::{Answer, Ask};

/// Tình trạng / how all stands.
#[derive(Debug, clap::Args)]
#[command(after_help = "Mã thoát / exit codes:
  0  ổn, kể cả rủi ro đã khai báo / in order, declared risks included
  1  cần xử lý / somebody has to act
  2  liên thông sắp dừng hoặc đã dừng / traffic stops soon or has stopped
  3  không hỏi được / nobody could be asked")]
pub(super) struct Arguments {
    /// Dạng JSON cho máy giám sát / as JSON, for monitoring
    #[arg(long)]
    json: bool,
}

pub(super) fn run(whom: &Whom, arguments: &Arguments) -> ExitCode {
    let report = match whom.ask(&Ask::Status) {
        Ok(Answer::Status(report)) => report,
        Ok(Answer::Refused(text)) => {
            eprintln!("trucgate: {text}");
            return ExitCode::from(CANNOT_ASK);
        }
        Ok(other) => {
            eprintln!("trucgate: câu trả lời lạ / an odd answer: {other:?}");
            return ExitCode::from(CANNOT_ASK);
        }
        Err(reason) => {
            eprintln!("trucgate: {reason}");
            return ExitCode::from(CANNOT_ASK);
        }
    };
    if arguments.json {
        match serde_json::to_string_pretty(&report) {
            Ok(json) => println!("{json}"),
            Err(error) => {
                eprintln!("trucgate: {error}");
                return ExitCode::from(CANNOT_ASK);
            }
        }
    } else {
        print!("{report}");
    }
    ExitCode::from(report.exit_code())
}
