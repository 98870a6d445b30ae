//! `trucgate agree`: what can't be undone, proposed by one operator and approved by another.

use std::path::PathBuf;
use std::process::ExitCode;

use super::operator::{CANNOT_ASK, OperatorFile, Whom};
use crate::clock::{Chance, Moment, parse_rfc3339};
use crate::control::agreed::{Action, Approval, Proposal, Signed, head};
use crate::control::key::Key;
use crate::control::{Answer, Ask};
use crate::hub::Epoch;
use crate::merkle::Hash;
use crate::packet::{Digest, MemberId, PacketId};
use crate::signer::wire::Bytes;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Verb {
    /// Người thứ nhất đề nghị / the first person proposes
    #[command(subcommand)]
    Propose(What),
    /// Các đề nghị đang chờ người thứ hai / proposals that wait for the second person
    List,
    /// Người thứ hai xem và duyệt / the second person reads and approves
    Approve {
        /// Mã đề nghị / id of the proposal
        id: PacketId,
        /// Đã đọc và đồng ý / it was read and is agreed to
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum What {
    /// Xoá một đơn vị khỏi danh bạ (tại Trục) / takes a member out of the register (at the hub)
    RemoveMember {
        /// Mã định danh / its code
        member: MemberId,
    },
    /// Thay các CA gốc được tin cậy / puts other trust anchors in place
    ChangeAnchors {
        /// Tệp PEM với mọi CA gốc mới / PEM file with all the new anchors
        file: PathBuf,
    },
    /// Cho nhật ký của một đơn vị vừa khôi phục đi tiếp từ điểm cũ (tại Trục) / lets a restored member's log go on behind an older head (at the hub)
    OpenEpoch {
        /// Mã định danh / its code
        member: MemberId,
        /// Điểm của bản sao lưu, SỐ:GỐC / the backup's head, SIZE:ROOT
        #[arg(long, value_parser = log_head)]
        behind: (u64, Hash),
        /// Điểm mà Trục đã thấy, SỐ:GỐC / the head that the hub has seen, SIZE:ROOT
        #[arg(long, value_parser = log_head)]
        after: (u64, Hash),
    },
    /// Huỷ một cặp khoá trong token / destroys a key pair in the token
    DeleteKey {
        /// Nhãn của khoá / its label
        label: String,
    },
    /// Xoá nội dung văn bản đã xong của một đơn vị, giữ chứng cứ / takes away a member's finished bodies, keeps evidence
    PurgeBodies {
        /// Mã định danh / its code
        member: MemberId,
        /// Xong trước thời điểm này (RFC 3339) / finished before
        #[arg(long, value_parser = moment)]
        before: Moment,
    },
}

fn moment(text: &str) -> Result<Moment, String> {
    parse_rfc3339(text)
        .ok_or_else(|| format!("{text:?}: viết như / written as 2026-03-01T00:00:00Z"))
}

fn log_head(text: &str) -> Result<(u64, Hash), String> {
    head(text).ok_or_else(|| format!("{text:?}: viết như / written as 120:BASE64"))
}

pub(super) fn run(whom: &Whom, verb: Verb) -> ExitCode {
    let done = match verb {
        Verb::List => list(whom),
        Verb::Propose(what) => propose(whom, what),
        Verb::Approve { id, yes } => approve(whom, id, yes),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, reason)) => {
            eprintln!("trucgate: {reason}");
            ExitCode::from(code)
        }
    }
}

type Outcome<T> = Result<T, (u8, String)>;

/// What waits, the machine's code and its time.
fn waiting(whom: &Whom) -> Outcome<(String, Moment, Vec<String>)> {
    match ask(whom, &Ask::Proposals)? {
        Answer::Proposals { at, time, texts } => Ok((at, time, texts)),
        other => Err(odd(&other)),
    }
}

fn list(whom: &Whom) -> Outcome<()> {
    let (_, _, texts) = waiting(whom)?;
    if texts.is_empty() {
        println!("Không có đề nghị nào đang chờ. / No proposal waits.");
    }
    for text in texts {
        println!("{text}");
    }
    Ok(())
}

fn propose(whom: &Whom, what: What) -> Outcome<()> {
    let (content, action) = match what {
        What::RemoveMember { member } => (None, Action::RemoveMember(member)),
        What::OpenEpoch {
            member,
            behind: (size, root),
            after: (old_size, old_root),
        } => {
            let epoch = Epoch {
                member,
                size,
                root,
                old_size,
                old_root,
            };
            (None, Action::OpenEpoch(epoch))
        }
        What::DeleteKey { label } => (None, Action::DeleteKey(label)),
        What::PurgeBodies { member, before } => (None, Action::PurgeBodies { member, before }),
        What::ChangeAnchors { file } => {
            let pem = std::fs::read_to_string(&file)
                .map_err(|error| (1, format!("{}: {error}", file.display())))?;
            let digest = Digest::of(pem.as_bytes());
            (Some(pem), Action::ChangeAnchors(digest))
        }
    };
    let (at, time, _) = waiting(whom)?;
    let person = Person::of(whom)?;
    let text = Proposal {
        id: PacketId::new(time, &Chance::system()),
        at,
        action,
        by: person.name.clone(),
        time,
    }
    .encode();
    let signed = person.sign(text.clone(), time)?;
    match ask(whom, &Ask::Propose { signed, content })? {
        Answer::Proposed(id) => {
            println!(
                "{text}\nĐã đề nghị. Người thứ hai duyệt bằng / proposed; the second person approves it by:\n  trucgate agree approve {id} --yes"
            );
            Ok(())
        }
        other => Err(odd(&other)),
    }
}

fn approve(whom: &Whom, id: PacketId, yes: bool) -> Outcome<()> {
    let (at, time, texts) = waiting(whom)?;
    let found = texts
        .iter()
        .find(|text| Proposal::parse(text).is_some_and(|proposal| proposal.id == id))
        .ok_or_else(|| {
            let reason =
                format!("không có đề nghị {id} đang chờ (đã dùng hoặc quá hạn?) / no such proposal waits: used or run out?");
            (1, reason)
        })?;
    println!("{found}");
    if !yes {
        println!(
            "Đọc kỹ; nếu đồng ý, chạy lại với --yes. / Read it; to agree, run this again with --yes."
        );
        return Ok(());
    }
    let person = Person::of(whom)?;
    let text = Approval {
        id,
        at,
        proposal: Digest::of(found.as_bytes()),
        by: person.name.clone(),
        time,
    }
    .encode();
    let signed = person.sign(text, time)?;
    match ask(whom, &Ask::Approve(signed))? {
        Answer::Done(done) => {
            println!("{done}");
            Ok(())
        }
        other => Err(odd(&other)),
    }
}

/// Asks; what is refused becomes an error with its words.
fn ask(whom: &Whom, ask: &Ask) -> Outcome<Answer> {
    match whom.ask(ask) {
        Ok(Answer::Refused(text)) => Err((1, text.to_string())),
        Ok(answer) => Ok(answer),
        Err(reason) => Err((CANNOT_ASK, reason)),
    }
}

fn odd(answer: &Answer) -> (u8, String) {
    (1, format!("câu trả lời lạ / an odd answer: {answer:?}"))
}

/// The operator at this keyboard.
struct Person {
    name: String,
    chain: Vec<Vec<u8>>,
    key: Key,
}

impl Person {
    fn of(whom: &Whom) -> Outcome<Self> {
        let file: OperatorFile = whom.file().map_err(|reason| (1, reason))?;
        let chain = file.chain().map_err(|reason| (1, reason))?;
        let key = Key::open(&file.key).map_err(|error| (1, error.to_string()))?;
        Ok(Self {
            name: file.name,
            chain,
            key,
        })
    }

    fn sign(&self, text: String, time: Moment) -> Outcome<Signed> {
        let cms = self.key.cms(&self.chain, text.as_bytes(), time);
        let cms = Bytes(cms.map_err(|error| (1, error.to_string()))?);
        Ok(Signed { text, cms })
    }
}
