//! Every check of a proof, each told by itself; the last word has [`Opener`], which the running boxes use too.

use std::time::Duration;

use super::pieces::{Piece, Proof};
use super::report::{Report, Teller};
use crate::clock::{Moment, rfc3339};
use crate::evidence::{Record, RecordKind};
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{leaf_hash, verify_inclusion};
use crate::packet::{Digest, MemberId};
use crate::seal::{Claim, Opener, Seal, Sealer};
use crate::trust::{Profile, Purpose, Revocation, Stale, Trust, Verdict, cms, pem};

/// What a proof is held against.
pub(super) struct Grounds {
    pub(super) anchors: Vec<Vec<u8>>,
    pub(super) intermediates: Vec<Vec<u8>>,
    /// Lists beside those of the proof.
    pub(super) lists: Vec<Vec<u8>>,
    pub(super) profile: Profile,
    pub(super) at: Option<Moment>,
    pub(super) member: Option<MemberId>,
    pub(super) hub: Option<MemberId>,
    pub(super) document: Option<(Digest, u64)>,
}

/// Trust with all lists, with each alone, and with none.
struct Judges {
    all: Trust,
    /// An old list may name what a newer one dropped because it has expired since.
    each: Vec<Trust>,
    plain: Trust,
}

/// Where the time of verification comes from.
#[derive(Clone, Copy)]
enum Source {
    Given,
    Witness,
    Signer,
}

/// Holds a proof against its grounds.
///
/// # Errors
/// When the grounds themselves can't be read.
pub(super) fn judge(proof: &Proof, grounds: &Grounds) -> Result<Report, String> {
    let mut lists = Vec::new();
    let judges = Judges::new(proof, grounds, &mut lists)?;
    let packet_record = record_of(&proof.packet);
    let (mut receipts, mut witness) = (Vec::new(), None::<Moment>);
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
            let time = said.and_then(|said| witnessed(&said, packet, grounds.hub.as_ref()));
            if !teller.failed() {
                witness = [witness, time].into_iter().flatten().min();
            }
        }
        receipts.append(&mut teller.lines);
    }
    let at = match (grounds.at, witness) {
        (Some(at), _) => Some((at, Source::Given)),
        (None, Some(at)) => Some((at, Source::Witness)),
        (None, None) => None,
    };
    let mut teller = Teller::new("packet");
    if let Some(claim) = seal(&judges, &proof.packet, at, &mut teller) {
        packet(claim, grounds, &mut teller);
    }
    let mut report = Report {
        about: packet_record.as_ref().map(told).unwrap_or_default(),
        checks: teller.lines,
    };
    report.checks.append(&mut receipts);
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

impl Judges {
    fn new(
        proof: &Proof,
        grounds: &Grounds,
        lines: &mut Vec<super::report::Line>,
    ) -> Result<Self, String> {
        let trust = |authorities: &[Vec<u8>], revocation| {
            let anchors = grounds.anchors.clone();
            Trust::new(anchors, authorities.to_vec(), grounds.profile, revocation)
        };
        // What came with a signature is a hint, never a ground: it counts once a path leads from it to an anchor.
        let mut authorities = grounds.intermediates.clone();
        for piece in std::iter::once(&proof.packet).chain(&proof.receipts) {
            let signed = piece
                .seal
                .as_ref()
                .ok()
                .map(|s| cms::verify(&s.cms, &s.checkpoint));
            let chain = signed.and_then(Result::ok).map(|signed| signed.chain);
            authorities.extend(chain.into_iter().flatten().skip(1));
        }
        let hinted = trust(&authorities, Revocation::none()).map_err(|error| error.to_string())?;
        let given = grounds.intermediates.len();
        let mut at = 0;
        authorities.retain(|one| {
            at += 1;
            at <= given || hinted.chain_for(one).is_ok()
        });
        let plain = trust(&authorities, Revocation::none()).map_err(|error| error.to_string())?;
        let (mut good, mut each) = (Vec::new(), Vec::new());
        for (number, list) in (1..).zip(proof.lists.iter().chain(&grounds.lists)) {
            let mut teller = Teller::new(&format!("crl-{number}"));
            let alone = Revocation {
                lists: vec![list.clone()],
                ..Revocation::none()
            };
            match plain.with_revocation(&alone) {
                Ok(trust) => {
                    let states = trust.lists();
                    let names: Vec<_> = states
                        .iter()
                        .map(|list| format!("{} ({})", list.issuer, rfc3339(list.this_update)))
                        .collect();
                    let names = names.join(", ");
                    teller.holds(
                        "revocation-list",
                        "danh sách thu hồi có chữ ký hợp lệ",
                        format!("the revocation list is signed by its authority: {names}"),
                    );
                    each.push(trust);
                    good.push(list.clone());
                }
                Err(error) => {
                    teller.fails::<()>(
                        "revocation-list",
                        "danh sách thu hồi không hợp lệ",
                        error.to_string(),
                    );
                }
            }
            lines.append(&mut teller.lines);
        }
        let all = plain.with_revocation(&Revocation {
            lists: good,
            window: Duration::ZERO,
            then: Stale::Refuse,
        });
        Ok(Self {
            all: all.map_err(|error| error.to_string())?,
            each,
            plain,
        })
    }
}

/// All that makes a seal hold by itself; `None` when something does not.
fn seal(
    judges: &Judges,
    piece: &Piece,
    at: Option<(Moment, Source)>,
    teller: &mut Teller,
) -> Option<Claim> {
    let (seal, record, head) = match form(piece) {
        Ok(read) => read,
        Err(why) => return teller.fails("form", "không đúng khuôn dạng", why),
    };
    teller.holds(
        "form",
        "đúng khuôn dạng",
        "seal, record and checkpoint are well-formed",
    );
    let leaf = leaf_hash(&seal.record);
    if !verify_inclusion(&leaf, seal.index, head.size, &seal.path, &head.root) {
        return teller.fails(
            "inclusion",
            "bản ghi KHÔNG nằm dưới checkpoint",
            "the record is not under its checkpoint",
        );
    }
    teller.holds(
        "inclusion",
        format!(
            "bản ghi là mục {} trong nhật ký {} mục",
            seal.index, head.size
        ),
        format!("the record is entry {} of {}", seal.index, head.size),
    );
    let signed = match cms::verify(&seal.cms, &seal.checkpoint) {
        Ok(signed) => signed,
        Err(refusal) => {
            return teller.fails("signature", refusal.reason_vi(), refusal.to_string());
        }
    };
    teller.holds(
        "signature",
        "chữ ký CMS trên checkpoint đúng",
        "the CMS signature over the checkpoint holds",
    );
    let lost = signed
        .chain
        .iter()
        .find_map(|one| judges.plain.chain_for(one).err());
    if let Some(refusal) = lost {
        return teller.fails("chain", refusal.reason_vi(), refusal.to_string());
    }
    let written: String = signed
        .chain
        .iter()
        .map(|one| pem::encode("CERTIFICATE", one))
        .collect();
    if piece
        .chain
        .as_ref()
        .is_some_and(|chain| chain != written.as_bytes())
    {
        return teller.fails(
            "chain",
            "chain.pem không phải chuỗi chứng thư của chữ ký",
            "chain.pem is not the chain of the signature",
        );
    }
    let (at, source) = at.unwrap_or((signed.signing_time.unwrap_or(record.time), Source::Signer));
    let identity = match judges.plain.judge(&signed.chain, Purpose::Seal, at) {
        Ok(identity) => identity,
        Err(refusal) => return teller.fails("chain", refusal.reason_vi(), refusal.to_string()),
    };
    let (when, why, reason) = (rfc3339(at), source.vi(), source.en());
    teller.holds(
        "chain",
        format!("chứng thư hợp lệ tại {when} ({why})"),
        format!("{} is valid at {when} ({reason})", identity.subject),
    );
    revocation(judges, &signed.chain, at, teller)?;
    let (origin, from, code) = (&head.origin, record.from.as_str(), identity.code.as_str());
    if origin != from || from != code {
        return teller.fails(
            "origin",
            format!("bản ghi của {from}, nhật ký của {origin}, chứng thư của {code}"),
            format!("the record is of {from}, the log of {origin}, the certificate of {code}"),
        );
    }
    teller.holds(
        "origin",
        format!("bản ghi, nhật ký và chứng thư cùng là của {code}"),
        format!("record, log and certificate are all of {code}"),
    );
    match Opener::default().claim(&seal.encode(), &judges.plain, Sealer::Certificate, at) {
        Ok(claim) => Some(claim),
        Err(refused) => teller.fails(
            "seal",
            "dấu niêm phong không đứng vững",
            refused.to_string(),
        ),
    }
}

fn form(piece: &Piece) -> Result<(Seal, Record, Checkpoint), String> {
    let seal = piece.seal.clone()?;
    let record = Record::parse(&seal.record).map_err(|error| error.to_string())?;
    let head = Checkpoint::parse(&seal.checkpoint).map_err(|error| error.to_string())?;
    Ok((seal, record, head))
}

fn revocation(judges: &Judges, chain: &[Vec<u8>], at: Moment, teller: &mut Teller) -> Option<()> {
    for list in &judges.each {
        if let Err(refusal) = list.judge(chain, Purpose::Seal, at) {
            return teller.fails("revocation", refusal.reason_vi(), refusal.to_string());
        }
    }
    match judges.all.judge(chain, Purpose::Seal, at) {
        Ok(_) => teller.holds(
            "revocation",
            "chưa bị thu hồi tại thời điểm đó",
            "not revoked at that time, by lists of every authority",
        ),
        Err(refusal) if refusal.verdict == Verdict::RevocationUnknown => teller.unsure(
            "revocation",
            "chưa đủ danh sách thu hồi để khẳng định",
            format!(
                "not known to be revoked, but lists are missing: {}",
                refusal.detail
            ),
        ),
        Err(refusal) => {
            return teller.fails("revocation", refusal.reason_vi(), refusal.to_string());
        }
    }
    Some(())
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

/// The time for which a receipt vouches: the hub's *accepted*, nobody's word about itself.
fn witnessed(said: &Record, packet: &Record, hub: Option<&MemberId>) -> Option<Moment> {
    let accepted = said.kind == RecordKind::Receipt && said.status.as_deref() == Some("accepted");
    let of_hub = match hub {
        Some(hub) => said.from == *hub,
        None => said.from != packet.from && packet.to.iter().all(|to| to.member != said.from),
    };
    (accepted && of_hub).then_some(said.time)
}

/// What the packet's seal must say.
fn packet(claim: Claim, grounds: &Grounds, teller: &mut Teller) {
    let record = claim.record().clone();
    if record.kind != RecordKind::Packet {
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

impl Source {
    fn vi(self) -> &'static str {
        match self {
            Self::Given => "thời điểm được chỉ định",
            Self::Witness => "theo biên nhận của Trục",
            Self::Signer => "theo thời điểm do bên ký khai",
        }
    }

    fn en(self) -> &'static str {
        match self {
            Self::Given => "the time given",
            Self::Witness => "witnessed by the hub's receipt",
            Self::Signer => "the time that the signer claims",
        }
    }
}
