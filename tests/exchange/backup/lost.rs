//! An agency that backs its box up, loses it, and sets a new one up.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use trucgate::clock::Chance;
use trucgate::cmd::demo::exchange::is;
use trucgate::journal::ids;
use trucgate::provision::lab::Machine;
use trucgate::trust::issue::TestCa;
use trucgate::trust::pem;

use super::OTHER;
use crate::world::boxes::enter;
use crate::world::desks::persist;
use crate::world::machines::Who::{Sender, SenderSigner};
use crate::world::operators::succeeded;
use crate::world::{PATIENCE, SENDER, World, document, executable, now, plan, write};

impl World {
    /// Signer and relay of the box that sends.
    pub fn again_with_signer(&mut self) {
        self.again(SenderSigner);
        self.again(Sender);
    }

    pub fn status(&self) -> String {
        let socket = self.machine(Sender).state().join("control.sock");
        let said = Command::new(executable())
            .arg("status")
            .arg("--socket")
            .arg(socket)
            .output();
        String::from_utf8(said.unwrap().stdout).unwrap()
    }
}

/// Who has the key that opens backups.
pub struct Agency {
    place: PathBuf,
}

/// Documents that are sent all the while.
pub struct Load {
    stop: Arc<AtomicBool>,
    sending: tokio::task::JoinHandle<Vec<String>>,
}

impl Load {
    /// Ends it; gives the DocIds that were acknowledged.
    pub async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.sending.await.unwrap()
    }
}

impl Agency {
    /// Makes its key and has the sending box back up for it.
    pub fn new(world: &mut World) -> Self {
        let place = world.directory.path().join("agency");
        trucgate::durable::Disk::real().make_dir(&place).unwrap();
        for name in ["key", "stranger"] {
            let made = Command::new("openssl")
                .args([
                    "req",
                    "-new",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                ])
                .args([
                    "-nodes",
                    "-subj",
                    "/CN=TEST backup",
                    "-days",
                    "10",
                    "-keyout",
                ])
                .args([
                    format!("{name}.pem"),
                    "-out".into(),
                    format!("{name}-cert.pem"),
                ])
                .current_dir(&place)
                .output()
                .unwrap();
            succeeded(&made);
        }
        let agency = Self { place };
        agency.configure(world.machine(Sender));
        world.kill(Sender);
        world.again(Sender);
        agency
    }

    fn configure(&self, machine: &Machine) {
        let text = std::fs::read_to_string(machine.config()).unwrap();
        let certificate = self.place.join("key-cert.pem");
        write(
            &machine.config(),
            format!("{text}\n[backup]\ncertificates = [{certificate:?}]\n"),
        );
    }

    /// Software that sends all the while, one after the other.
    pub fn load(&self, world: &World) -> Load {
        let (software, stop) = (
            Arc::new(world.software(SENDER)),
            Arc::new(AtomicBool::new(false)),
        );
        let ended = stop.clone();
        let sending = tokio::spawn(async move {
            let mut sent = Vec::new();
            while !ended.load(Ordering::SeqCst) {
                let number = 1_000 + u32::try_from(sent.len()).unwrap();
                let edxml = document(&[OTHER], number).edxml().unwrap();
                sent.push(persist(software.clone(), edxml).await.doc);
            }
            sent
        });
        Load { stop, sending }
    }

    fn types(&self, world: &World, words: &[&str]) -> Command {
        let mut command = Command::new(executable());
        command
            .args(words)
            .arg("--config")
            .arg(world.machine(Sender).config());
        command
    }

    /// Backs up into a directory; gives the file.
    pub fn backup(&self, world: &World) -> PathBuf {
        let out = self.place.join("backups");
        trucgate::durable::Disk::real().make_dir(&out).unwrap();
        let done = self
            .types(world, &["backup"])
            .arg("--out")
            .arg(&out)
            .output()
            .unwrap();
        succeeded(&done);
        let mut names: Vec<PathBuf> = std::fs::read_dir(&out)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        names.sort();
        let whole = |path: &PathBuf| path.extension().is_some_and(|end| end == "trucgate-backup");
        assert!(names.iter().all(whole), "{names:?}");
        assert!(!world.machine(Sender).state().join("snapshot").exists());
        names.pop().unwrap()
    }

    /// A backup that is killed leaves no file under its name, and the next one is none the worse for it.
    pub fn cut(&self, world: &World) {
        let file = self.place.join("cut");
        for wait in [0, 20, 60, 120] {
            let mut child = self
                .types(world, &["backup"])
                .arg("--out")
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            wait_for(&mut child, Duration::from_millis(wait));
            if file.exists() {
                trucgate::backup::check(&file).unwrap();
            }
        }
    }

    pub fn rehearse(&self, world: &World) -> Output {
        self.types(world, &["backup", "rehearse"]).output().unwrap()
    }

    pub fn restore(&self, world: &World, from: &Path, key: &str) -> Output {
        self.restore_with(world, from, "--key", &self.place.join(key))
    }

    pub fn restore_with(&self, world: &World, from: &Path, option: &str, key: &Path) -> Output {
        self.restoring(world, from, option, key).output().unwrap()
    }

    fn restoring(&self, world: &World, from: &Path, option: &str, key: &Path) -> Command {
        let mut command = self.types(world, &["restore"]);
        command.arg("--from").arg(from).arg(option).arg(key);
        command
    }

    /// The plug is pulled on restores at later and later moments until one goes through or eight were cut.
    pub fn cut_restores(&self, world: &World, from: &Path) {
        for wait in [5, 15, 30, 45, 60, 80] {
            let mut command = self.restoring(world, from, "--key", &self.place.join("key.pem"));
            let command = command.stdout(Stdio::null()).stderr(Stdio::null());
            wait_for(&mut command.spawn().unwrap(), Duration::from_millis(wait));
        }
    }

    /// The envelope opened by openssl, as on a machine that has nothing of ours.
    pub fn opened_elsewhere(&self, from: &Path) -> PathBuf {
        let (envelope, content) = (
            self.place.join("envelope.der"),
            self.place.join("content.key"),
        );
        let mut taken = Command::new(executable());
        taken
            .args(["backup", "envelope"])
            .arg(from)
            .arg("--out")
            .arg(&envelope);
        succeeded(&taken.output().unwrap());
        let opened = Command::new("openssl")
            .args(["cms", "-decrypt", "-inform", "DER", "-in"])
            .arg(&envelope)
            .arg("-inkey")
            .arg(self.place.join("key.pem"))
            .arg("-recip")
            .arg(self.place.join("key-cert.pem"))
            .arg("-out")
            .arg(&content)
            .output()
            .unwrap();
        succeeded(&opened);
        content
    }

    pub fn changed(&self, from: &Path) -> PathBuf {
        let mut bytes = std::fs::read(from).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let to = self.place.join("changed");
        write(&to, bytes);
        to
    }

    pub fn shortened(&self, from: &Path) -> PathBuf {
        let bytes = std::fs::read(from).unwrap();
        let to = self.place.join("shortened");
        write(&to, &bytes[..bytes.len() - 1]);
        to
    }

    pub fn change_in_place(&self, file: &Path) {
        let changed = std::fs::read(self.changed(file)).unwrap();
        write(file, changed);
    }

    /// A bit of a body on the box's disk turns.
    pub fn rot_a_body(&self, world: &World) {
        let body = world.bodies(Sender).remove(0);
        let mut bytes = std::fs::read(&body).unwrap();
        bytes[1_000] ^= 1;
        write(&body, bytes);
    }
}

fn wait_for(child: &mut std::process::Child, patience: Duration) {
    let end = std::time::Instant::now() + patience;
    while std::time::Instant::now() < end {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The words behind `trucgate` in what a fenced box says is next.
pub fn command(line: &Value) -> Vec<String> {
    let next = line["NEXT"].as_str().unwrap();
    let words = next.split("trucgate ").nth(1).unwrap();
    words.split_whitespace().map(str::to_owned).collect()
}

/// Everything in the new box's state directory but the lock.
pub fn files(world: &World) -> BTreeMap<PathBuf, u64> {
    fn walk(at: &Path, all: &mut BTreeMap<PathBuf, u64>) {
        for file in std::fs::read_dir(at)
            .unwrap()
            .map(|file| file.unwrap().path())
        {
            if file.is_dir() {
                walk(&file, all);
            } else if !file.ends_with("backup.lock") {
                let size = std::fs::metadata(&file).unwrap().len();
                all.insert(file, size);
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(&world.machine(Sender).state(), &mut all);
    all
}

/// The box that was lost.
pub struct Lost {
    old: Machine,
}

impl Lost {
    /// Fire. The new machine has keys of its own; nothing is registered or started.
    pub fn replace(world: &mut World) -> Self {
        world.kill(Sender);
        world.kill(SenderSigner);
        let lab = &mut world.exchange.lab;
        let old = lab.replace_box(&plan(), 0, executable()).unwrap();
        // Software was told nothing: it goes on with the secret that it has.
        let secret = old.tenants[0].secret.clone();
        lab.boxes[0].tenants[0].secret = secret;
        Self { old }
    }

    /// The hub's operator lets the new box in and the old one out.
    pub fn register(&self, world: &World) {
        enter(&world.exchange, &world.exchange.lab.replacing(0));
    }

    /// The old box is found in the ashes and switched on.
    pub fn is_locked_out(&self, world: &mut World) {
        let (hub, from) = (
            crate::world::machines::Who::Hub,
            world.process(crate::world::machines::Who::Hub).lines(),
        );
        let (new, pair) = {
            let exchange = &mut world.exchange;
            let new = std::mem::replace(&mut exchange.lab.boxes[0], self.old.clone());
            (new, std::mem::take(&mut exchange.boxes[0]))
        };
        world.again_with_signer();
        let refused = |line: &Value| is(line, &ids::PEER_REFUSED);
        let told = world.process(Sender).line(0, PATIENCE, refused).unwrap().1;
        assert_eq!(told["PEER"], "hub", "{told}");
        world.said(hub, from, &ids::PEER_REFUSED, 0, |_| true);
        world.kill(Sender);
        world.kill(SenderSigner);
        world.exchange.lab.boxes[0] = new;
        world.exchange.boxes[0] = pair;
    }

    pub fn restore_by_other_anchors(
        &self,
        world: &World,
        agency: &Agency,
        backup: &Path,
    ) -> Output {
        let machine = world.machine(Sender);
        let text = std::fs::read_to_string(machine.config()).unwrap();
        let anchors = agency.place.join("others.pem");
        let ca = TestCa::new(&Chance::system(), now()).unwrap();
        write(&anchors, pem::encode("CERTIFICATE", &ca.root_der()));
        let own = world.exchange.lab.anchors();
        let other = text.replace(&own.display().to_string(), &anchors.display().to_string());
        assert_ne!(other, text);
        self.with_config(machine, &text, &other, || {
            agency.restore(world, backup, "key.pem")
        })
    }

    pub fn restore_as_another(&self, world: &World, agency: &Agency, backup: &Path) -> Output {
        let machine = world.machine(Sender);
        let text = std::fs::read_to_string(machine.config()).unwrap();
        let other = text.replace("00.02.W00", "00.09.W00");
        assert_ne!(other, text);
        self.with_config(machine, &text, &other, || {
            agency.restore(world, backup, "key.pem")
        })
    }

    fn with_config(
        &self,
        machine: &Machine,
        own: &str,
        other: &str,
        run: impl FnOnce() -> Output,
    ) -> Output {
        write(&machine.config(), other);
        let done = run();
        write(&machine.config(), own);
        done
    }
}
