//! What a kept seal is worth, for people who trace a packet.

use super::{Claim, Opener, Refused, Sealer, record_of};
use crate::clock::Moment;
use crate::gauge::Text;
use crate::packet::{Digest, PacketId};
use crate::trace::Proof;
use crate::trust::directory::Directory;
use crate::trust::{Trust, Verdict};

/// Judges kept seals by the trust and the directory in force.
#[derive(Clone, Copy, Debug)]
pub struct Vouching<'a> {
    /// Remembers signatures that hold.
    pub opener: &'a Opener,
    /// Anchors and revocation.
    pub trust: &'a Trust,
    /// Who is registered.
    pub directory: Option<&'a Directory>,
}

impl Vouching<'_> {
    /// Judges a seal about `packet` and `digest` as of `at`: the time at which it came, or its own.
    #[must_use]
    pub fn vouch(&self, seal: &[u8], (packet, digest): (PacketId, Digest), at: Moment) -> Proof {
        let said = record_of(seal);
        let told = match self.judge(seal, at) {
            Ok((claim, _))
                if claim.record().packet != packet || claim.record().digest != digest =>
            {
                Err(Text::new(
                    "niêm phong nói về văn bản khác",
                    "the seal speaks of another document",
                ))
            }
            Ok((claim, registered)) => Ok(holds(&claim, registered)),
            Err(refused) => Err(Text::new(
                format!("niêm phong không kiểm được: {refused}"),
                format!("the seal does not hold: {refused}"),
            )),
        };
        let holds = told.is_ok();
        let (by, digest) = said.map_or_else(
            |_| (String::new(), String::new()),
            |record| (record.from.to_string(), record.digest.to_string()),
        );
        Proof {
            by,
            digest,
            holds,
            told: told.unwrap_or_else(|text| text),
        }
    }

    /// The claim, and whether its certificate is registered now.
    fn judge(&self, seal: &[u8], at: Moment) -> Result<(Claim, bool), Refused> {
        let by = |sealer| self.opener.claim(seal, self.trust, sealer, at);
        let Some(directory) = self.directory else {
            return by(Sealer::Certificate).map(|claim| (claim, false));
        };
        let hub = directory.hub.as_ref().map(|hub| &hub.code);
        let is_hub = record_of(seal).is_ok_and(|record| Some(&record.from) == hub);
        let sealer = if is_hub {
            Sealer::Hub(directory)
        } else {
            Sealer::Member(directory)
        };
        match by(sealer) {
            // A certificate that was renewed since is no longer registered; what it sealed stays sealed.
            Err(Refused::Signer(refusal)) if refusal.verdict == Verdict::NotRegistered => {
                by(Sealer::Certificate).map(|claim| (claim, false))
            }
            judged => judged.map(|claim| (claim, true)),
        }
    }
}

fn holds(claim: &Claim, registered: bool) -> Text {
    let (head, by) = (claim.checkpoint(), &claim.record().from);
    let (vi, en) = if registered {
        ("", "")
    } else {
        (
            "; chứng thư đã ký nay không còn trong danh bạ",
            "; its certificate is no longer in the directory",
        )
    };
    let size = head.size;
    Text::new(
        format!("niêm phong của {by} hợp lệ, nằm trong nhật ký chứng cứ {size} bản ghi{vi}"),
        format!("the seal of {by} holds, in its evidence log of {size} records{en}"),
    )
}
