//! What the journal catalog says of a kind of line: what `journalctl -x` shows, compiled in, so that a page explains itself on a
//! machine whose locale is another.

/// A room's file of the catalog, Vietnamese and English.
macro_rules! room {
    ($name:literal) => {
        (
            include_str!(concat!(
                "../../systemd/catalog/trucgate-",
                $name,
                ".vi.catalog"
            )),
            include_str!(concat!(
                "../../systemd/catalog/trucgate-",
                $name,
                ".catalog"
            )),
        )
    };
}

/// The catalog as it is installed.
const CATALOG: [(&str, &str); 11] = [
    room!("process"),
    room!("packet"),
    room!("software"),
    room!("signer"),
    room!("trust"),
    room!("hub"),
    room!("control"),
    room!("update"),
    room!("backup"),
    room!("support"),
    room!("maintenance"),
];

/// The entry of one kind of line in one language.
#[derive(Clone, Copy, Debug)]
pub struct Explanation(&'static str);

impl Explanation {
    /// The Vietnamese and the English entry of a `MESSAGE_ID`.
    #[must_use]
    pub fn of(message_id: &str) -> Option<[Self; 2]> {
        let find = |file: &'static str| {
            let entry = &file[file.find(&format!("-- {message_id}\n"))?..];
            let end = entry.find("\n\n# ").unwrap_or(entry.len());
            Some(Self(&entry[..end]))
        };
        if message_id.len() != 32 {
            return None;
        }
        let found = |(vi, en): &(&'static str, &'static str)| Some([find(vi)?, find(en)?]);
        CATALOG.iter().find_map(found)
    }

    /// What it is about, filled with the line's own fields.
    pub fn subject<'l>(self, field: impl Fn(&str) -> &'l str) -> Option<String> {
        let mut lines = self.0.lines();
        let subject = lines.find_map(|line| line.strip_prefix("Subject: "))?;
        Some(filled(subject, field))
    }

    /// What it says, line by line, filled likewise.
    pub fn text<'l>(self, field: impl Fn(&str) -> &'l str) -> Vec<String> {
        let text = self.0.split_once("\n\n").map_or("", |(_, text)| text);
        text.lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| filled(line, &field))
            .collect()
    }
}

fn filled<'l>(line: &str, field: impl Fn(&str) -> &'l str) -> String {
    let pieces = line.split('@').enumerate();
    let pieces = pieces.map(|(at, piece)| match at % 2 {
        0 => piece.to_owned(),
        _ => field(piece).to_owned(),
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::super::ids;
    use super::*;

    #[test]
    fn every_id_has_its_entry_in_what_is_compiled_in() {
        for id in ids::ALL {
            let both = Explanation::of(id.message_id).unwrap();
            for (explained, begins) in both.into_iter().zip(["Sự việc:", "What happened:"]) {
                let subject = explained.subject(|_| "x").unwrap();
                assert!(!subject.is_empty() && !subject.contains('@'), "{}", id.name);
                let text = explained.text(|_| "x").join("\n");
                assert!(text.starts_with(begins), "{}: {text}", id.name);
                assert!(!text.contains("\n-- "), "{}: {text}", id.name);
            }
        }
        assert!(Explanation::of("").is_none());
    }
}
