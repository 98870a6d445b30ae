//! What a source file may name.

use std::collections::BTreeMap;

use crate::tokens::{Token, tokens};

/// Foreign crates that only the named rooms may name. `hsm` stands for the crate of that name.
const DOORS: &[(&[&str], &[&str])] = &[
    (&["hyper", "hyper_util", "http_body_util"], &["https"]),
    (&["rustls", "tokio_rustls"], &["tls", "https"]),
    (&["rxml"], &["packet"]),
    (&["rusqlite"], &["store"]),
    (&["csv"], &["hub"]),
    (&["nix"], &["durable", "systemd", "signer", "cmd"]),
    (&["cryptoki"], &["hsm"]),
    (&["p256", "aes_kw"], &["backup"]),
    (&["tracing_journald", "tracing_subscriber"], &["journal"]),
];

/// Rooms that may not name a crate that the others may.
const KEPT_OUT: &[(&str, &[&str])] = &[("tokio", &["packet", "merkle", "trust", "seal"])];

/// The only neighbours on a floor above the ground of which one knows the other.
const NEIGHBOURS: &[(&str, &str)] = &[("web", "control")];

/// The floor plan: each room's floor and place in the order.
pub(crate) struct Plan(BTreeMap<String, (u32, usize)>);

impl Plan {
    /// Reads `src/lib.rs`: comment lines `// Floor N, ...` above lines `pub mod x;`.
    pub(crate) fn read(lib: &str) -> Self {
        let mut floor = 0;
        let mut rooms = BTreeMap::new();
        for line in lib.lines() {
            if let Some(rest) = line.strip_prefix("// Floor ") {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
                floor = digits
                    .and_then(|n| n.parse().ok())
                    .expect("a floor has a number");
            } else if let Some(room) = line
                .strip_prefix("pub mod ")
                .and_then(|rest| rest.strip_suffix(';'))
            {
                let place = rooms.len();
                rooms.insert(room.to_owned(), (floor, place));
            }
        }
        Self(rooms)
    }

    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn forbids(&self, room: &str, used: &str) -> Option<String> {
        if room == used || NEIGHBOURS.contains(&(room, used)) {
            return None;
        }
        let (Some((floor, place)), Some((used_floor, used_place))) =
            (self.0.get(room), self.0.get(used))
        else {
            return Some(format!("`crate::{used}` is no room of the floor plan"));
        };
        if used_place >= place {
            Some(format!(
                "`{used}` stands later in the floor plan than `{room}`"
            ))
        } else if *floor > 0 && used_floor == floor {
            Some(format!("`{used}` is on the same floor {floor} as `{room}`"))
        } else {
            None
        }
    }
}

/// Every breach in one file. `modules` is the file's own path of modules, its room first.
pub(crate) fn breaches(plan: &Plan, modules: &[&str], source: &str) -> Vec<(usize, String)> {
    let tokens = tokens(source);
    let room = modules.first().copied().unwrap_or("main");
    let mut found = Vec::new();
    let mut inline = Vec::new();
    let mut depth = 0_usize;
    for at in 0..tokens.len() {
        let word = |offset: usize| tokens.get(at + offset).map_or("", |t| t.text.as_str());
        let before = at.checked_sub(1).map_or("", |b| tokens[b].text.as_str());
        let mut breach = |what: String| found.push((tokens[at].line, what));
        match word(0) {
            "{" => depth += 1,
            "}" => {
                depth = depth.saturating_sub(1);
                inline.retain(|opened| *opened <= depth);
            }
            "mod" if word(2) == "{" => inline.push(depth + 1),
            "unsafe" if room != "hsm" => breach("unsafe code belongs in hsm".to_owned()),
            "path" if before == "[" && word(1) == "=" => {
                breach("a module's file lies where its name says".to_owned());
            }
            "include" if word(1) == "!" => {
                breach("source is not included, it is a module".to_owned());
            }
            "crate" if word(1) == "as" || (before == "extern" && word(1) == "self") => {
                breach("`crate` keeps its name".to_owned());
            }
            "trucgate" if word(1) == "::" && !matches!(room, "main" | "hsm") => {
                breach("rooms are named by `crate::`".to_owned());
            }
            "crate" if word(1) == "::" && room != "hsm" => {
                for used in first_segments(&tokens, at + 2) {
                    plan.forbids(room, used).into_iter().for_each(&mut breach);
                }
            }
            "super" if room != "hsm" && word(1) != ")" && begins(&tokens[..at]) => {
                let (levels, behind) = climb(&tokens, at);
                if levels >= modules.len() + inline.len() {
                    for used in first_segments(&tokens, behind) {
                        plan.forbids(room, used).into_iter().for_each(&mut breach);
                    }
                }
            }
            name if before != "." && begins(&tokens[..at]) => {
                let named = word(1) == "::"
                    || (matches!(before, "use" | "crate" | "{" | ",")
                        && matches!(word(1), ";" | "as"));
                if named && let Some(why) = foreign(room, name) {
                    breach(why);
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether a path begins behind these tokens: `::` before it is its own, not that of a longer path.
fn begins(before: &[Token]) -> bool {
    let mut before = before.iter().rev().map(|t| t.text.as_str());
    if before.next() != Some("::") {
        return true;
    }
    match before.next() {
        Some(">") => before.next() == Some("-"),
        Some(
            "self" | "use" | "as" | "dyn" | "impl" | "in" | "return" | "mut" | "for" | "match",
        )
        | None => true,
        Some(longer) => !longer.starts_with(|c: char| c.is_alphanumeric() || c == '_'),
    }
}

/// How many levels a chain of `super::` climbs, and the place behind it.
fn climb(tokens: &[Token], from: usize) -> (usize, usize) {
    let word = |at: usize| tokens.get(at).map_or("", |t: &Token| t.text.as_str());
    let (mut levels, mut at) = (0, from);
    while word(at) == "super" {
        levels += 1;
        at += if word(at + 1) == "::" { 2 } else { 1 };
    }
    (levels, at)
}

/// The first names of a path or of a group of paths.
fn first_segments(tokens: &[Token], from: usize) -> Vec<&str> {
    let word = |at: usize| tokens.get(at).map_or("", |t: &Token| t.text.as_str());
    if word(from) != "{" {
        return vec![word(from)];
    }
    let (mut depth, mut at, mut found) = (0, from, Vec::new());
    loop {
        match word(at) {
            "{" => depth += 1,
            "}" => depth -= 1,
            "" => return found,
            _ => {}
        }
        if depth == 0 {
            return found;
        }
        if depth == 1 && matches!(word(at), "{" | ",") && word(at + 1) != "}" {
            found.push(word(at + 1));
        }
        at += 1;
    }
}

fn foreign(room: &str, name: &str) -> Option<String> {
    for (crates, doors) in DOORS {
        if crates.contains(&name) && !doors.contains(&room) {
            return Some(format!("`{name}` is named only in {}", doors.join(", ")));
        }
    }
    KEPT_OUT
        .iter()
        .any(|(crate_name, rooms)| *crate_name == name && rooms.contains(&room))
        .then(|| format!("`{name}` stays out of `{room}`"))
}
