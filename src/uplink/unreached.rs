//! Recipients whom the hub does not reach, in its *accepted* receipt: `to` names whom it does reach, `reason` says of each
//! of the others why not. A packet that reaches nobody is refused as a whole.

use std::fmt::Display;

use crate::packet::MemberId;

/// Between two of them; no code and no reason holds it.
const BETWEEN: &str = " | ";

/// The reasons of one receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreached(String);

impl Unreached {
    /// Adds a recipient, by the code the packet names it with.
    pub fn add(&mut self, code: &MemberId, why: impl Display) {
        if !self.0.is_empty() {
            self.0.push_str(BETWEEN);
        }
        let why = why.to_string().replace(BETWEEN, " ");
        self.0.push_str(&format!("{code}: {why}"));
    }

    /// As it stands in a receipt.
    #[must_use]
    pub fn from_reason(reason: Option<&str>) -> Self {
        Self(reason.unwrap_or_default().to_owned())
    }

    /// As it goes into a receipt; none when everybody is reached.
    #[must_use]
    pub fn reason(self) -> Option<String> {
        (!self.0.is_empty()).then_some(self.0)
    }

    /// Why that recipient is not reached; none when it is.
    #[must_use]
    pub fn why(&self, code: &MemberId) -> Option<&str> {
        self.0
            .split(BETWEEN)
            .find_map(|one| one.strip_prefix(code.as_str())?.strip_prefix(": "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_found_by_its_code() {
        let code = |text: &str| text.parse::<MemberId>().unwrap();
        let mut unreached = Unreached::default();
        assert_eq!(unreached.clone().reason(), None);
        unreached.add(&code("H41"), "đã đóng; kế thừa là H42 | mới (is closed)");
        unreached.add(&code("H41.02"), "không có");
        let read = Unreached::from_reason(unreached.reason().as_deref());
        let why = read.why(&code("H41"));
        assert_eq!(why, Some("đã đóng; kế thừa là H42 mới (is closed)"));
        assert_eq!(read.why(&code("H41.02")), Some("không có"));
        assert_eq!(read.why(&code("H42")), None);
    }
}
