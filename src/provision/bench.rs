//! A box on the bench: its directory, plan and written state, and the steps that change them.
//!
//! ```text
//! DIR/plan.toml                      which box and members
//! DIR/provision/state.json           what has been done
//! DIR/provision/so-pin, pin          until they go to the safe and are sealed
//! DIR/provision/requests/KEY.csr     for the certification authority
//! DIR/certificates/KEY.pem           what came back: chain, own certificate first
//! DIR/signer.toml, relay.toml, systems.toml
//! ```
//!
//! Each step writes its effect first and the state last, and may be repeated: a step cut off anywhere is done again.

use std::path::{Path, PathBuf};

use hsm::{KeyName, TokenName, Workbench};

use super::plan::Plan;
use super::state::{self, KeyDone, PinDone, Protection, State, TokenDone};
use super::{TokenKey, configure, pin, token};
use crate::clock::{Chance, Clock};
use crate::durable::Disk;
use crate::trust::directory::Fingerprint;

/// One box that is being provisioned.
#[derive(Debug)]
pub struct Bench {
    /// Its directory.
    pub directory: PathBuf,
    /// Its plan.
    pub plan: Plan,
    /// What has been done.
    pub state: State,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
}

impl Bench {
    /// Opens a directory that holds a plan.
    ///
    /// # Errors
    /// When plan or state can't be read.
    pub fn open(
        directory: &Path,
        disk: Disk,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, String> {
        let bench = Self::look(directory, disk, clock, chance)?;
        for directory in [bench.requests(), bench.certificates()] {
            bench
                .disk
                .make_dir(&directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
        }
        // Certificates are public, and the signer's user reads them.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(bench.certificates(), open).map_err(told)?;
        // Sealed, then cut off before the plain one went.
        if matches!(&bench.state.pin, Some(done) if done.how != Protection::Plain) {
            bench.remove(&bench.pin_file())?;
        }
        Ok(bench)
    }

    /// Looks at a directory that holds a plan and changes nothing, for whoever only shows the checklist.
    ///
    /// # Errors
    /// When plan or state can't be read.
    pub fn look(
        directory: &Path,
        disk: Disk,
        clock: Clock,
        chance: Chance,
    ) -> Result<Self, String> {
        Ok(Self {
            directory: directory.to_owned(),
            plan: Plan::read(&plan_file(directory))?,
            state: State::read(&state_file(directory))?,
            disk,
            clock,
            chance,
        })
    }

    /// Where requests lie.
    #[must_use]
    pub fn requests(&self) -> PathBuf {
        self.directory.join("provision/requests")
    }

    /// A key's request.
    #[must_use]
    pub fn request_file(&self, label: &str) -> PathBuf {
        self.requests().join(format!("{label}.csr"))
    }

    fn certificates(&self) -> PathBuf {
        self.directory.join("certificates")
    }

    /// A key's chain.
    #[must_use]
    pub fn chain_file(&self, label: &str) -> PathBuf {
        self.certificates().join(format!("{label}.pem"))
    }

    /// The security officer's PIN, until it is in the safe.
    #[must_use]
    pub fn so_pin_file(&self) -> PathBuf {
        self.directory.join("provision/so-pin")
    }

    /// The user's PIN, until it is sealed; for ever where it is declared plain.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.directory.join("provision/pin")
    }

    pub(super) fn save(&self) -> Result<(), String> {
        self.state.write(&state_file(&self.directory), &self.disk)
    }

    pub(super) fn remove(&self, path: &Path) -> Result<(), String> {
        self.disk
            .remove(path)
            .map_err(|error| format!("{}: {error}", path.display()))
    }

    pub(super) fn now(&self) -> String {
        state::now(&self.clock)
    }

    /// Refuses changes once the box is closed.
    ///
    /// # Errors
    /// When it is.
    pub fn open_to_change(&self) -> Result<(), String> {
        match &self.state.closed {
            None => Ok(()),
            Some(at) => Err(format!(
                "đã niêm lúc {at}, không thay đổi được nữa / closed at {at}, nothing is changed here any more"
            )),
        }
    }

    /// Finds the token, or initialises the one that is blank. PINs come from the given files or are drawn.
    ///
    /// # Errors
    /// When the token is not there, is somebody else's, or refuses.
    pub fn init_token(&mut self, so_pin: Option<&Path>, pin: Option<&Path>) -> Result<(), String> {
        self.open_to_change()?;
        let wanted = &self.plan.token;
        let mut bench = Workbench::open(&wanted.module).map_err(told)?;
        let name = TokenName::Label(wanted.label.clone());
        let known = self.pin_file().exists() || self.state.pin.is_some();
        if token::is_ready(&bench, &name)? && !known && pin.is_none() {
            return Err(format!(
                "token nhãn {0} đã có PIN / a token labelled {0} is there already with a PIN: give that PIN with --pin FILE, or choose another label in {1}",
                wanted.label,
                plan_file(&self.directory).display()
            ));
        }
        if self.state.pin.is_none() {
            for (given, own) in [(so_pin, self.so_pin_file()), (pin, self.pin_file())] {
                match given {
                    Some(given) => self.take_pin(given, &own)?,
                    None => token::pin_file(&own, &self.disk, &self.chance)?,
                }
            }
        }
        let user = self.pin()?;
        let found = match token::find(&bench, &name)? {
            Some(found) if found.pin_set => found,
            _ => {
                let so = token::read_pin(&self.so_pin_file())?;
                token::ensure(
                    &mut bench,
                    &wanted.label,
                    wanted.serial.as_deref(),
                    &so,
                    &user,
                )?
            }
        };
        bench.login(&name, &user).map_err(told)?;
        self.state.token = Some(TokenDone {
            label: found.label,
            serial: found.serial,
            at: self.now(),
        });
        self.save()
    }

    fn take_pin(&self, given: &Path, own: &Path) -> Result<(), String> {
        let bytes = std::fs::read(given).map_err(|e| format!("{}: {e}", given.display()))?;
        // Read as the signer reads it: a file that is no PIN is found out now.
        token::read_pin(given)?;
        let text = bytes.trim_ascii_end();
        self.disk
            .replace_secret(own, text)
            .map_err(|error| format!("{}: {error}", own.display()))
    }

    /// Seals the PIN, or declares that it stays plain.
    ///
    /// # Errors
    /// When `systemd-creds` can't work here.
    pub fn seal_pin(&mut self, plain: bool) -> Result<Protection, String> {
        self.open_to_change()?;
        self.after(self.state.token.is_some(), "init-token")?;
        if let Some(done) = &self.state.pin
            && (done.how == Protection::Plain) == plain
        {
            return Ok(done.how);
        }
        let how = if plain {
            self.back_to_plain()?;
            Protection::Plain
        } else {
            pin::seal(
                &self.pin_file(),
                &self.plan.token.pin_credential,
                &self.disk,
            )?
        };
        self.state.pin = Some(PinDone {
            how,
            at: self.now(),
        });
        self.save()?;
        if !plain {
            self.remove(&self.pin_file())?;
        }
        Ok(how)
    }

    /// The PIN back in its plain file, if it is sealed.
    fn back_to_plain(&self) -> Result<(), String> {
        let sealed = matches!(&self.state.pin, Some(done) if done.how != Protection::Plain);
        if sealed {
            let pin = pin::unseal(&self.plan.token.pin_credential)?;
            self.disk
                .replace_secret(&self.pin_file(), &pin)
                .map_err(told)?;
        }
        Ok(())
    }

    /// The PIN, as it is kept now.
    ///
    /// # Errors
    /// When it can't be read or decrypted.
    pub fn pin(&self) -> Result<hsm::Pin, String> {
        let how = self.state.pin.as_ref().map(|done| done.how);
        pin::read(how, &self.pin_file(), &self.plan.token.pin_credential)
    }

    /// Opens the token that the state names, by its serial number, and by its label where it has none.
    ///
    /// # Errors
    /// When it is not there, or another one bears its label.
    pub fn workbench(&self) -> Result<Workbench, String> {
        let Some(known) = &self.state.token else {
            return Err(self.missing("init-token"));
        };
        let mut bench = Workbench::open(&self.plan.token.module).map_err(told)?;
        let name = TokenName::Label(known.label.clone());
        match token::find(&bench, &name)? {
            Some(found) if found.serial == known.serial => {}
            Some(found) => {
                return Err(format!(
                    "token nhãn {} có số sê-ri {}, không phải {} / the token of this label has another serial number: plug in the right one",
                    known.label, found.serial, known.serial
                ));
            }
            None => {
                return Err(format!(
                    "không thấy token nhãn {0}, số sê-ri {1} / no token labelled {0}, serial {1}: plug it in and repeat",
                    known.label, known.serial
                ));
            }
        }
        bench.login(&name, &self.pin()?).map_err(told)?;
        Ok(bench)
    }

    /// Makes the missing key pairs and reads their attributes back.
    ///
    /// # Errors
    /// What the token refuses.
    pub fn make_keys(&mut self) -> Result<(), String> {
        self.open_to_change()?;
        self.after(self.state.pin.is_some(), "pin")?;
        let bench = self.workbench()?;
        for planned in self.plan.planned_keys() {
            let key = token::key(&bench, &planned.label, planned.kind)?;
            let done = KeyDone {
                spki: Fingerprint::of(&key.public.spki),
                at: self.now(),
            };
            match self.state.keys.get(&planned.label) {
                Some(known) if known.spki == done.spki => continue,
                _ => self.state.keys.insert(planned.label, done),
            };
            self.save()?;
        }
        Ok(())
    }

    /// A planned key in the token, which must be the one that was made here.
    ///
    /// # Errors
    /// When it is not there, or another one bears its label.
    pub fn key<'a>(&self, bench: &'a Workbench, label: &str) -> Result<TokenKey<'a>, String> {
        let key = TokenKey::find(bench, label)?;
        match self.state.keys.get(label) {
            Some(known) if known.spki == Fingerprint::of(key.spki_der()) => Ok(key),
            _ => Err(format!(
                "khoá {label}: {} / key {label}",
                self.missing("keys")
            )),
        }
    }

    /// Writes the configurations of signer, relay and software; `owner` (user, group) is the relay's.
    ///
    /// # Errors
    /// When a certificate is missing or a file can't be written.
    pub fn configure(&mut self, owner: Option<(u32, u32)>) -> Result<(), String> {
        self.open_to_change()?;
        self.after(self.has_certificates(), "import")?;
        configure::write(self, owner)?;
        self.state.configured = Some(self.plan_digest()?);
        self.save()
    }

    /// Digest of the plan's file.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn plan_digest(&self) -> Result<Fingerprint, String> {
        let file = plan_file(&self.directory);
        let bytes = std::fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?;
        Ok(Fingerprint::of(&bytes))
    }

    /// Whether every planned key was made.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        let planned = self.plan.planned_keys();
        planned
            .iter()
            .all(|key| self.state.keys.contains_key(&key.label))
    }

    /// Destroys the planned keys in the token.
    pub(super) fn destroy_keys(&self) -> Result<(), String> {
        let bench = self.workbench()?;
        for planned in self.plan.planned_keys() {
            bench
                .destroy(&KeyName::Label(planned.label))
                .map_err(told)?;
        }
        Ok(())
    }

    pub(super) fn unseal_pin(&mut self) -> Result<(), String> {
        self.back_to_plain()?;
        self.state.pin = None;
        self.save()?;
        self.remove(&self.plan.token.pin_credential)
    }

    /// Says which step comes first.
    pub(super) fn after(&self, done: bool, step: &str) -> Result<(), String> {
        if done {
            Ok(())
        } else {
            Err(self.missing(step))
        }
    }

    pub(super) fn missing(&self, step: &str) -> String {
        format!(
            "chưa đến bước này / this comes later; first: trucgate provision {step} --dir {}",
            self.directory.display()
        )
    }
}

/// The plan of the box in `directory`.
#[must_use]
pub fn plan_file(directory: &Path) -> PathBuf {
    directory.join("plan.toml")
}

fn state_file(directory: &Path) -> PathBuf {
    directory.join("provision/state.json")
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
