//! The door to the hub: the protocol between boxes and hub, and a box's side of it.
//!
//! HTTP/2 over mutual TLS. The version stands in the path and in the ALPN word `h2`. A sealed packet is a
//! length-prefixed seal followed by the packet's bytes ([`wire`]).
//!
//! | call | request | answer |
//! |---|---|---|
//! | `POST /v1/checkpoints` | [`Announcement`] | 200 [`Announced`]: taken, or from which size to prove |
//! | `POST /v1/rehearsal` | [`Announcement`] | 204: the head's signature would be taken |
//! | `PUT /v1/packets/ID` | seal and body; a void: seal alone | 200 the hub's *accepted* receipt as a frame |
//! | `POST /v1/consignments` | small packets with their seals ([`consignment`]) | 200 the hub's word on each |
//! | `POST /v1/mailbox` | [`Ask`] | 200 [`Mailbox`]: packets leased to this box; long poll |
//! | `GET /v1/packets/ID?to=CODE` | | 200 seal and body |
//! | `POST /v1/receipts` | frames of seals | 200 [`Taken`], a verdict each, in order |
//! | `GET /v1/receipts?after=N&wait=MS` | | 200 frames, each a position and a seal; long poll |
//! | `GET /v1/directory?have=VERSION&wait=MS` | | 200 seal and directory, or 204 when there is none newer; long poll |
//! | the same with `&differences=1` | | the same, or 200 [`DIFFERENCE`]: the new one's seal and what changed since `have` |
//! | `GET /v1/log?member=CODE` | | 200 [`LogState`]: what the hub has seen of a log, for a restored box |
//! | `POST /v1/epochs` | [`EpochAsk`] | 200 [`LogState`]: a new epoch waits for the hub's operators, or is open |
//! | `GET /v1/given?member=CODE&since=MS&after=ID` | | 200 [`Given`]: packets of which the member gave receipts |
//! | `GET /v1/head?from=SIZE` | | 200 [`HubHead`]: the hub's newest head, proven to continue `from` |
//!
//! Refusals are problem answers (RFC 9457). 409 with [`BEHIND`] means that a head must be announced first, other 4xx
//! are final for what was sent, 429 and 5xx may succeed later.

mod client;
pub mod consignment;
pub mod enrolment;
mod error;
mod messages;
mod restored;
mod unreached;
pub mod wire;

pub use client::{Fetched, Hub, Listing};
pub use error::Error;
pub use messages::{Announced, Announcement, Ask, HubHead, Mailbox, MailboxEntry, Taken, Verdict};
pub use restored::{EpochAsk, Given, LogState, Pair, Said};
pub use unreached::Unreached;

/// Header of each answer: the hub's time (RFC 3339), by which boxes see how far their clock is off.
pub const TIME: &str = "trucgate-time";
/// Path of announcements.
pub const CHECKPOINTS: &str = "/v1/checkpoints";
/// Path of rehearsals: an announcement that is judged and not entered.
pub const REHEARSAL: &str = "/v1/rehearsal";
/// Path of packets, before the id.
pub const PACKETS: &str = "/v1/packets/";
/// Path of consignments.
pub const CONSIGNMENTS: &str = "/v1/consignments";
/// Path of the mailbox.
pub const MAILBOX: &str = "/v1/mailbox";
/// Path of receipts.
pub const RECEIPTS: &str = "/v1/receipts";
/// Path of the directory.
pub const DIRECTORY: &str = "/v1/directory";
/// Media type of what makes a directory of the one before it ([`crate::trust::directory::difference`]).
pub const DIFFERENCE: &str = "application/vnd.trucgate.difference";
/// Path of what the hub has seen of a member's log.
pub const LOG: &str = "/v1/log";
/// Path of new epochs of logs.
pub const EPOCHS: &str = "/v1/epochs";
/// Path of packets of which a member gave receipts.
pub const GIVEN: &str = "/v1/given";
/// Path of the hub's head.
pub const HEAD: &str = "/v1/head";
/// Problem type of a head that forks or rolls back its log.
pub const FORK: &str = "urn:trucgate:problem:fork";
/// Problem type of a packet whose head the hub does not know.
pub const BEHIND: &str = "urn:trucgate:problem:head-unknown";
