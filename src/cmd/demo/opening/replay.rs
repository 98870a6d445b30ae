//! One day after the other: its documents are sent, delivered, fetched and confirmed before the clocks move on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::weeks::Letter;
use super::{FIRST, weeks};
use crate::clock::{Clock, Moment};
use crate::cmd::demo::agency;
use crate::cmd::demo::documents::Draft;
use crate::cmd::demo::exchange::Exchange;
use crate::cmd::demo::screen::{Fault, Screen};
use crate::durable::Disk;
use crate::https::Content;
use crate::hub::SCHEMAS;
use crate::hub::statistics::{self, Day, Picture, Window};
use crate::journal::ids;
use crate::packet::{Digest, DocId, MemberId};
use crate::store::Store;
use crate::vxp::client::Software;
use crate::vxp::{MessageType, Transport};

/// Calls of software under way at a time.
const AT_ONCE: usize = 48;
/// How long a day's documents may be on their way.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often is asked what has arrived.
const TICK: Duration = Duration::from_millis(50);
/// Lists of revoked certificates are good for a week.
const LISTS: usize = 3;

const SUBJECTS: [&str; 8] = [
    "V/v triển khai gửi, nhận văn bản điện tử liên thông",
    "V/v báo cáo tình hình thực hiện nhiệm vụ được giao",
    "Giấy mời họp về xây dựng Chính phủ điện tử",
    "V/v góp ý dự thảo Nghị định về định danh và xác thực điện tử",
    "V/v bảo đảm trật tự, an toàn giao thông dịp Tết Nguyên đán Kỷ Hợi 2019",
    "Thông báo kết luận tại cuộc họp về cải cách thủ tục hành chính",
    "V/v phòng, chống bệnh dịch tả lợn châu Phi",
    "V/v cung cấp số liệu kinh tế - xã hội quý I năm 2019",
];

/// The exchange on its way through the weeks.
pub(super) struct Replay<'e> {
    exchange: &'e Exchange,
    members: &'e [(MemberId, String)],
    software: Vec<Arc<Software>>,
    clock: PathBuf,
    pub(super) store: Store,
    /// What was sent, and the place of its sender.
    pub(super) sent: Vec<(DocId, usize)>,
    due: usize,
}

/// Sets all clocks of the exchange.
pub(super) fn turn(file: &Path, to: Moment) -> Result<(), String> {
    let seconds = (to - Clock::system().now()).whole_seconds();
    Disk::real()
        .replace(file, format!("{seconds}\n").as_bytes())
        .map_err(|error| error.to_string())
}

impl<'e> Replay<'e> {
    pub(super) fn begin(
        exchange: &'e Exchange,
        members: &'e [(MemberId, String)],
        clock: &Path,
    ) -> Result<Self, String> {
        // Every document leaves some ten lines in each journal; they lie in the logs.
        for pair in exchange.boxes.iter().chain([&exchange.hub]) {
            for process in [&pair.signer, &pair.main].into_iter().flatten() {
                let _ = process.count_only(&[
                    &ids::PACKET_KEPT,
                    &ids::PACKET_SEALED,
                    &ids::PACKET_ACCEPTED,
                    &ids::PACKET_DELIVERED,
                    &ids::DOCUMENT_COLLECTED,
                    &ids::RECEIPT_VERIFIED,
                    &ids::SIGNER_SIGNATURE,
                ]);
            }
        }
        let database = exchange.lab.hub.state().join("hub.db");
        Ok(Self {
            software: Vec::new(),
            store: Store::open(database, Disk::real(), SCHEMAS).map_err(|e| e.to_string())?,
            exchange,
            members,
            clock: clock.to_owned(),
            sent: Vec::with_capacity(weeks::SENT),
            due: 0,
        })
    }

    /// Plays one day to its end.
    pub(super) async fn day(
        &mut self,
        day: usize,
        letters: &[Letter],
        screen: &mut Screen,
    ) -> Result<(), Fault> {
        let now = FIRST + time::Duration::days(i64::try_from(day).unwrap_or(0));
        turn(&self.clock, now)?;
        if day > 0 && day.is_multiple_of(LISTS) {
            self.exchange.lab.renew_lists(now)?;
            for pair in self.exchange.boxes.iter().chain([&self.exchange.hub]) {
                pair.main
                    .as_ref()
                    .ok_or("a process is gone".to_owned())?
                    .reload()?;
            }
        }
        // An SDK object is as old as its time stamp, which may be a day old and no more.
        let members = self.members.iter();
        let software = members.map(|(code, _)| self.exchange.software(code).map(Arc::new));
        self.software = software.collect::<Result<_, _>>()?;
        self.send(letters, now).await?;
        self.due += letters.iter().map(|letter| letter.to.len()).sum::<usize>();
        screen.passing(&format!(
            "{} {:02}/{:02}/2019: {} văn bản gửi, {} lượt nhận / sent, received",
            bar(day + 1),
            now.day(),
            u8::from(now.month()),
            self.sent.len(),
            self.due
        ));
        self.arrived().await?;
        self.collect(letters).await
    }

    async fn send(&mut self, letters: &[Letter], now: Moment) -> Result<(), Fault> {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for letter in letters {
            let number = self.sent.len() + tasks.len();
            let codes = |place: &usize| self.members[*place].0.clone();
            let to: Vec<MemberId> = letter.to.iter().map(codes).collect();
            let from = self.members[letter.from].0.clone();
            let mut draft = Draft::new(&from, &to, u32::try_from(number).unwrap_or(0) + 1, now);
            SUBJECTS[number % SUBJECTS.len()].clone_into(&mut draft.subject);
            let (software, room, from) = (
                self.software[letter.from].clone(),
                room.clone(),
                letter.from,
            );
            tasks.spawn(async move {
                let _place = room.acquire_owned().await;
                let document = draft.edxml()?;
                let digest = Digest::of(&document);
                let content = Content::new().then_bytes(document);
                let answer = agency::send(&software, MessageType::Edoc, &content, &digest).await?;
                Ok::<_, Fault>((answer.doc, from))
            });
        }
        while let Some(sent) = tasks.join_next().await {
            self.sent.push(sent.map_err(|error| error.to_string())??);
        }
        Ok(())
    }

    /// Waits until the hub holds a *delivered* receipt of every recipient.
    async fn arrived(&self) -> Result<(), Fault> {
        let (mut tick, end) = (tokio::time::interval(TICK), Instant::now() + PATIENCE);
        loop {
            tick.tick().await;
            let received = self.picture().await?.nation.documents().delivered;
            if received == self.due as u64 {
                return Ok(());
            }
            if received > self.due as u64 || Instant::now() > end {
                return Err(Fault::new(
                    format!("{} lượt nhận / received", self.due),
                    received.to_string(),
                ));
            }
        }
    }

    /// The weeks by the evidence that the hub holds, as far as it is counted.
    pub(super) async fn picture(&self) -> Result<Picture, String> {
        let first = Day::of(FIRST);
        let days = i32::try_from(weeks::DAYS).unwrap_or(0);
        let window = Window {
            first,
            last: first.plus(days - 1),
        };
        // What the hub would count within a second or two is counted now.
        let counted = statistics::count(&self.store).await;
        counted.map_err(|error| error.to_string())?;
        statistics::picture(&self.store, window, None)
            .await
            .map_err(|error| error.to_string())
    }

    /// Each recipient's software lists, fetches and confirms what has come.
    async fn collect(&self, letters: &[Letter]) -> Result<(), Fault> {
        let mut expected = vec![0; self.members.len()];
        for to in letters.iter().flat_map(|letter| &letter.to) {
            expected[*to] += 1;
        }
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for (place, count) in expected
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0)
        {
            let (software, room) = (self.software[place].clone(), room.clone());
            let code = self.members[place].0.clone();
            tasks.spawn(async move {
                let _place = room.acquire_owned().await;
                collected(&software, &code, count).await
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.map_err(|error| error.to_string())??;
        }
        Ok(())
    }

    /// The sealed proof of a document, as its sender's box gives it.
    pub(super) async fn proof(&self, doc: DocId, from: usize) -> Result<Vec<u8>, Fault> {
        let told = |error: &dyn std::fmt::Display| Fault::new("proofEdoc", error.to_string());
        let answer = self.software[from].proof(&doc.to_string()).await;
        let mut answer = answer.map_err(|error| told(&error))?;
        let proof = answer.body.read_all(16 << 20).await;
        Ok(proof.map_err(|error| told(&error))?.to_vec())
    }
}

async fn collected(software: &Software, code: &MemberId, count: usize) -> Result<(), Fault> {
    let told = |error: &dyn std::fmt::Display| Fault::new(format!("{code}"), error.to_string());
    let list = software.received(MessageType::Edoc).await;
    let list = list.map_err(|error| told(&error))?;
    if list.rows().len() != count {
        let came = list.rows().len().to_string();
        return Err(Fault::new(
            format!("{code}: {count} văn bản / documents"),
            came,
        ));
    }
    for row in list.rows() {
        let doc = row["docId"].as_str().unwrap_or_default();
        let mut answer = software.download(doc, None).await.map_err(|e| told(&e))?;
        answer.body.read_all(1 << 20).await.map_err(|e| told(&e))?;
        let reply = software.update_status(doc, Transport::Done, None).await;
        let reply = reply.map_err(|error| told(&error))?;
        if !reply.is_ok() {
            return Err(Fault::new("updateStatus", format!("{reply:?}")));
        }
    }
    Ok(())
}

/// How much of the weeks is over.
fn bar(days: usize) -> String {
    const WIDTH: usize = 24;
    let full = days * WIDTH / weeks::DAYS;
    format!("{}{}", "█".repeat(full), "░".repeat(WIDTH - full))
}
