//! Looks at the machine, again and again, in a thread of its own: a process that hangs must not stop the page's clock.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use super::super::machine::Machine;
use super::super::operator::Whom;
use super::super::progress::Sign;
use super::Event;
use super::errors;
use super::language::shown;
use super::page::Sight;
use super::update::{Places, Updates};
use crate::appliance::Form;
use crate::clock::{Chance, Clock};
use crate::control::{Answer, Ask, Report};
use crate::durable::Disk;
use crate::provision::bench::Bench;

/// How often. The process has its token sign for an answer when the last signature is old: more often would be a load.
const EVERY: Duration = Duration::from_secs(15);

/// Where to look.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    pub(super) whom: Whom,
    pub(super) directory: PathBuf,
    pub(super) journal: Option<PathBuf>,
    pub(super) updates: Places,
    /// Where the progress of a support bundle is.
    pub(super) support: PathBuf,
}

/// Looks for ever and tells `events`; whoever sends to what is returned makes it look at once.
pub(super) fn follow(watcher: Watcher, events: Sender<Event>) -> io::Result<Sender<()>> {
    let (again, asked) = channel();
    let look_on = move || {
        while events.send(Event::Seen(Box::new(look(&watcher)))).is_ok() {
            if let Err(RecvTimeoutError::Disconnected) = asked.recv_timeout(EVERY) {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("sight".to_owned())
        .spawn(look_on)?;
    Ok(again)
}

/// Looks once.
pub(super) fn look(watcher: &Watcher) -> Sight {
    let bench = Bench::look(
        &watcher.directory,
        Disk::real(),
        Clock::system(),
        Chance::system(),
    );
    let names: BTreeMap<String, String> = match &bench {
        Ok(bench) => {
            let members = bench.plan.members.iter();
            members
                .map(|one| (one.code.to_string(), shown(&one.name)))
                .collect()
        }
        Err(_) => BTreeMap::new(),
    };
    let machine = Machine::look();
    Sight {
        report: report(&watcher.whom),
        updates: Updates::look(&watcher.updates),
        settings: settings(&watcher.directory.join("settings.toml"), &machine),
        machine,
        support: Sign::read(&watcher.support),
        errors: errors::last(watcher.journal.as_deref()),
        names,
        checklist: bench.map(|bench| {
            let risks = bench.risks().into_iter().map(|risk| format!("\n{risk}"));
            bench.checklist() + &risks.collect::<String>()
        }),
    }
}

/// The machine's settings to be changed; where it has none yet, those of its cards to be entered.
fn settings(file: &Path, machine: &Machine) -> Result<Form, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(told(&error)),
    };
    let cards = machine.interfaces.iter().map(|one| one.mac.clone());
    let cards: Vec<String> = cards.filter(|mac| !mac.is_empty()).collect();
    Form::open(text.as_deref(), &cards).map_err(|error| told(&error))
}

fn report(whom: &Whom) -> Result<Report, String> {
    match whom.ask(&Ask::Status)? {
        Answer::Status(report) => Ok(*report),
        Answer::Refused(why) => Err(why.to_string()),
        other => Err(format!("{other:?}")),
    }
}
