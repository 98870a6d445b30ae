//! The announcement's sentence and table, from the evidence.

use super::replay::Replay;
use super::{Cast, members, weeks};
use crate::cmd::demo::exchange::Exchange;
use crate::cmd::demo::screen::{Fault, Screen, seconds};
use crate::cmd::demo::table::{Line, Side, lay_out};
use crate::cmd::demo::verify::Verifier;
use crate::hub::statistics::Standing;
use crate::packet::MemberId;

/// Proofs that are judged.
const PROOFS: usize = 100;
/// Members in the table.
const ROWS: usize = 12;

/// Tells the figures; whether they are the announced ones and the proofs hold.
pub(super) async fn tell(
    exchange: &Exchange,
    cast: &Cast,
    replay: &mut Replay<'_>,
    screen: &mut Screen,
) -> Result<bool, Fault> {
    screen.heading(
        "số liệu, tính từ bằng chứng mà Trục giữ",
        "the figures, counted from the evidence that the hub holds",
    );
    let picture = replay.picture().await?;
    let of = |code: &str| {
        let traffic = picture.members.get(code).map(Standing::documents);
        traffic.map_or((0, 0), |traffic| (traffic.sent, traffic.delivered))
    };
    let nation = picture.nation.documents();
    let (sent, received) = (nation.sent, nation.delivered);
    let quiet: Vec<&str> = cast
        .members
        .iter()
        .filter(|(code, _)| of(code.as_str()).0 == 0)
        .map(|(_, name)| name.as_str())
        .collect();
    let got = |(code, _): &&(MemberId, String)| of(code.as_str()).1 > 0;
    let connected = cast.members.iter().filter(got).count();
    let figures = [
        ("cơ quan kết nối", "members connected", 95, connected as u64),
        ("văn bản gửi", "documents sent", weeks::SENT as u64, sent),
        (
            "văn bản nhận",
            "documents received",
            weeks::RECEIVED as u64,
            received,
        ),
        (
            "cơ quan chưa gửi",
            "member that sent none",
            1,
            quiet.len() as u64,
        ),
    ];
    let mut holds = true;
    for (vi, en, announced, counted) in figures {
        let (vi, en) = (
            format!("{vi}: {}, công bố {}", number(counted), number(announced)),
            format!("{en}: {counted}, announced {announced}"),
        );
        if counted == announced {
            screen.good(&vi, &en);
        } else {
            holds = false;
            screen.bad(&vi, &en);
        }
    }
    screen.note(
        &format!(
            "chưa gửi văn bản nào (do bản diễn lại chọn): {}",
            quiet.join(", ")
        ),
        "which member that was in 2019 is this replay's choice",
    );
    table(cast, &of, screen);
    holds &= proofs(exchange, cast, replay, screen).await?;
    let time = seconds(screen.elapsed());
    screen.faint(&format!("    {time}"));
    Ok(holds)
}

fn table(cast: &Cast, of: &dyn Fn(&str) -> (u64, u64), screen: &mut Screen) {
    let mut rows: Vec<(u64, u64, usize)> = cast
        .members
        .iter()
        .enumerate()
        .map(|(place, (code, _))| {
            let (sent, received) = of(code.as_str());
            (sent, received, place)
        })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(*row));
    let head = ["cơ quan", "máy chủ bảo mật", "gửi", "nhận"].map(str::to_owned);
    let mut lines = vec![Line::Cells(head.to_vec()), Line::Rule];
    for (sent, received, place) in &rows[..ROWS.min(rows.len())] {
        let home = if *place < members::DEDICATED {
            "riêng"
        } else {
            "chung"
        };
        lines.push(Line::Cells(vec![
            cast.members[*place].1.clone(),
            home.to_owned(),
            number(*sent),
            number(*received),
        ]));
    }
    lines.push(Line::Remark(format!(
        "và {} cơ quan khác",
        rows.len().saturating_sub(ROWS)
    )));
    screen.line("");
    for line in lay_out(&[Side::Left, Side::Left, Side::Right, Side::Right], &lines) {
        screen.line(&format!("  {line}"));
    }
    screen.line("");
}

/// Judges a hundred proofs from all of the weeks as a stranger would, with the root alone, on the last of the days.
async fn proofs(
    exchange: &Exchange,
    cast: &Cast,
    replay: &Replay<'_>,
    screen: &mut Screen,
) -> Result<bool, Fault> {
    let verifier = Verifier::new(&exchange.lab)?;
    for at in 0..PROOFS {
        let (doc, from) = replay.sent[at * replay.sent.len() / PROOFS];
        let proof = replay.proof(doc, from).await?;
        if let Err(why) = verifier.stranger(doc, &cast.members[from].0, &proof) {
            screen.bad(&format!("bằng chứng của {doc} không đứng vững"), &why);
            return Ok(false);
        }
    }
    screen.good(
        &format!("{PROOFS} bằng chứng lấy trong cả bảy tuần đều đứng vững, chỉ với chứng thư gốc"),
        "a hundred proofs from all of the weeks hold, judged with nothing but the root certificate",
    );
    Ok(true)
}

/// Thousands with points, as Vietnamese writes them.
fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_parted_by_points() {
        assert_eq!(
            [0, 95, 12_257, 1_000_000].map(super::number),
            ["0", "95", "12.257", "1.000.000"]
        );
    }
}
