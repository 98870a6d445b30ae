//! What all scenes share: the running exchange, the agencies, the screen, and the ledger of what was sent.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ring::digest::{Context, SHA256};
use serde_json::Value;

use super::agency::{self, Agency, Answer, By, PATIENCE, Taken};
use super::cast::{self, OFFICE};
use super::documents::{self, Draft};
use super::exchange::Exchange;
use super::ledger::{End, Entry, Ledger};
use super::screen::{Fault, Screen};
use crate::clock::Clock;
use crate::durable::{self, Disk};
use crate::https::Content;
use crate::packet::{Digest, MemberId};
use crate::vxp::MessageType;
use crate::vxp::client::Software;

/// The demo under way.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) exchange: Exchange,
    pub(super) screen: Screen,
    pub(super) ledger: Ledger,
    pub(super) agencies: HashMap<&'static str, Agency>,
    /// Smaller and fewer, for tests.
    pub(super) quick: bool,
    /// What is played right now, for the message of a fault.
    pub(super) scene: String,
    clock: Clock,
    number: u32,
}

/// A document ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) content: Content,
    pub(super) digest: Digest,
}

impl Stage {
    pub(super) fn set(exchange: Exchange, screen: Screen, quick: bool) -> Result<Self, Fault> {
        let mut agencies = HashMap::new();
        for code in cast::ALL {
            let agency = Agency {
                code: member(code)?,
                software: exchange.software(&member(code)?)?,
                taken: HashMap::new(),
            };
            agencies.insert(code, agency);
        }
        Ok(Self {
            exchange,
            screen,
            ledger: Ledger::default(),
            agencies,
            quick,
            scene: String::new(),
            clock: Clock::system(),
            number: 0,
        })
    }

    /// Begins a scene.
    pub(super) fn scene(&mut self, number: u32, vi: &str, en: &str) {
        self.scene = format!("Cảnh {number}/9 · {vi} / scene {number}: {en}");
        self.screen.heading(&format!("Cảnh {number}/9 · {vi}"), en);
    }

    pub(super) fn agency(&mut self, code: &str) -> Result<&mut Agency, Fault> {
        self.agencies
            .get_mut(code)
            .ok_or_else(|| Fault::new(code, "không có cơ quan này / no such agency"))
    }

    /// The next document of the Government Office.
    pub(super) fn draft(&mut self, to: &[&str]) -> Result<Draft, Fault> {
        let to: Vec<MemberId> = to
            .iter()
            .map(|code| member(code))
            .collect::<Result<_, _>>()?;
        self.draft_to(&to)
    }

    pub(super) fn draft_to(&mut self, to: &[MemberId]) -> Result<Draft, Fault> {
        self.number += 1;
        Ok(Draft::new(
            &member(OFFICE)?,
            to,
            self.number,
            self.clock.now(),
        ))
    }

    /// Sends a document that fits into memory, and enters it.
    pub(super) async fn send(&mut self, draft: &Draft) -> Result<Answer, Fault> {
        let written = Written::in_memory(draft.edxml()?);
        self.send_written(&draft.from, &draft.to, MessageType::Edoc, &written)
            .await
    }

    /// Sends a status packet about a document of the Government Office, and enters it.
    pub(super) async fn send_status(
        &mut self,
        from: &str,
        about: &Draft,
        code: &str,
        description: &str,
    ) -> Result<Answer, Fault> {
        let from = member(from)?;
        let (of, number, at) = (&about.from, about.number, about.at);
        let written =
            Written::in_memory(documents::status(&from, of, number, code, description, at)?);
        self.send_written(
            &from,
            std::slice::from_ref(of),
            MessageType::Status,
            &written,
        )
        .await
    }

    pub(super) async fn send_written(
        &mut self,
        from: &MemberId,
        to: &[MemberId],
        kind: MessageType,
        written: &Written,
    ) -> Result<Answer, Fault> {
        let software = &self.agency(from.as_str())?.software;
        let answer = agency::send(software, kind, &written.content, &written.digest).await?;
        self.enter(from, to, kind, written, answer);
        Ok(answer)
    }

    /// Enters what was sent: it has to end as *collected* with all that have software.
    pub(super) fn enter(
        &mut self,
        from: &MemberId,
        to: &[MemberId],
        kind: MessageType,
        written: &Written,
        answer: Answer,
    ) {
        let end = |to: &MemberId| {
            if self.agencies.contains_key(to.as_str()) {
                End::Collected
            } else {
                End::Accepted
            }
        };
        let ends = to.iter().map(|to| (to.clone(), end(to))).collect();
        self.ledger.add(Entry {
            doc: answer.doc,
            message_type: kind,
            from: from.clone(),
            size: written.content.length(),
            digest: written.digest,
            ends,
        });
    }

    /// An agency takes one document, compares it with what was sent and confirms it.
    pub(super) async fn collect(
        &mut self,
        code: &str,
        digest: Digest,
        by: By,
    ) -> Result<Taken, Fault> {
        let agency = self.agency(code)?;
        let taken = agency.collect(MessageType::Edoc, 1, by).await?.remove(0);
        same(agency.short(), digest, taken.digest)?;
        Ok(taken)
    }

    /// The digest of what was sent last.
    pub(super) fn last_digest(&self) -> Result<Digest, Fault> {
        let last = self.ledger.entries().last();
        last.map(|entry| entry.digest)
            .ok_or_else(|| Fault::new("một văn bản / a document", "chưa gửi / nothing sent"))
    }

    /// Waits until the sender's list shows each recipient of its packets where it has to end.
    pub(super) async fn settle(&mut self, code: &str) -> Result<(), Fault> {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
        let end = Instant::now() + PATIENCE;
        loop {
            tick.tick().await;
            let software = &self.agency(code)?.software;
            let rows = sent_rows(software).await?;
            let open = self.open_rows(code, &rows);
            let Some(first) = open.first() else {
                return Ok(());
            };
            if Instant::now() > end {
                return Err(Fault::new(
                    "mọi biên nhận đã về tới nơi gửi / all receipts are back at the sender",
                    format!("còn thiếu {} / missing {}: {first}", open.len(), open.len()),
                ));
            }
            let left = format!("chờ {} biên nhận / waiting for receipts", open.len());
            self.screen.passing(&left);
        }
    }

    /// What does not stand yet where it has to, in words.
    fn open_rows(&self, code: &str, rows: &[Value]) -> Vec<String> {
        let key = |doc: &str, to: &str| format!("{doc} {to}");
        let known: HashMap<String, &Value> = rows
            .iter()
            .map(|row| {
                let text = |name: &str| row[name].as_str().unwrap_or_default();
                (key(text("senderDocId"), text("toCode")), row)
            })
            .collect();
        let mut open = Vec::new();
        let ours = self.ledger.entries().filter(|e| e.from.as_str() == code);
        for entry in ours {
            for (to, end) in &entry.ends {
                let wanted = match end {
                    End::Collected => "done",
                    End::Failed => "fail",
                    End::Accepted => "initial",
                };
                let row = known.get(&key(&entry.doc.to_string(), to.as_str()));
                let holds = row.is_some_and(|row| {
                    row["sendStatus"] == "done" && row["receiveStatus"] == wanted
                });
                if !holds {
                    let came = row.map_or("null".to_owned(), ToString::to_string);
                    open.push(format!("{} → {to}: {wanted} ≠ {came}", entry.doc));
                }
            }
        }
        open
    }

    /// Where the demo's files lie.
    pub(super) fn directory(&self) -> &Path {
        self.exchange.lab.directory()
    }
}

/// All rows of `getSentEdocList`, documents and statuses.
pub(super) async fn sent_rows(software: &Software) -> Result<Vec<Value>, Fault> {
    let mut rows = Vec::new();
    for kind in [MessageType::Edoc, MessageType::Status] {
        let reply = software.sent(kind).await;
        let reply = reply.map_err(|error| Fault::new("getSentEdocList", error.to_string()))?;
        rows.extend_from_slice(agency::fine("getSentEdocList", reply)?.rows());
    }
    Ok(rows)
}

impl Written {
    pub(super) fn in_memory(bytes: Vec<u8>) -> Self {
        Self {
            digest: Digest::of(&bytes),
            content: Content::from(crate::https::Bytes::from(bytes)),
        }
    }

    /// Writes a document of any size to a file, in flat memory.
    pub(super) async fn in_file(draft: &Draft, path: PathBuf) -> Result<Self, Fault> {
        let (draft, file) = (draft.clone(), path.clone());
        let digest = tokio::task::spawn_blocking(move || -> Result<Digest, String> {
            let tee = Tee {
                file: Disk::real().draft(&file).map_err(told)?,
                hash: Context::new(&SHA256),
            };
            let tee = draft.write(tee)?;
            tee.file.finish().map_err(told)?;
            let mut digest = [0; 32];
            digest.copy_from_slice(tee.hash.finish().as_ref());
            Ok(Digest::from_bytes(digest))
        });
        let digest = digest.await.map_err(told)??;
        let content = Content::new().then_file(&path, None).await.map_err(told)?;
        Ok(Self { content, digest })
    }
}

struct Tee {
    file: durable::Draft,
    hash: Context,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.append(bytes)?;
        self.hash.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What was sent came out, byte for byte.
pub(super) fn same(who: &str, sent: Digest, came: Digest) -> Result<(), Fault> {
    if sent == came {
        Ok(())
    } else {
        Err(Fault::new(
            format!("{who}: {sent}"),
            format!("byte khác / other bytes: {came}"),
        ))
    }
}

pub(super) fn member(code: &str) -> Result<MemberId, Fault> {
    code.parse()
        .map_err(|_| Fault::new("mã định danh / a member's code", code))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
