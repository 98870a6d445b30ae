//! The text that a log's owner signs: the body of a C2SP tlog-checkpoint.

use std::fmt;

use data_encoding::BASE64;

use super::Hash;

/// A tree head: whose log, how many entries, which root, and further lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log this is: the member's code.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
    /// Further lines, such as the last head seen of the hub's log.
    pub extensions: Vec<String>,
}

/// Why a text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a checkpoint: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

const LONGEST: usize = 4096;

impl Checkpoint {
    /// The exact bytes that are signed: origin, size in decimal, root in base64, extension lines, each ended by a line feed.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            BASE64.encode(&self.root)
        );
        for line in &self.extensions {
            body.push_str(line);
            body.push('\n');
        }
        body
    }

    /// Reads a body strictly: what it accepts, [`Checkpoint::body`] writes back byte for byte.
    ///
    /// # Errors
    /// Names the line that is wrong.
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > LONGEST {
            return Err(Malformed("longer than 4096 bytes"));
        }
        let text = std::str::from_utf8(body).map_err(|_| Malformed("not UTF-8"))?;
        let text = text
            .strip_suffix('\n')
            .ok_or(Malformed("the last line does not end"))?;
        let mut lines = text.split('\n');
        let origin = lines
            .next()
            .filter(|o| !o.is_empty())
            .ok_or(Malformed("no origin"))?;
        let size_text = lines.next().ok_or(Malformed("no size"))?;
        let size: u64 = size_text
            .parse()
            .map_err(|_| Malformed("the size is no number"))?;
        if size.to_string() != size_text {
            return Err(Malformed("the size is not written canonically"));
        }
        let root = lines
            .next()
            .and_then(|line| BASE64.decode(line.as_bytes()).ok())
            .and_then(|bytes| Hash::try_from(bytes).ok())
            .ok_or(Malformed("the root is not 32 bytes in base64"))?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(Malformed("an empty extension line"));
        }
        Ok(Self {
            origin: origin.to_owned(),
            size,
            root,
            extensions,
        })
    }
}
