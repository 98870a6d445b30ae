//! What may stand before and behind the root: byte order mark, XML declaration, white space, comments.
//!
//! Read here and not by rxml, which refuses `standalone="no"` (Java's usual declaration) and white space
//! behind a comment before the root.

use crate::packet::Rule;

/// One side of the root.
#[derive(Debug)]
pub(super) struct Prolog {
    state: State,
    behind: bool,
    /// The declaration or comment being read.
    held: Vec<u8>,
    longest_comment: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Mark(usize),
    First,
    Space,
    Open { first: bool },
    Bang,
    BangDash,
    Comment,
    CommentDash,
    CommentEnd,
    Declaration,
}

/// What a byte led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Go on.
    Taken,
    /// A `<` was taken and this byte, not taken, is the first of the root's name.
    Root,
}

type Refused = (Rule, &'static str);

const MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const LONGEST_DECLARATION: usize = 256;

impl Prolog {
    /// Before the root.
    pub(super) fn before(longest_comment: usize) -> Self {
        Self {
            state: State::Mark(0),
            behind: false,
            held: Vec::new(),
            longest_comment,
        }
    }

    /// Behind the root.
    pub(super) fn behind(longest_comment: usize) -> Self {
        Self {
            state: State::Space,
            behind: true,
            ..Self::before(longest_comment)
        }
    }

    /// Whether the document may end here.
    pub(super) fn may_end(&self) -> bool {
        self.behind && self.state == State::Space
    }

    /// Takes one byte.
    pub(super) fn step(&mut self, byte: u8) -> Result<Step, Refused> {
        self.state = match (self.state, byte) {
            (State::Mark(2), byte) if byte == MARK[2] => State::First,
            (State::Mark(at), byte) if byte == MARK[at] => State::Mark(at + 1),
            (State::Mark(0), byte) => return self.outside(byte, true),
            (State::Mark(_), _) => return Err((Rule::Utf8, "a broken byte order mark")),
            (State::First, byte) => return self.outside(byte, true),
            (State::Space, byte) => return self.outside(byte, false),
            (State::Open { .. }, b'!') => State::Bang,
            (State::Open { first: true }, b'?') => State::Declaration,
            (State::Open { .. }, b'?') => {
                return Err((Rule::Instruction, "a processing instruction"));
            }
            (State::Open { .. }, 0) => return Err((Rule::Utf8, "the document is not UTF-8")),
            (State::Open { .. }, _) if self.behind => {
                return Err((Rule::AfterRoot, "an element behind the root"));
            }
            (State::Open { .. }, _) => return Ok(Step::Root),
            (State::Bang, b'-') => State::BangDash,
            (State::Bang, _) => return Err((Rule::Doctype, "a document type declaration")),
            (State::BangDash, b'-') => {
                self.held.clear();
                State::Comment
            }
            (State::BangDash, _) => return Err((Rule::WellFormed, "a malformed comment")),
            (State::Comment, b'-') => State::CommentDash,
            (State::Comment, byte) => self.hold(byte, State::Comment)?,
            (State::CommentDash, b'-') => State::CommentEnd,
            (State::CommentDash, byte) => self.hold(byte, State::Comment)?,
            (State::CommentEnd, b'>') => {
                self.check_comment()?;
                State::Space
            }
            (State::CommentEnd, _) => return Err((Rule::WellFormed, "-- inside a comment")),
            (State::Declaration, b'>') => {
                check_declaration(&self.held)?;
                State::Space
            }
            (State::Declaration, byte) => {
                if self.held.len() >= LONGEST_DECLARATION {
                    return Err((Rule::WellFormed, "an XML declaration without end"));
                }
                self.held.push(byte);
                State::Declaration
            }
        };
        Ok(Step::Taken)
    }

    fn outside(&mut self, byte: u8, first: bool) -> Result<Step, Refused> {
        self.state = match byte {
            b'<' => State::Open { first },
            b' ' | b'\t' | b'\r' | b'\n' => State::Space,
            0 | 0xfe | 0xff => return Err((Rule::Utf8, "the document is not UTF-8")),
            _ if self.behind => return Err((Rule::AfterRoot, "text behind the root")),
            _ => return Err((Rule::WellFormed, "text before the root")),
        };
        Ok(Step::Taken)
    }

    fn hold(&mut self, byte: u8, next: State) -> Result<State, Refused> {
        if self.held.len() >= self.longest_comment {
            return Err((Rule::TextLength, "a comment is too long"));
        }
        self.held.push(byte);
        Ok(next)
    }

    fn check_comment(&self) -> Result<(), Refused> {
        let text =
            std::str::from_utf8(&self.held).map_err(|_| (Rule::Utf8, "a comment is not UTF-8"))?;
        let allowed = |char: char| {
            matches!(char, '\t' | '\n' | '\r')
                || (char >= ' ' && !matches!(char, '\u{fffe}' | '\u{ffff}'))
        };
        if text.chars().all(allowed) {
            Ok(())
        } else {
            Err((Rule::Character, "a control character in a comment"))
        }
    }
}

/// Checks what stood between `<?` and `>` (XML 1.0, production 23).
fn check_declaration(held: &[u8]) -> Result<(), Refused> {
    const MALFORMED: Refused = (Rule::WellFormed, "a malformed XML declaration");
    let text = std::str::from_utf8(held).map_err(|_| MALFORMED)?;
    let Some(rest) = text
        .strip_prefix("xml")
        .filter(|rest| rest.starts_with(is_space))
    else {
        return Err((Rule::Instruction, "a processing instruction"));
    };
    let mut rest = rest.strip_suffix('?').ok_or(MALFORMED)?;
    for (at, name) in ["version", "encoding", "standalone"]
        .into_iter()
        .enumerate()
    {
        let trimmed = rest.trim_start_matches(is_space);
        let Some(behind) = trimmed.strip_prefix(name) else {
            if at == 0 {
                return Err(MALFORMED);
            }
            continue;
        };
        if trimmed.len() == rest.len() {
            return Err(MALFORMED);
        }
        let value = behind
            .trim_start_matches(is_space)
            .strip_prefix('=')
            .ok_or(MALFORMED)?;
        let value = value.trim_start_matches(is_space);
        let quote = value
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''));
        let (value, behind) = value[quote.map_or(0, char::len_utf8)..]
            .split_once(quote.ok_or(MALFORMED)?)
            .ok_or(MALFORMED)?;
        match (name, value) {
            ("version", "1.0") | ("standalone", "yes" | "no") => {}
            ("version", _) => return Err((Rule::WellFormed, "only XML 1.0 is read")),
            ("encoding", value) if value.eq_ignore_ascii_case("utf-8") => {}
            ("encoding", _) => return Err((Rule::Utf8, "the declared encoding is not UTF-8")),
            _ => return Err(MALFORMED),
        }
        rest = behind;
    }
    if rest.chars().all(is_space) {
        Ok(())
    } else {
        Err(MALFORMED)
    }
}

fn is_space(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\r' | '\n')
}
