//! Every check of a proof, each told by itself; the last word has [`crate::seal::Opener`], which the running boxes use too.

mod lists;
mod seal;
mod stamps;

use super::pieces::{Piece, Proof};
use super::report::{Report, Teller};
use crate::clock::{Moment, rfc3339};
use crate::evidence::{Record, RecordKind};
use crate::packet::{Digest, MemberId};
use crate::seal::Claim;
use crate::trust::Profile;
use lists::Judges;
use seal::{Source, seal};

/// What a proof is held against.
pub(in crate::cmd::evidence) struct Grounds {
    pub(in crate::cmd::evidence) anchors: Vec<Vec<u8>>,
    pub(in crate::cmd::evidence) intermediates: Vec<Vec<u8>>,
    /// Lists beside those of the proof.
    pub(in crate::cmd::evidence) lists: Vec<Vec<u8>>,
    pub(in crate::cmd::evidence) profile: Profile,
    pub(in crate::cmd::evidence) at: Option<Moment>,
    pub(in crate::cmd::evidence) member: Option<MemberId>,
    pub(in crate::cmd::evidence) hub: Option<MemberId>,
    pub(in crate::cmd::evidence) document: Option<(Digest, u64)>,
}

/// Holds a proof against its grounds.
///
/// # Errors
/// When the grounds themselves can't be read.
pub(in crate::cmd::evidence) fn judge(proof: &Proof, grounds: &Grounds) -> Result<Report, String> {
    let mut lists = Vec::new();
    let judges = Judges::new(proof, grounds, &mut lists)?;
    let packet_record = record_of(&proof.packet);
    let (mut receipts, mut witness) = (Vec::new(), None::<(Moment, MemberId)>);
    for piece in &proof.receipts {
        let mut teller = Teller::new(&piece.name);
        let claim = seal(
            &judges,
            piece,
            grounds.at.map(|at| (at, Source::Given)),
            &mut teller,
        );
        if let (Some(claim), Some(packet)) = (claim, &packet_record) {
            let said = about(claim, packet, &mut teller);
            let vouched = said.filter(|said| witnesses(said, packet, grounds.hub.as_ref()));
            if let Some(said) = vouched
                && witness.as_ref().is_none_or(|(at, _)| said.time < *at)
            {
                witness = Some((said.time, said.from));
            }
        }
        receipts.append(&mut teller.lines);
    }
    let mut stamps = Vec::new();
    let stamped = stamps::earliest(&judges, proof, &mut stamps);
    let at = match (grounds.at, stamped, witness) {
        (Some(at), _, _) => Some((at, Source::Given)),
        // A receipt counts before a stamp only where the hub is known that gave it.
        (None, Some(at), Some((witnessed, hub))) if grounds.hub.is_some() && witnessed < at => {
            Some((witnessed, Source::Witness(hub)))
        }
        (None, Some(at), _) => Some((at, Source::Stamp)),
        (None, None, Some((at, hub))) => Some((at, Source::Witness(hub))),
        (None, None, None) => None,
    };
    let mut teller = Teller::new("packet");
    if let Some(claim) = seal(&judges, &proof.packet, at.clone(), &mut teller) {
        packet(claim, grounds, &mut teller);
        time(at.map(|(_, source)| source), grounds, &mut teller);
    }
    let mut report = Report {
        about: packet_record.as_ref().map(told).unwrap_or_default(),
        checks: teller.lines,
    };
    report.checks.append(&mut receipts);
    report.checks.append(&mut stamps);
    report.checks.append(&mut lists);
    Ok(report)
}

fn record_of(piece: &Piece) -> Option<Record> {
    Record::parse(&piece.seal.as_ref().ok()?.record).ok()
}

fn told(record: &Record) -> Vec<String> {
    let mut lines = vec![
        format!("gói / packet: {}", record.packet),
        format!("từ / from: {}", record.from),
    ];
    lines.extend(
        record
            .to
            .iter()
            .map(|to| format!("đến / to: {}", to.member)),
    );
    lines.extend(
        record
            .code
            .iter()
            .map(|code| format!("số, ký hiệu / code: {code}")),
    );
    lines.push(format!("{}, {} byte", record.digest, record.size));
    lines.push(format!("lúc / at: {}", rfc3339(record.time)));
    lines
}

/// Whether a receipt speaks of this packet.
fn about(claim: Claim, packet: &Record, teller: &mut Teller) -> Option<Record> {
    let receipt = match claim.receipt() {
        Ok(receipt) => receipt,
        Err(refused) => return teller.fails("kind", "không phải biên nhận", refused.to_string()),
    };
    let said = receipt.record();
    let same = (said.packet, said.digest, said.size) == (packet.packet, packet.digest, packet.size);
    if !same {
        return teller.fails(
            "subject",
            format!("biên nhận nói về gói khác: {} {}", said.packet, said.digest),
            "the receipt is about another packet",
        );
    }
    let word = said.status.as_deref().unwrap_or(said.kind.as_str());
    let when = rfc3339(said.time);
    teller.holds(
        "subject",
        format!("{} xác nhận đúng gói này: {word}, lúc {when}", said.from),
        format!("{} says of this packet: {word}, at {when}", said.from),
    );
    Some(said.clone())
}

/// Whether a receipt vouches for a time: the hub's *accepted*, nobody's word about itself.
fn witnesses(said: &Record, packet: &Record, hub: Option<&MemberId>) -> bool {
    let accepted = said.kind == RecordKind::Receipt && said.status.as_deref() == Some("accepted");
    let of_hub = match hub {
        Some(hub) => said.from == *hub,
        None => said.from != packet.from && packet.to.iter().all(|to| to.member != said.from),
    };
    accepted && of_hub
}

/// What the time of verification rests on: without a known witness it is as good as the word of whoever had the key.
fn time(source: Option<Source>, grounds: &Grounds, teller: &mut Teller) {
    match source {
        Some(Source::Given | Source::Stamp) => {}
        Some(Source::Witness(_)) if grounds.hub.is_some() => {}
        Some(Source::Witness(hub)) => teller.unsure(
            "time",
            format!("thời điểm do {hub} làm chứng; nếu đó là Trục, thêm --hub {hub}"),
            format!("the time is witnessed by {hub}; if that is the hub, give --hub {hub}"),
        ),
        Some(Source::Signer) | None => teller.unsure(
            "time",
            "không có biên nhận của Trục, thời điểm chỉ do bên ký khai",
            "no receipt of the hub, the time is only what the signer claims",
        ),
    }
}

/// What the packet's seal must say.
fn packet(claim: Claim, grounds: &Grounds, teller: &mut Teller) {
    let record = claim.record().clone();
    if record.kind == RecordKind::Register {
        teller.holds(
            "kind",
            "bản ghi một thay đổi trong danh bạ của Trục",
            "the record of a change in the hub's register",
        );
    } else if record.kind != RecordKind::Packet {
        let kind = record.kind.as_str();
        teller.fails::<()>(
            "kind",
            format!("không phải bản ghi gửi văn bản mà là {kind}"),
            format!("not the record of a packet but of a {kind}"),
        );
    }
    if let Some(member) = &grounds.member {
        let (vi, en) = (
            format!("bên gửi là {}", record.from),
            format!("the sender is {}", record.from),
        );
        if record.from == *member {
            teller.holds("member", vi, en);
        } else {
            let (vi, en) = (
                format!("{vi}, không phải {member}"),
                format!("{en}, not {member}"),
            );
            teller.fails::<()>("member", vi, en);
        }
    }
    let Some((digest, size)) = grounds.document else {
        teller.unsure(
            "document",
            "chưa đối chiếu văn bản (thêm --document)",
            "no document was compared (give --document)",
        );
        return;
    };
    match claim.complete(digest, size) {
        Ok(_) => teller.holds(
            "document",
            "văn bản đúng từng byte với bản đã niêm phong",
            "the document is the sealed one, byte for byte",
        ),
        Err(refused) => {
            teller.fails::<()>(
                "document",
                "văn bản KHÔNG phải bản đã niêm phong",
                refused.to_string(),
            );
        }
    }
}
