//! Scene 8: the plug is pulled while documents are on their way: at the sending relay, at its signer, at the hub.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cmd::demo::agency::{self, Answer, By};
use crate::cmd::demo::cast::{CAO_BANG, DA_NANG, NGHE_AN, OFFICE, short};
use crate::cmd::demo::documents::Draft;
use crate::cmd::demo::screen::{Fault, seconds};
use crate::cmd::demo::stage::{Stage, Written, member};
use crate::vxp::MessageType;

/// Softwares that send side by side.
const SENDERS: usize = 4;
/// The box that sends.
const SENDING: usize = 0;

pub(super) async fn play(stage: &mut Stage) -> Result<(), Fault> {
    stage.scene(
        8,
        "rút phích cắm giữa chừng",
        "Pulling the plug in mid-flight",
    );
    relay_killed(stage).await?;
    token_away(stage).await?;
    hub_stopped(stage).await?;
    stage.screen.took();
    Ok(())
}

async fn relay_killed(stage: &mut Stage) -> Result<(), Fault> {
    let series = Series::start(stage, NGHE_AN, "mất điện")?;
    let before = series.third().await;
    stage.ledger.remark(
        "relay nơi gửi bị giết giữa chừng rồi chạy lại / the sending relay is killed in mid-flight",
    );
    let mut relay = stage.exchange.boxes[SENDING]
        .main
        .take()
        .ok_or_else(|| "no relay to kill".to_owned())?;
    relay.kill()?;
    stage.screen.good(
        &format!(
            "{} văn bản đang gửi; mới {before} văn bản có DocId thì tiến trình relay nơi gửi bị giết (SIGKILL)",
            series.count
        ),
        "the sending relay is killed while documents are on their way",
    );
    stage.exchange.start_relay(SENDING)?;
    let (count, sent) = (series.count, series.end(stage).await?);
    let repeated: u32 = sent.iter().map(|answer| answer.repeated).sum();
    arrived(stage, NGHE_AN, count).await?;
    stage.screen.good(
        &format!(
            "relay chạy lại, phần mềm gửi lại {repeated} lần: cả {count} văn bản đến Nghệ An, mỗi văn bản đúng một lần"
        ),
        "started again: all of them arrive, each exactly once, though software had to repeat some",
    );
    Ok(())
}

async fn token_away(stage: &mut Stage) -> Result<(), Fault> {
    let series = Series::start(stage, CAO_BANG, "mất token")?;
    let before = series.third().await;
    let mut signer = stage.exchange.boxes[SENDING]
        .signer
        .take()
        .ok_or_else(|| "no signer to kill".to_owned())?;
    signer.kill()?;
    let (count, sent) = (series.count, series.end(stage).await?);
    stage.ledger.remark(
        "signer giữ token bị giết rồi trở lại / the signer with its token is killed, then back",
    );
    stage.screen.good(
        &format!(
            "sau {before} văn bản, tiến trình signer (nơi giữ thiết bị khoá) bị giết: {} văn bản sau vẫn được nhận, {}",
            count - before,
            slowest(&sent)
        ),
        "the signer with its token is gone: documents are still taken, durably, and answered at once",
    );
    let agency = stage.agency(CAO_BANG)?;
    let waiting = count - agency.offered(MessageType::Edoc).await?.len();
    stage.exchange.start_signer(SENDING)?;
    arrived(stage, CAO_BANG, count).await?;
    stage.screen.good(
        &format!(
            "signer trở lại: {waiting} văn bản chưa tới nơi lại đi tiếp ngay, cả {count} đến Cao Bằng, mỗi văn bản đúng một lần"
        ),
        "back again: what had not arrived yet goes on at once, all arrive, each exactly once",
    );
    Ok(())
}

async fn hub_stopped(stage: &mut Stage) -> Result<(), Fault> {
    let series = Series::start(stage, DA_NANG, "Trục dừng")?;
    let before = series.third().await;
    let mut hub = stage
        .exchange
        .hub
        .main
        .take()
        .ok_or_else(|| "no hub to stop".to_owned())?;
    hub.terminate()?;
    let (count, sent) = (series.count, series.end(stage).await?);
    stage
        .ledger
        .remark("Trục dừng rồi chạy lại / the hub is stopped, then started again");
    stage.screen.good(
        &format!(
            "sau {before} văn bản, Trục bị dừng: {} văn bản sau vẫn được nhận, {}",
            count - before,
            slowest(&sent)
        ),
        "the hub is stopped: documents are still taken and answered at once",
    );
    stage.exchange.start_hub()?;
    arrived(stage, DA_NANG, count).await?;
    stage.screen.good(
        &format!("Trục chạy lại: cả {count} văn bản đến Đà Nẵng, mỗi văn bản đúng một lần"),
        "started again: all arrive, each exactly once",
    );
    Ok(())
}

fn slowest(sent: &[Answer]) -> String {
    let slowest = sent.iter().map(|answer| answer.time).max();
    format!(
        "trả lời chậm nhất {}",
        seconds(slowest.unwrap_or(Duration::ZERO))
    )
}

/// All of the series came out, once each, and nothing else.
async fn arrived(stage: &mut Stage, code: &str, count: usize) -> Result<(), Fault> {
    let waiting = format!("chờ {count} văn bản ở {} / waiting for them", short(code));
    stage.screen.passing(&waiting);
    let agency = stage.agency(code)?;
    let taken = agency.collect(MessageType::Edoc, count, By::Get).await?;
    let came: HashSet<_> = taken.iter().map(|one| one.digest).collect();
    let group = stage.ledger.groups.last();
    let sent: HashSet<_> = group
        .iter()
        .flat_map(|group| &group.entries)
        .map(|entry| entry.digest)
        .collect();
    if came == sent && taken.len() == sent.len() {
        Ok(())
    } else {
        Err(Fault::new(
            format!("{} văn bản, mỗi văn bản một lần / each once", sent.len()),
            format!("{} nhận, {} khác nhau / different", taken.len(), came.len()),
        ))
    }
}

type Sent = Vec<(Draft, Written, Answer)>;

/// Documents on their way from several softwares of one agency.
struct Series {
    count: usize,
    answered: watch::Sender<usize>,
    senders: JoinSet<Result<Sent, Fault>>,
}

impl Series {
    fn start(stage: &mut Stage, to: &str, why: &str) -> Result<Self, Fault> {
        let each = if stage.quick { 3 } else { 10 };
        let mut series = Self {
            count: each * SENDERS,
            answered: watch::Sender::new(0),
            senders: JoinSet::new(),
        };
        let mut first = None;
        for _ in 0..SENDERS {
            let mut drafts = Vec::new();
            for _ in 0..each {
                let draft = stage.draft(&[to])?;
                first = first.or(Some(draft.number));
                drafts.push(draft);
            }
            let software = stage.exchange.software(&member(OFFICE)?)?;
            let answered = series.answered.clone();
            series.senders.spawn(async move {
                let mut sent = Vec::new();
                for draft in drafts {
                    let written = Written::in_memory(draft.edxml()?);
                    let (content, digest) = (&written.content, &written.digest);
                    let answer =
                        agency::send(&software, MessageType::Edoc, content, digest).await?;
                    answered.send_modify(|count| *count += 1);
                    sent.push((draft, written, answer));
                }
                Ok(sent)
            });
        }
        let first = first.unwrap_or(0) as usize;
        let last = first + series.count - 1;
        stage.ledger.begin(format!("{first}–{last} {why}"));
        Ok(series)
    }

    /// Waits until a third of them is answered; gives how many are.
    async fn third(&self) -> usize {
        let mut answered = self.answered.subscribe();
        let third = self.count / 3;
        // A sender that failed says so at the end; the wait must not outlast the others.
        let wait = answered.wait_for(|count| *count >= third);
        let _ = tokio::time::timeout(agency::PATIENCE, wait).await;
        *self.answered.borrow()
    }

    /// Waits until all are answered and enters them.
    async fn end(mut self, stage: &mut Stage) -> Result<Vec<Answer>, Fault> {
        let mut answers = Vec::new();
        while let Some(sender) = self.senders.join_next().await {
            let progress = format!("{}/{} DocId", *self.answered.borrow(), self.count);
            stage.screen.passing(&progress);
            for (draft, written, answer) in sender.map_err(|error| error.to_string())?? {
                stage.enter(&draft.from, &draft.to, MessageType::Edoc, &written, answer);
                answers.push(answer);
            }
        }
        Ok(answers)
    }
}
