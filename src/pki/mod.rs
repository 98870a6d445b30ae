//! The door to the certification authority: revocation lists and OCSP answers, fetched ahead of time and never while a
//! peer waits, kept on disk, and put into the grounds on which verdicts rest.
//!
//! | room | what it does |
//! |---|---|
//! | `source` | one bounded request to one http URL |
//! | `cache` | what was fetched, so that a start needs no source |
//! | `keeper` | the one owner of the trust in force: assembles, reloads, publishes it |
//! | `lists` | follows each revocation list |
//! | `answers` | follows the status of each certificate that was met |
//! | `stamps` | has the heads of logs stamped with the time, now and then |
//! | `outage` | tells of sources that are away, and of what that means until when |

mod answers;
mod cache;
mod config;
mod keeper;
mod lists;
mod outage;
mod schedule;
mod source;
mod stamps;

pub use config::{Config, ListSource, ResponderSource};
pub use keeper::{Keeper, Material};
pub use stamps::{Stamper, TimeStamps};

#[cfg(test)]
mod tests;
