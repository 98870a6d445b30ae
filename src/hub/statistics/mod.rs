//! Who sent how much to whom, how long it took and what failed: counted from the sealed evidence that the hub holds.
//!
//! | file | what it does |
//! |---|---|
//! | `day` | days and windows in Vietnam's time |
//! | `span` | days joined to longer spans, so that any window is a handful of sums |
//! | `measure` | what is counted, and by which words |
//! | `histogram` | times in buckets that add up; percentiles from them |
//! | `tally` | what some pieces of evidence add to the counts |
//! | `gather` | the evidence behind the cursors, read in chunks |
//! | `count` | a chunk's counts and its cursors in one transaction; the task that does it; counting anew |
//! | `read` | a window's picture |
//!
//! Nothing is counted when it happens: packets and receipts are written as before, and a task walks behind them. Counts and
//! cursors change together, so whatever is cut leaves both as they were. The day is that on which the hub kept a packet or
//! receipt, by the one clock that no box moves; times from one to the other are those that were sealed. A code counts as it
//! was written, and is found in the directory when it is shown: that changes, evidence does not.

mod count;
mod day;
mod gather;
mod histogram;
mod measure;
mod read;
mod span;
mod tally;

pub use count::{Step, count, rebuild, step};
pub use day::{Day, Window};
pub use histogram::Histogram;
pub use measure::{Failure, Kind, Stage, Traffic};
pub use read::{Activity, Daily, Pair, Picture, Standing, earliest, picture};

/// The tables of this room. `level` and `span` say which days a row sums up; member 0 is the nation.
pub const SCHEMA: &str = "
CREATE TABLE stat_cursor (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE stat_member (
  number INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE,
  first_sent INTEGER, last_sent INTEGER, first_received INTEGER, last_received INTEGER);
INSERT INTO stat_member (number, code) VALUES (0, '');
CREATE TABLE stat_traffic (
  level INTEGER NOT NULL, span INTEGER NOT NULL, member INTEGER NOT NULL, kind INTEGER NOT NULL,
  sent INTEGER NOT NULL, addressed INTEGER NOT NULL, sent_bytes INTEGER NOT NULL, voided INTEGER NOT NULL,
  delivered INTEGER NOT NULL, received_bytes INTEGER NOT NULL, collected INTEGER NOT NULL, failed INTEGER NOT NULL,
  PRIMARY KEY (level, span, member, kind)) WITHOUT ROWID;
CREATE TABLE stat_pair (
  level INTEGER NOT NULL, span INTEGER NOT NULL, sender INTEGER NOT NULL, recipient INTEGER NOT NULL,
  packets INTEGER NOT NULL, PRIMARY KEY (level, span, sender, recipient)) WITHOUT ROWID;
CREATE TABLE stat_time (
  level INTEGER NOT NULL, span INTEGER NOT NULL, member INTEGER NOT NULL, stage INTEGER NOT NULL,
  bucket INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (level, span, member, stage, bucket)) WITHOUT ROWID;
CREATE TABLE stat_word (
  level INTEGER NOT NULL, span INTEGER NOT NULL, member INTEGER NOT NULL, word TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (level, span, member, word)) WITHOUT ROWID;
";

/// The code under which the whole nation is counted.
const NATION: &str = "";

#[cfg(test)]
mod tests;
