//! Brings a good bundle into the idle slot. Whatever cuts it off leaves the running slot as it was, and a repetition
//! begins anew.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};

use super::refused::{Error, Refused};
use super::{Bundle, Esp, Manifest, Stage, State, System, Trial};
use crate::durable::Disk;

/// What an update is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Bringing the bundle: bytes of all.
    Fetching(u64, u64),
    /// Reading and checking: bytes of all.
    Reading(u64, u64),
    /// Writing the idle slot.
    Writing,
}

/// The machine's places and tools.
#[derive(Clone, Debug)]
pub struct Install {
    /// Of the changes.
    pub disk: Disk,
    /// The machine.
    pub system: System,
    /// Where its state is kept; the spool lies below.
    pub state: PathBuf,
    /// The loader's entries.
    pub esp: Esp,
    /// systemd-sysupdate, and what stands before its verb.
    pub sysupdate: Vec<String>,
}

impl Install {
    /// Checks the bundle, leaves its parts in the spool, and has the idle slot written. The next start tries it; where
    /// `relays`, it has to do that, too.
    ///
    /// # Errors
    /// When the bundle is refused; when another update is under way; when the slot can't be written.
    pub fn run(
        &self,
        bundle: impl Read,
        relays: bool,
        told: &mut dyn FnMut(Phase),
    ) -> Result<(Manifest, Trial), Error> {
        self.disk
            .make_dir(&self.state)
            .map_err(|error| Error::at(self.state.display(), error))?;
        let _alone = self.alone()?;
        let mut state = State::read(&self.state)?;
        let bundle = Bundle::open(bundle, &self.system)?;
        bundle.judge(&self.system, state.floor(self.system.floor))?;
        let spool = self.spool();
        self.sweep(&spool)?;
        self.disk
            .make_dir(&spool)
            .map_err(|error| Error::at(spool.display(), error))?;
        let taken = bundle.unpack(&self.disk, &spool, &mut |read, all| {
            told(Phase::Reading(read, all));
        });
        let manifest = taken.inspect_err(|_| drop(self.sweep(&spool)))?.manifest;
        let mut trial = Trial {
            version: manifest.version,
            previous: self.system.running,
            stage: Stage::Writing,
            relays,
            failed: None,
        };
        state.trial = Some(trial.clone());
        state.keep(&self.disk, &self.state)?;
        told(Phase::Writing);
        self.write(&manifest)?;
        trial.stage = Stage::Written;
        state.trial = Some(trial.clone());
        state.keep(&self.disk, &self.state)?;
        self.sweep(&spool)?;
        Ok((manifest, trial))
    }

    /// Where parts lie until they are in their slot.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.state.join("spool")
    }

    fn write(&self, manifest: &Manifest) -> Result<(), Error> {
        let version = manifest.version.to_string();
        // Empties the idle slot: the same version may lie there, whole or half, from a try that failed.
        self.call(&["--instances-max=1", "vacuum"])?;
        self.esp.sweep(&self.disk)?;
        self.call(&["update", &version])?;
        let entry = self.esp.entry(manifest.version)?;
        let entry = entry.filter(|entry| entry.left.is_some_and(|left| left > 0));
        let entry = entry.ok_or_else(|| {
            Error::at(
                &version,
                "systemd-sysupdate has left no entry that is tried",
            )
        })?;
        if sum(entry.path())? != manifest.uki.sha256 {
            let why = format!("{} as it lies on the disk", entry.path().display());
            return Err(Refused::Changed(why).into());
        }
        // The loader prefers the newest. Going back, what runs has to stand behind; it comes to its turn when the older
        // one fails.
        if manifest.version < self.system.running
            && let Some(running) = self.esp.entry(self.system.running)?
        {
            self.esp.put_behind(&self.disk, &running)?;
        }
        Ok(())
    }

    fn call(&self, verb: &[&str]) -> Result<(), Error> {
        let [program, arguments @ ..] = self.sysupdate.as_slice() else {
            return Err(Error::Machine("no systemd-sysupdate is named".to_owned()));
        };
        let ended = Command::new(program).args(arguments).args(verb).status();
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Error::at(
                format!("systemd-sysupdate {}", verb.join(" ")),
                format!("{status}; xem nhật ký / see the journal"),
            )),
            Err(error) => Err(Error::at(program, error)),
        }
    }

    /// Two at a time would write into one slot.
    fn alone(&self) -> Result<File, Error> {
        let directory = File::open(&self.state)?;
        directory.try_lock().map_err(|_| {
            Error::Machine(
                "một lần cập nhật khác đang chạy / another update is under way".to_owned(),
            )
        })?;
        Ok(directory)
    }

    fn sweep(&self, spool: &Path) -> Result<(), Error> {
        let Ok(files) = std::fs::read_dir(spool) else {
            return Ok(());
        };
        for file in files.flatten() {
            let path = file.path();
            self.disk
                .remove(&path)
                .map_err(|error| Error::at(path.display(), error))?;
        }
        Ok(())
    }
}

fn sum(path: &Path) -> Result<String, Error> {
    let mut file = BufReader::new(File::open(path)?);
    let (mut sum, mut buffer) = (Context::new(&SHA256), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(HEXLOWER.encode(sum.finish().as_ref())),
            read => sum.update(&buffer[..read]),
        }
    }
}
