//! trucgate: the security server of an agency, and the exchange it relays to.
//!
//! This file is the floor plan. A module uses only modules that stand earlier in it, and from floor 1 up
//! never one of its own floor; `tests/layers.rs` holds that.

#![forbid(unsafe_code)]

// Floor 0, ground: what the machine gives us.
// Time and chance, handed in by the door.
pub mod clock;
// Changes of the disk: returned means durable.
pub mod durable;
// Readiness, watchdog and credentials as systemd hands them over.
pub mod systemd;
// Classes of errors and waiting between tries.
pub mod retry;
// Lines that people act on, to journald or as JSON.
pub mod journal;
// How far traffic is from stopping, said by each room and read by whoever asks.
pub mod gauge;
// SQLite with one writer that groups commits.
pub mod store;

// Floor 1, language: pure.
// edXML: member ids, envelope, statuses, bounded streaming reader and writer.
pub mod packet;
// Tree hashes, proofs and checkpoints (RFC 9162).
pub mod merkle;

// Floor 2, trust.
// Chain, purpose and time in; identity out.
pub mod trust;
// All that others know of the token.
pub mod signer;
// A packet's way in a clerk's words.
pub mod trace;

// Floor 3, keeping.
// A member's log of records: one HSM signature for many.
pub mod evidence;
// The durable store of packets on their way.
pub mod spool;
// rustls configurations whose keys stay behind the signer.
pub mod tls;

// Floor 4, proof and wire.
// Packet and evidence to Sealed; Sealed and trust to Opened.
pub mod seal;
// HTTP with limits, deadlines, drain and problem answers.
pub mod https;

// Floor 5, doors.
// The door to the software: the VXP SDK's HTTP.
pub mod vxp;
// The door to the hub: the protocol between boxes and hub.
pub mod uplink;
// The door to the certification authority: revocation and time.
pub mod pki;
// What a box puts aside for the day it is lost.
pub mod backup;
// What a box tells those who help it.
pub mod support;

// Floor 6, walk.
// The walk of a packet through a box.
pub mod relay;
// The exchange: intake, mailboxes, directory, receipts.
pub mod hub;

// Floor 7, operation.
// Tokens, keys, certificates and enrolment.
pub mod provision;
// The operator's questions to a running box.
pub mod control;
// The same for a browser: the board, a document's way, the box's page.
pub mod web;
// An appliance's name, network and doors.
pub mod appliance;
// Signed bundles, and the versions that an appliance may go to.
pub mod update;
// Gathers the configurations of all rooms.
pub mod config;

// Floor 8, verbs.
// One verb, one exit code.
pub mod cmd;
