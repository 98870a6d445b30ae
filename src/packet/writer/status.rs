//! Status packets.

use super::Error;
use super::document::answered;
use super::draft::StatusDraft;
use super::xml::{Xml, timestamp};

/// Writes a status packet.
///
/// # Errors
/// [`Error::Character`] for a text that XML can't carry.
pub fn write_status(draft: &StatusDraft) -> Result<Vec<u8>, Error> {
    let mut xml = Xml::start(Vec::with_capacity(2048))?;
    xml.open("MessageHeader")?;
    xml.party("From", &draft.from)?;
    answered(&mut xml, &draft.answer)?;
    xml.staff(&draft.staff)?;
    xml.leaf("StatusCode", &draft.status)?;
    xml.leaf("Description", &draft.description)?;
    xml.leaf("Timestamp", &timestamp(draft.at))?;
    xml.close("MessageHeader")?;
    xml.close("edXMLHeader")?;
    xml.close("edXMLEnvelope")?;
    xml.without_prefix();
    xml.close("edXML")?;
    Ok(xml.out)
}
