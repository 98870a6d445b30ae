//! The exchange's processes by their part in a walk, and the plug that is pulled on them.

use std::path::PathBuf;

use serde_json::Value;
use trucgate::cmd::demo::exchange::is;
use trucgate::cmd::demo::process::Process;
use trucgate::journal::Id;
use trucgate::provision::lab::Machine;

use super::{PATIENCE, World};

/// A process of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The relay of the box that sends.
    Sender,
    /// The relay of the box that receives.
    Receiver,
    /// The hub.
    Hub,
    /// Their signers.
    SenderSigner,
    ReceiverSigner,
    HubSigner,
}

impl World {
    pub fn process(&self, who: Who) -> &Process {
        let exchange = &self.exchange;
        let slot = match who {
            Who::Sender => &exchange.boxes[0].main,
            Who::Receiver => &exchange.boxes[1].main,
            Who::Hub => &exchange.hub.main,
            Who::SenderSigner => &exchange.boxes[0].signer,
            Who::ReceiverSigner => &exchange.boxes[1].signer,
            Who::HubSigner => &exchange.hub.signer,
        };
        slot.as_ref().unwrap()
    }

    pub fn slot(&mut self, who: Who) -> &mut Option<Process> {
        let exchange = &mut self.exchange;
        match who {
            Who::Sender => &mut exchange.boxes[0].main,
            Who::Receiver => &mut exchange.boxes[1].main,
            Who::Hub => &mut exchange.hub.main,
            Who::SenderSigner => &mut exchange.boxes[0].signer,
            Who::ReceiverSigner => &mut exchange.boxes[1].signer,
            Who::HubSigner => &mut exchange.hub.signer,
        }
    }

    /// SIGKILL, and it is gone.
    pub fn kill(&mut self, who: Who) {
        self.slot(who).take().unwrap().kill().unwrap();
    }

    /// Starts again what was killed.
    pub fn again(&mut self, who: Who) {
        let exchange = &mut self.exchange;
        match who {
            Who::Sender => exchange.start_relay(0),
            Who::Receiver => exchange.start_relay(1),
            Who::Hub | Who::HubSigner => exchange.start_hub(),
            Who::SenderSigner => exchange.start_signer(0),
            Who::ReceiverSigner => exchange.start_signer(1),
        }
        .unwrap();
    }

    /// Waits for the journal line number `nth` (from 0) of that id behind line `from`; gives the number of the next.
    pub fn said(
        &self,
        who: Who,
        from: usize,
        id: &Id,
        nth: usize,
        fits: impl Fn(&Value) -> bool,
    ) -> usize {
        let process = self.process(who);
        (0..=nth).fold(from, |at, _| {
            let line = process.line(at, PATIENCE, |line| is(line, id) && fits(line));
            line.unwrap().0 + 1
        })
    }

    /// The machine that runs `who`.
    pub fn machine(&self, who: Who) -> &Machine {
        let lab = &self.exchange.lab;
        match who {
            Who::Sender | Who::SenderSigner => &lab.boxes[0],
            Who::Receiver | Who::ReceiverSigner => &lab.boxes[1],
            Who::Hub | Who::HubSigner => &lab.hub,
        }
    }

    /// Files of bodies at `who`, finished or not.
    pub fn bodies(&self, who: Who) -> Vec<PathBuf> {
        let shelves = self.machine(who).state().join("bodies");
        let Ok(shelves) = std::fs::read_dir(shelves) else {
            return Vec::new();
        };
        shelves
            .filter_map(|shelf| std::fs::read_dir(shelf.ok()?.path()).ok())
            .flatten()
            .filter_map(|file| Some(file.ok()?.path()))
            .collect()
    }
}
