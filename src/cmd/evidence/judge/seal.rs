//! All that makes one seal hold by itself, at a time.

use super::lists::Judges;
use crate::clock::{Moment, rfc3339};
use crate::cmd::evidence::pieces::Piece;
use crate::cmd::evidence::report::Teller;
use crate::evidence::Record;
use crate::merkle::checkpoint::Checkpoint;
use crate::merkle::{leaf_hash, verify_inclusion};
use crate::packet::MemberId;
use crate::seal::{Claim, Opener, Seal, Sealer};
use crate::trust::{Purpose, Verdict, cms, pem};

/// Where the time of verification comes from.
#[derive(Clone)]
pub(super) enum Source {
    Given,
    Witness(MemberId),
    Stamp,
    Signer,
}

impl Source {
    fn vi(&self) -> String {
        match self {
            Self::Given => "thời điểm được chỉ định".to_owned(),
            Self::Witness(hub) => format!("theo biên nhận của {hub}"),
            Self::Stamp => "theo dấu thời gian".to_owned(),
            Self::Signer => "theo thời điểm do bên ký khai".to_owned(),
        }
    }

    fn en(&self) -> String {
        match self {
            Self::Given => "the time given".to_owned(),
            Self::Witness(hub) => format!("witnessed by the receipt of {hub}"),
            Self::Stamp => "by a time stamp".to_owned(),
            Self::Signer => "the time that the signer claims".to_owned(),
        }
    }
}

/// All that makes a seal hold by itself; `None` when something does not.
pub(super) fn seal(
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
            "not revoked at that time, by lists or answers of every authority",
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
