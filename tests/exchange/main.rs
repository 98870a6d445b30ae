//! The exchange as it runs: real processes, real tokens, real TLS, real files.

#![expect(unreachable_pub, reason = "a test binary has nobody to export to")]
#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

mod backup;
mod board;
mod clock;
mod console;
mod maintenance;
mod peers;
mod register;
mod renewal;
mod revocation;
mod software;
mod sources;
mod stamps;
mod statistics;
mod support;
mod trace;
mod tenancy;
mod directory;
mod disk;
mod forgetful_disk;
mod gauges;
mod memory;
mod order;
mod power_cut;
mod ready;
mod token;
mod two_persons;
mod walk;
mod world;
