//! `trucgate demo 2019`: the seven weeks before the opening, replayed with as many members, security servers, documents and
//! deliveries as were announced, on moved clocks; and the announcement's figures, counted from the evidence.

mod board;
mod members;
mod replay;
mod report;
mod weeks;

use time::macros::datetime;

use super::exchange::Exchange;
use super::ground::Ground;
use super::screen::{Fault, Screen, seconds};
use crate::clock::Moment;
use crate::packet::MemberId;
use crate::provision::lab::{BoxPlan, MemberPlan, Plan};
use crate::provision::token::Kind;
use replay::Replay;

/// Half past eight in Hà Nội, on the first of the days.
const FIRST: Moment = datetime!(2019-01-19 01:30 UTC);

/// Who takes part, in the directory's order.
struct Cast {
    members: Vec<(MemberId, String)>,
    silent: usize,
}

impl Cast {
    fn new() -> Result<Self, String> {
        let members: Vec<(MemberId, String)> = members::all()
            .into_iter()
            .map(|(code, name)| Ok((code.parse::<MemberId>()?, name)))
            .collect::<Result<_, crate::packet::Malformed>>()
            .map_err(|error| error.to_string())?;
        let silent = members
            .iter()
            .position(|(code, _)| code.as_str() == members::SILENT)
            .ok_or("nobody is silent")?;
        Ok(Self { members, silent })
    }

    /// A box for each of the first 63, one for all others.
    fn plan(&self, clock: &std::path::Path) -> Result<Plan, String> {
        let member = |(code, name): &(MemberId, String)| MemberPlan {
            code: code.clone(),
            name: name.clone(),
        };
        let (own, shared) = self.members.split_at(members::DEDICATED);
        let homes = own.chunks(1).chain([shared]).zip(2..);
        let boxes = homes.map(|(home, number)| {
            let code = format!("00.{number:02}.W00").parse();
            Ok(BoxPlan {
                code: code.map_err(|error: crate::packet::Malformed| error.to_string())?,
                members: home.iter().map(member).collect(),
            })
        });
        Ok(Plan {
            hub: "00.01.W00"
                .parse()
                .map_err(|error: crate::packet::Malformed| error.to_string())?,
            boxes: boxes.collect::<Result<_, String>>()?,
            listed: Vec::new(),
            seal_keys: Kind::P256,
            slow_token_ms: None,
            clock: Some(clock.to_owned()),
        })
    }
}

/// Plays; whether the figures are those that were announced and the proofs hold.
pub(super) async fn play(ground: &Ground, screen: &mut Screen) -> Result<(Exchange, bool), Fault> {
    screen.heading(
        "trucgate: bảy tuần trước ngày khai trương Trục liên thông (19/01 - 08/03/2019)",
        "trucgate: the seven weeks before the opening, replayed",
    );
    let cast = Cast::new()?;
    let clock = ground.path().join("clock");
    replay::turn(&clock, FIRST)?;
    screen.passing("tạo CA thử nghiệm, 65 token và khoá / a TEST authority, 65 tokens, keys");
    let executable = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut exchange = Exchange::lay(&cast.plan(&clock)?, ground.path(), &executable)?;
    screen.passing("khởi động 130 tiến trình / starting 130 processes");
    board::describe(&exchange, &cast, ground.path())?;
    exchange.start_all()?;
    let time = seconds(screen.elapsed());
    screen.good(
        "95 cơ quan (31 bộ, ngành; 63 địa phương; Văn phòng Trung ương Đảng), 63 máy chủ bảo mật riêng, 1 máy chung cho 32 cơ \
         quan, Trục: 130 tiến trình thật",
        &format!("95 members, 63 boxes of their own, one shared by 32, the hub: 130 real processes ({time})"),
    );
    let letters = weeks::letters(cast.members.len(), cast.silent);
    let mut replay = Replay::begin(&exchange, &cast.members, &clock)?;
    for (day, letters) in letters.iter().enumerate() {
        replay.day(day, letters, screen).await?;
    }
    screen.took();
    let mut holds = report::tell(&exchange, &cast, &mut replay, screen).await?;
    holds &= board::show(&exchange, &replay, ground.path(), screen).await?;
    Ok((exchange, holds))
}
