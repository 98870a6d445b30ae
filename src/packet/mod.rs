//! edXML (QCVN 102:2016/BTTTT, amended 2022): ids, envelope, statuses, bounded streaming reader, writer.
//!
//! Pure: bytes in, values or a named refusal out. The bytes that came stay the truth; what is read here
//! only decides where they go and what people are shown.

mod envelope;
mod ids;

pub use envelope::{Attachment, Envelope, Kind, Priority};
pub use ids::{Digest, DocId, Generation, Malformed, MemberId, PacketId};
