//! What an appliance is told of its surroundings: name, network, clocks and with whom it may speak. One TOML file on a medium;
//! here it is read and turned into the files of those who carry it out.
//!
//! And its disks, for whoever installs one.
//!
//! Nothing of it is baked into an image, and nothing is open that it does not name.

pub mod copy;
pub mod disks;
mod form;
mod log_server;
mod render;
mod settings;

pub use form::{Field, Form};
pub use log_server::LogServer;
pub use render::{File, files, left_over};
pub use settings::{Clock, Journal, Names, Network, Opened, Peers, Prefix, Settings, Update};

#[cfg(test)]
mod tests;
