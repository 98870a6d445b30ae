//! edXML (QCVN 102:2016/BTTTT, amended 2022): ids, envelope, statuses, bounded streaming reader, writer.
//!
//! Pure: bytes in, values or a named refusal out. The bytes that came stay the truth; what is read here
//! only decides where they go and what people are shown.

mod envelope;
mod ids;
mod invalid;
mod limits;
mod reader;
pub mod record;
mod reason;
pub mod writer;

pub use envelope::{Attachment, Envelope, Kind, Priority};
pub use ids::{Digest, DocId, Generation, Malformed, MemberId, PacketId};
pub use invalid::{Invalid, Rule};
pub use limits::Limits;
pub use reader::Reader;
