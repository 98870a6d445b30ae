//! An update in words.

use crate::update::{Phase, Stage, Trial};

/// How far it is, in Vietnamese and English.
pub(super) fn phase(phase: Phase) -> (String, String) {
    // Ten lines are enough for a person, and for a serial line.
    let tenths = |read: u64, all: u64| read.saturating_mul(10) / all.max(1);
    match phase {
        Phase::Fetching(read, all) => {
            let tenths = tenths(read, all);
            (
                format!("đang tải gói: {tenths}0 %"),
                format!("fetching the bundle: {tenths}0 %"),
            )
        }
        Phase::Reading(read, all) => {
            let tenths = tenths(read, all);
            (
                format!("đang kiểm tra gói: {tenths}0 %"),
                format!("checking the bundle: {tenths}0 %"),
            )
        }
        Phase::Writing => (
            "gói tốt, đang ghi khe trống".to_owned(),
            "the bundle is good, writing the idle slot".to_owned(),
        ),
    }
}

/// A trial in words.
pub(super) fn trial(trial: &Trial) -> String {
    let (version, previous) = (trial.version, trial.previous);
    match trial.stage {
        Stage::Writing => format!(
            "Ghi phiên bản {version} chưa xong: cập nhật lại / the writing of {version} did not end: update again"
        ),
        Stage::Written => format!(
            "Lần khởi động sau dùng thử {version}, không đạt thì trở lại {previous} / \
             the next start tries {version}; should it fail, {previous} comes back"
        ),
    }
}
