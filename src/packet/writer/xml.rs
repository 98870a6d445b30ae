//! Elements and text, indented as real software does.

use std::io::Write;

use time::UtcOffset;
use time::macros::{format_description, offset};

use super::Error;
use super::draft::{Party, Staff};
use crate::clock::Moment;

pub(super) const HEAD: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<edXML xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\">\n",
    "  <edXML:edXMLEnvelope xmlns:edXML=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\">\n",
    "    <edXML:edXMLHeader>\n",
);

const PREFIX: &str = "edXML:";

/// Writes elements at a depth of indentation.
pub(super) struct Xml<W> {
    pub(super) out: W,
    depth: usize,
    prefix: &'static str,
}

impl<W: Write> Xml<W> {
    /// Behind [`HEAD`], in edXMLHeader.
    pub(super) fn start(mut out: W) -> Result<Self, Error> {
        out.write_all(HEAD.as_bytes())?;
        Ok(Self {
            out,
            depth: 3,
            prefix: PREFIX,
        })
    }

    /// From here on elements take the default namespace: the part behind the envelope, as real software writes it.
    pub(super) fn without_prefix(&mut self) {
        self.prefix = "";
    }

    pub(super) fn open(&mut self, name: &str) -> Result<(), Error> {
        self.open_with(name, "")
    }

    /// Opens an element with attributes that are written as they are.
    pub(super) fn open_with(&mut self, name: &str, attributes: &str) -> Result<(), Error> {
        self.indent()?;
        writeln!(self.out, "<{}{name}{attributes}>", self.prefix)?;
        self.depth += 1;
        Ok(())
    }

    pub(super) fn close(&mut self, name: &str) -> Result<(), Error> {
        self.depth = self.depth.saturating_sub(1);
        self.indent()?;
        writeln!(self.out, "</{}{name}>", self.prefix)?;
        Ok(())
    }

    /// Writes an element of text, also when the text is empty.
    pub(super) fn leaf(&mut self, name: &'static str, text: &str) -> Result<(), Error> {
        self.indent()?;
        write!(self.out, "<{}{name}>", self.prefix)?;
        escape(&mut self.out, name, text)?;
        writeln!(self.out, "</{}{name}>", self.prefix)?;
        Ok(())
    }

    /// Writes an element of text unless the text is empty.
    pub(super) fn leaf_if(&mut self, name: &'static str, text: &str) -> Result<(), Error> {
        if text.is_empty() {
            return Ok(());
        }
        self.leaf(name, text)
    }

    pub(super) fn party(&mut self, name: &str, party: &Party) -> Result<(), Error> {
        self.open(name)?;
        self.leaf("OrganId", party.id.as_str())?;
        self.leaf("OrganizationInCharge", &party.name)?;
        self.leaf("OrganName", &party.name)?;
        self.close(name)
    }

    pub(super) fn staff(&mut self, staff: &Staff) -> Result<(), Error> {
        self.open("StaffInfo")?;
        self.leaf_if("Department", &staff.department)?;
        self.leaf_if("Staff", &staff.name)?;
        self.leaf_if("Email", &staff.email)?;
        self.leaf_if("Mobile", &staff.mobile)?;
        self.close("StaffInfo")
    }

    pub(super) fn indent(&mut self) -> Result<(), Error> {
        for _ in 0..self.depth {
            self.out.write_all(b"  ")?;
        }
        Ok(())
    }
}

/// `YYYY/MM/DD HH:MM:SS` in the time of Việt Nam, which edXML means without saying so.
pub(super) fn timestamp(at: Moment) -> String {
    const VIET_NAM: UtcOffset = offset!(+7);
    let format = format_description!("[year]/[month]/[day] [hour]:[minute]:[second]");
    at.to_offset(VIET_NAM)
        .format(&format)
        .unwrap_or_else(|_| "1970/01/01 07:00:00".to_owned())
}

fn escape(out: &mut impl Write, element: &'static str, text: &str) -> Result<(), Error> {
    let mut plain = 0;
    for (at, char) in text.char_indices() {
        let escaped = match char {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\r' => "&#13;",
            '\t' | '\n' => continue,
            char if char < ' ' || matches!(char, '\u{fffe}' | '\u{ffff}') => {
                return Err(Error::Character(element, char));
            }
            _ => continue,
        };
        out.write_all(&text.as_bytes()[plain..at])?;
        out.write_all(escaped.as_bytes())?;
        plain = at + char.len_utf8();
    }
    out.write_all(&text.as_bytes()[plain..])?;
    Ok(())
}
