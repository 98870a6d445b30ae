//! Machines whose disk forgets at a power cut what was not flushed.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use forgetful::{Lost, Volatile};

use super::machines::Who;
use super::{World, executable, plan, write};

/// Starts the program in the environment that lies beside its configuration, if one does: `box-1/relay.env`.
const STARTER: &str =
    "#!/bin/sh\nif [ -r \"${3%/*}/$1.env\" ]; then . \"${3%/*}/$1.env\"; fi\nexec";

/// A machine's two processes, each before a disk of its own that forgets.
pub struct Machine {
    main: (Who, Volatile),
    signer: (Who, Volatile),
}

impl World {
    /// An exchange one machine of which, that of `main`, has such a disk.
    pub fn forgetful(main: Who) -> (Self, Machine) {
        let directory = tempfile::tempdir().unwrap();
        let starter = directory.path().join("starter");
        write(
            &starter,
            format!("{STARTER} {} \"$@\"\n", executable().display()),
        );
        std::fs::set_permissions(&starter, PermissionsExt::from_mode(0o700)).unwrap();
        let mut world = Self::run_by(&starter, &plan(), directory);
        let machine = Machine::of(&mut world, main);
        (world, machine)
    }
}

impl Machine {
    /// From here on its processes are watched, and what lies there is durable.
    fn of(world: &mut World, main: Who) -> Self {
        let (verb, signer) = match main {
            Who::Sender => ("relay", Who::SenderSigner),
            Who::Receiver => ("relay", Who::ReceiverSigner),
            Who::Hub => ("hub", Who::HubSigner),
            other => panic!("{other:?} is no machine's main process"),
        };
        world.kill(main);
        world.kill(signer);
        let (directory, state) = (
            world.machine(main).directory.clone(),
            world.machine(main).state(),
        );
        let watched = |verb: &str, root: &Path| {
            let volatile = Volatile::new(root, &directory.join(verb)).unwrap();
            let mut lines = String::new();
            for (name, value) in volatile.environment(&forgetful::shim().unwrap()) {
                writeln!(lines, "export {name}='{}'", value.display()).unwrap();
            }
            write(&directory.join(format!("{verb}.env")), lines);
            volatile
        };
        let machine = Self {
            main: (main, watched(verb, &state)),
            signer: (signer, watched("signer", &directory.join("heads"))),
        };
        machine.start(world);
        machine
    }

    pub fn main(&self) -> &Volatile {
        &self.main.1
    }

    pub fn signer(&self) -> &Volatile {
        &self.signer.1
    }

    /// Whether the power of one of them went as it was told to.
    pub fn is_out(&self) -> bool {
        self.main().is_out().unwrap() || self.signer().is_out().unwrap()
    }

    /// Pulls the plug on both, lets the disk forget, starts both again.
    pub fn cut(&mut self, world: &mut World, seed: u64) -> [Lost; 2] {
        world.kill(self.main.0);
        world.kill(self.signer.0);
        let lost = [
            self.main.1.cut(seed).unwrap(),
            self.signer.1.cut(seed).unwrap(),
        ];
        self.start(world);
        lost
    }

    fn start(&self, world: &mut World) {
        // The hub starts with its signer.
        world.again(self.signer.0);
        if world.slot(self.main.0).is_none() {
            world.again(self.main.0);
        }
    }
}
