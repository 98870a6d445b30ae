//! Who plays: one ministry with a box of its own, three agencies that share one, and many that are only listed.

use crate::packet::{Malformed, MemberId};
use crate::provision::lab::{BoxPlan, MemberPlan, Plan};
use crate::provision::token::Kind;

/// The Government Office, on a box of its own.
pub(super) const OFFICE: &str = "000.00.00.G22";
/// On the shared box.
pub(super) const NGHE_AN: &str = "000.00.00.H41";
/// On the shared box.
pub(super) const CAO_BANG: &str = "000.00.00.H14";
/// On the shared box.
pub(super) const DA_NANG: &str = "000.00.00.H17";

/// All that have software of their own.
pub(super) const ALL: [&str; 4] = [OFFICE, NGHE_AN, CAO_BANG, DA_NANG];
/// Those on the shared box.
pub(super) const PROVINCES: [&str; 3] = [NGHE_AN, CAO_BANG, DA_NANG];

/// Members that stand in the directory alone.
pub(super) const LISTED: u32 = 497;

/// A short name, for the table.
pub(super) fn short(code: &str) -> &str {
    match code {
        OFFICE => "VPCP",
        NGHE_AN => "Nghệ An",
        CAO_BANG => "Cao Bằng",
        DA_NANG => "Đà Nẵng",
        other => other,
    }
}

/// The name in the directory.
pub(super) fn name(code: &str) -> &str {
    match code {
        OFFICE => "Văn phòng Chính phủ",
        NGHE_AN => "UBND tỉnh Nghệ An",
        CAO_BANG => "UBND tỉnh Cao Bằng",
        DA_NANG => "UBND thành phố Đà Nẵng",
        other => other,
    }
}

/// Departments of provinces, by codes that none of the players has.
pub(super) fn listed() -> Result<Vec<MemberId>, Malformed> {
    (0..LISTED)
        .map(|number| format!("000.00.{:02}.H{:02}", number / 60 + 1, number % 60 + 1).parse())
        .collect()
}

/// What is to be laid out.
pub(super) fn plan() -> Result<Plan, Malformed> {
    let member = |code: &str| {
        Ok(MemberPlan {
            code: code.parse()?,
            name: name(code).to_owned(),
        })
    };
    let only_listed = |code: MemberId| MemberPlan {
        name: format!("Sở, ngành {code} (chỉ có trong danh bạ)"),
        code,
    };
    Ok(Plan {
        hub: "00.01.W00".parse()?,
        boxes: vec![
            BoxPlan {
                code: "00.02.W00".parse()?,
                members: vec![member(OFFICE)?],
            },
            BoxPlan {
                code: "00.03.W00".parse()?,
                members: PROVINCES
                    .map(member)
                    .into_iter()
                    .collect::<Result<_, _>>()?,
            },
        ],
        listed: listed()?.into_iter().map(only_listed).collect(),
        seal_keys: Kind::Rsa2048,
        slow_token_ms: None,
        clock: None,
    })
}
