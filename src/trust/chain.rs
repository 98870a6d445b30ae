//! From an end certificate to an anchor: a bounded search over names, constraints and signatures
//! (RFC 5280 section 6.1, without policies and name constraints, which are refused when critical).

use std::sync::Arc;

use super::certificate::Certificate;
use super::refusal::{Refusal, Verdict};
use super::signature::Kind;

/// Certificates of a path at most, anchor included.
const DEEPEST: usize = 8;
/// Signatures checked in one search at most, so that a crafted chain burns no processor.
const MOST_SIGNATURES: u32 = 24;

/// A path, end certificate first, anchor last.
pub(crate) type Path = Vec<Arc<Certificate>>;

/// One search; `accept` judges whole paths and may send the search on.
pub(crate) struct Search<'a, F> {
    pub(crate) anchors: &'a [Arc<Certificate>],
    pub(crate) pool: &'a [Arc<Certificate>],
    pub(crate) accept: F,
    left: u32,
    problem: Option<(u8, Refusal)>,
}

impl<'a, F: FnMut(&[Arc<Certificate>]) -> Result<(), Refusal>> Search<'a, F> {
    pub(crate) fn new(
        anchors: &'a [Arc<Certificate>],
        pool: &'a [Arc<Certificate>],
        accept: F,
    ) -> Self {
        Self {
            anchors,
            pool,
            accept,
            left: MOST_SIGNATURES,
            problem: None,
        }
    }

    /// The first path that is accepted, or the most telling refusal.
    pub(crate) fn run(mut self, leaf: Arc<Certificate>) -> Result<Path, Refusal> {
        let mut path = vec![leaf];
        if self.extend(&mut path) {
            return Ok(path);
        }
        Err(self.problem.map_or_else(
            || {
                path[0].refuse(
                    Verdict::UnknownIssuer,
                    format!("nothing known is named {}", path[0].issuer_text),
                )
            },
            |(_, refusal)| refusal,
        ))
    }

    fn extend(&mut self, path: &mut Path) -> bool {
        let (anchors, pool) = (self.anchors, self.pool);
        let all = anchors
            .iter()
            .map(|anchor| (anchor, true))
            .chain(pool.iter().map(|other| (other, false)));
        let Some(last) = path.last().cloned() else {
            return false;
        };
        let mut named = false;
        for (candidate, is_anchor) in all {
            if candidate.subject != last.issuer
                || path
                    .iter()
                    .any(|one| one.fingerprint == candidate.fingerprint)
            {
                continue;
            }
            named = true;
            if let Err(refusal) = may_issue(candidate, path) {
                self.note(2, refusal);
                continue;
            }
            if self.left == 0 {
                self.note(
                    0,
                    last.refuse(Verdict::UnknownIssuer, "the chain takes too long to judge"),
                );
                return false;
            }
            self.left -= 1;
            if let Err(refusal) = last.signed_by(candidate) {
                self.note(1, refusal);
                continue;
            }
            path.push(candidate.clone());
            if is_anchor {
                match (self.accept)(path) {
                    Ok(()) => return true,
                    Err(refusal) => self.note(3, refusal),
                }
            } else if path.len() < DEEPEST && self.extend(path) {
                return true;
            }
            path.pop();
        }
        if !named {
            let detail = format!("nothing known is named {}", last.issuer_text);
            self.note(0, last.refuse(Verdict::UnknownIssuer, detail));
        }
        false
    }

    /// Keeps the refusal of the furthest stage, the first of equals.
    fn note(&mut self, stage: u8, refusal: Refusal) {
        if self.problem.as_ref().is_none_or(|(kept, _)| *kept < stage) {
            self.problem = Some((stage, refusal));
        }
    }
}

/// Whether `authority` may stand above `path` (RFC 5280 section 6.1.4 k to n).
fn may_issue(authority: &Certificate, path: &[Arc<Certificate>]) -> Result<(), Refusal> {
    if let Some(oid) = authority.unknown_critical {
        return Err(authority.refuse(Verdict::CriticalExtension, oid.to_string()));
    }
    let wrong =
        |why: &str| authority.refuse(Verdict::WrongUsage, format!("not an authority: {why}"));
    if !authority.ca {
        return Err(wrong("basicConstraints lacks cA"));
    }
    if authority
        .usage
        .as_ref()
        .is_some_and(|usage| !usage.key_cert_sign())
    {
        return Err(wrong("keyUsage lacks keyCertSign"));
    }
    let between = path.iter().skip(1).filter(|one| !one.self_issued()).count();
    if authority
        .path_length
        .is_some_and(|most| between > usize::from(most))
    {
        return Err(authority.refuse(
            Verdict::WrongUsage,
            format!("its path length allows fewer than {between} authorities below it"),
        ));
    }
    match authority.key.kind {
        Kind::Rsa { bits } if bits >= 2048 => Ok(()),
        Kind::P256 | Kind::P384 => Ok(()),
        _ => Err(authority.refuse(Verdict::WeakKey, authority.key.describe())),
    }
}
