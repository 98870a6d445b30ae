//! Time stamps over heads under which the packet's record stands: the earliest one says when the proof existed already.

use super::super::pieces::{Piece, Proof};
use super::super::report::{Line, Teller};
use super::lists::Judges;
use super::seal::{Source, seal};
use crate::clock::{Moment, rfc3339};
use crate::trust::Verdict;
use crate::trust::stamp::Stamp;

/// The earliest stamp that holds.
pub(super) fn earliest(judges: &Judges, proof: &Proof, lines: &mut Vec<Line>) -> Option<Moment> {
    let mut earliest = None::<Moment>;
    for (piece, token) in &proof.stamps {
        let mut teller = Teller::new(&piece.name);
        if let Some(at) = one(judges, proof, piece, token, &mut teller) {
            earliest = Some(earliest.map_or(at, |other| other.min(at)));
        }
        lines.append(&mut teller.lines);
    }
    earliest
}

fn one(
    judges: &Judges,
    proof: &Proof,
    piece: &Piece,
    token: &[u8],
    teller: &mut Teller,
) -> Option<Moment> {
    let (stamped, packet) = match (&piece.seal, &proof.packet.seal) {
        (Ok(stamped), Ok(packet)) => (stamped, packet),
        (Err(why), _) | (_, Err(why)) => {
            return teller.fails("form", "không đúng khuôn dạng", why.clone());
        }
    };
    if stamped.record != packet.record {
        return teller.fails(
            "subject",
            "dấu thời gian đi kèm bản ghi khác",
            "the stamped head is shown with another record",
        );
    }
    let stamp = match Stamp::read(token, &stamped.cms) {
        Ok(stamp) => stamp,
        Err(error) => {
            return teller.fails("stamp", "dấu thời gian không hợp lệ", error.to_string());
        }
    };
    let by = match stamp.judge(&judges.plain) {
        Ok(bearer) => bearer.subject,
        Err(refusal) => return teller.fails("stamp", refusal.reason_vi(), refusal.to_string()),
    };
    // All that was sent along must lead to an anchor, so that no changed byte goes unnoticed.
    let lost = stamp
        .chain
        .iter()
        .find_map(|der| judges.plain.chain_for(der).err());
    if let Some(refusal) = lost {
        return teller.fails("stamp", refusal.reason_vi(), refusal.to_string());
    }
    match stamp.judge(&judges.all) {
        Ok(_) => {}
        Err(refusal) if refusal.verdict == Verdict::RevocationUnknown => teller.unsure(
            "revocation",
            "chưa đủ tài liệu thu hồi về máy cấp dấu thời gian",
            format!("the authority of the stamp: {}", refusal.detail),
        ),
        Err(refusal) => {
            return teller.fails("revocation", refusal.reason_vi(), refusal.to_string());
        }
    }
    let when = rfc3339(stamp.time);
    teller.holds(
        "stamp",
        format!("{by} đóng dấu thời gian {when}"),
        format!("stamped at {when} by {by}"),
    );
    seal(judges, piece, Some((stamp.time, Source::Stamp)), teller)?;
    Some(stamp.time)
}
