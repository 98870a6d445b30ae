//! Trust out of public material: anchors, what came with the signatures, and revocation lists.

use std::time::Duration;

use super::Grounds;
use crate::clock::{Moment, rfc3339};
use crate::cmd::evidence::pieces::Proof;
use crate::cmd::evidence::report::{Line, Teller};
use crate::trust::stamp::Stamp;
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
        let chains = chains(proof);
        for chain in &chains {
            authorities.extend(chain.iter().skip(1).cloned());
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
        let all = trust(
            &authorities,
            Revocation {
                lists: good,
                window: Duration::ZERO,
                then: Stale::Refuse,
            },
        );
        let all = all.map_err(|error| error.to_string())?;
        for (number, answer) in (1..).zip(&proof.answers) {
            let mut teller = Teller::new(&format!("ocsp-{number}"));
            take(&all, answer, &chains, &mut teller);
            lines.append(&mut teller.lines);
        }
        Ok(Self { all, each, plain })
    }
}

/// The chains of all signatures of a proof, those of time stamps among them.
fn chains(proof: &Proof) -> Vec<Vec<Vec<u8>>> {
    let stamped = proof.stamps.iter().map(|(piece, _)| piece);
    let pieces = std::iter::once(&proof.packet)
        .chain(&proof.receipts)
        .chain(stamped);
    let signed = pieces.filter_map(|piece| {
        let seal = piece.seal.as_ref().ok()?;
        Some(cms::verify(&seal.cms, &seal.checkpoint).ok()?.chain)
    });
    let stamps = proof.stamps.iter().filter_map(|(piece, token)| {
        let seal = piece.seal.as_ref().ok()?;
        Some(Stamp::read(token, &seal.cms).ok()?.chain)
    });
    signed.chain(stamps).collect()
}

/// An OCSP answer counts where it is about a certificate of the proof.
fn take(all: &Trust, answer: &[u8], chains: &[Vec<Vec<u8>>], teller: &mut Teller) {
    let mut why = "it is about no certificate of this proof".to_owned();
    for chain in chains {
        for at in 0..chain.len() {
            let Ok(watched) = all.watch(&chain[at..], Moment::UNIX_EPOCH) else {
                continue;
            };
            match all.answered_once(&watched, answer) {
                Ok(state) => {
                    let (about, when) = (state.certificate, rfc3339(state.this_update));
                    teller.holds(
                        "ocsp",
                        format!("câu trả lời OCSP có chữ ký hợp lệ, về {about}, lúc {when}"),
                        format!("the OCSP answer is signed by its authority: {about}, at {when}"),
                    );
                    return;
                }
                Err(error) => {
                    let told = error.to_string();
                    if !told.contains("speaks of other certificates") {
                        why = told;
                    }
                }
            }
        }
    }
    teller.fails::<()>("ocsp", "câu trả lời OCSP không hợp lệ", why);
}
