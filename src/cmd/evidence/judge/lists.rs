//! Trust out of public material: anchors, what came with the signatures, and revocation lists.

use std::time::Duration;

use super::Grounds;
use crate::clock::rfc3339;
use crate::cmd::evidence::pieces::Proof;
use crate::cmd::evidence::report::{Line, Teller};
use crate::trust::{Revocation, Stale, Trust, cms};

/// Trust with all lists, with each alone, and with none.
pub(super) struct Judges {
    pub(super) all: Trust,
    /// An old list may name what a newer one dropped because it has expired since.
    pub(super) each: Vec<Trust>,
    pub(super) plain: Trust,
}

impl Judges {
    pub(super) fn new(
        proof: &Proof,
        grounds: &Grounds,
        lines: &mut Vec<Line>,
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
