//! The signer with a real token. Each test runs in a process of its own, since a process has one PKCS#11 context.

#![expect(clippy::unwrap_used, reason = "a test that can't go on ends")]

#[path = "../../src/signer/tests/authority.rs"]
mod authority;
mod forged;
mod overlap;
mod probe;
mod process;
mod standby;
#[expect(dead_code, reason = "the token's own tests use the rest")]
#[path = "../../hsm/tests/token/world.rs"]
mod token;
