//! What a person at the console may order. The console has no power to do it: it puts a request where a path unit of
//! systemd sees it.

use std::path::Path;

use crate::durable::Disk;
use crate::journal::{self, ids};

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    PowerOff,
    Restart,
    Update,
    Support,
    Maintenance,
    Settings,
}

impl Order {
    /// Name of the request, which `trucgate-console-*.path` waits for.
    fn name(self) -> &'static str {
        match self {
            Self::PowerOff => "power-off",
            Self::Restart => "restart",
            Self::Update => "update",
            Self::Support => "support",
            Self::Maintenance => "maintenance",
            Self::Settings => "settings",
        }
    }

    /// Journals the order and puts the request in place, with what goes with it.
    pub(super) fn give(
        self,
        disk: &Disk,
        requests: &Path,
        line: &str,
        with: &str,
    ) -> Result<Self, String> {
        journal::line(&ids::CONSOLE_ORDER)
            .peer(line)
            .step(self.name())
            .say("a person at the console has ordered it");
        let mut request = self.name().to_owned();
        if self == Self::Maintenance {
            // The session takes the place of the page that asks.
            let name = line.rsplit('/').next().unwrap_or(line);
            request += &format!("-{name}");
        }
        disk.replace(&requests.join(request), with.as_bytes())
            .map(|()| self)
            .map_err(|error| format!("{}: {error}", requests.display()))
    }
}
