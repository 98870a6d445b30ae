//! A trace as a person reads it at a terminal: Vietnamese first, times of Vietnam.

use std::fmt::{self, Display, Formatter};

use super::{Hop, Leg, Party, Trace, kind_name};
use crate::clock::local_to_second;

impl Display for Party {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.code)
        } else {
            write!(f, "{} ({})", self.name, self.code)
        }
    }
}

impl Display for Trace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = kind_name(&self.kind);
        let code = self.code.as_deref().unwrap_or("không số / no number");
        writeln!(f, "{} {code} · {}", kind.vi, kind.en)?;
        if let Some(subject) = &self.subject {
            writeln!(f, "  {subject}")?;
        }
        if let Some(document) = &self.document {
            writeln!(f, "  DocumentId {document}")?;
        }
        writeln!(f, "  Nơi gửi / from: {}", self.from)?;
        writeln!(f, "  Gói tin / packet {} · {} byte", self.packet, self.size)?;
        writeln!(f, "  {}", self.digest)?;
        for hop in &self.hops {
            station(f, hop, "")?;
        }
        for leg in &self.legs {
            way(f, leg)?;
        }
        if self.left_off > 0 {
            let more = self.left_off;
            writeln!(
                f,
                "\n  … và {more} nơi nhận nữa / and {more} more recipients"
            )?;
        }
        Ok(())
    }
}

fn way(f: &mut Formatter<'_>, leg: &Leg) -> fmt::Result {
    writeln!(f, "\n  → {}", leg.to)?;
    for hop in &leg.hops {
        station(f, hop, "  ")?;
    }
    let now = &leg.now;
    writeln!(f, "      Hiện nay:  {}", now.state.vi)?;
    writeln!(f, "      Tiếp theo: {}", now.next.vi)?;
    writeln!(f, "      Cần làm:   {}", now.todo.vi)?;
    writeln!(
        f,
        "      now: {}; next: {}; to do: {}",
        now.state.en, now.next.en, now.todo.en
    )
}

fn station(f: &mut Formatter<'_>, hop: &Hop, indent: &str) -> fmt::Result {
    let at = hop.at.map_or_else(|| " ".repeat(19), local_to_second);
    writeln!(f, "  {indent}{at}  {} / {}", hop.what.vi, hop.what.en)?;
    let under = " ".repeat(23);
    if let Some(reason) = &hop.reason {
        writeln!(f, "{indent}{under}lý do / reason: {reason}")?;
    }
    if let Some(proof) = &hop.proof {
        let sign = if proof.holds { "✓" } else { "✗" };
        writeln!(
            f,
            "{indent}{under}{sign} {} / {}",
            proof.told.vi, proof.told.en
        )?;
    }
    Ok(())
}
