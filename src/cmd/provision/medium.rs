//! `trucgate provision medium`: walks the checklist as far as a medium carries it, on a machine that has no shell.
//!
//! ```text
//! plan.toml, trust/          a person brings: which box, whom it trusts
//! requests/, so-pin          the box gives: for the certification authority, for the safe
//! certificates/, invitation  a person brings: what the authority issued, the hub's single-use code
//! restore/                   a person brings, where a lost box comes back: its backup, and content.key or key.pem
//! systems.toml               the box gives: with what the agencies' software signs in
//! so-pin-kept                a person brings, empty: the PIN is in the safe, close the box
//! checklist.txt              the box says how far it has come, and what is missing
//! ```

mod restore;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::steps::At;
use crate::clock::{Chance, Clock};
use crate::cmd::run::Failure;
use crate::durable::Disk;
use crate::journal;
use crate::provision::bench::{Bench, plan_file};
use crate::provision::configure::systems_file;
use crate::provision::plan::Plan;
use crate::provision::steps::Step;

#[derive(Debug, clap::Args)]
pub(in crate::cmd) struct Medium {
    #[command(flatten)]
    at: At,
    /// Thư mục gốc của đĩa, ghi được / the medium's root, writable
    #[arg(long)]
    from: PathBuf,
}

/// The hub's operator has not approved yet: it is worth asking again (`EX_TEMPFAIL`).
const WAITS: u8 = 75;

/// Whose turn it is after a step.
#[derive(PartialEq, Eq)]
enum Turn {
    Ours,
    APersons,
}

pub(super) fn run(arguments: &Medium) -> Result<(), Failure> {
    let walk = Walk {
        medium: &arguments.from,
        directory: std::path::absolute(&arguments.at.dir).map_err(Failure::other)?,
        disk: Disk::real(),
    };
    let walked = walk.along();
    let told = walk.tell(walked.as_ref().err());
    walked.and(told)
}

struct Walk<'a> {
    medium: &'a Path,
    directory: PathBuf,
    disk: Disk,
}

impl Walk<'_> {
    fn along(&self) -> Result<(), Failure> {
        self.disk
            .make_dir(&self.directory)
            .map_err(Failure::other)?;
        self.take_plan()?;
        let trust = self.directory.join("trust");
        self.disk
            .make_dir(&trust)
            .map_err(|error| at(&trust, &error))?;
        // The services read there as users of their own.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&trust, open).map_err(|error| at(&trust, &error))?;
        let bench = self.look()?;
        for file in files(&self.medium.join("trust")) {
            self.may_bring(&bench, &file, &trust)?;
            self.copy(&file, &trust)?;
        }
        let mut last = None;
        loop {
            let bench = self.look()?;
            self.give(&bench)?;
            let next = bench.next();
            match next {
                // Done again, it would come to the same.
                Some(step) if next != last => {
                    if self.step(&bench, step)? == Turn::APersons {
                        return Ok(());
                    }
                }
                Some(Step::Enrolment) => {
                    return Err(Failure::with(
                        WAITS,
                        "Trục chưa duyệt; máy tự hỏi lại khi còn đĩa / the hub has not approved yet: \
                         it is asked again as long as the medium is here",
                    ));
                }
                _ => return Ok(()),
            }
            last = next;
        }
    }

    /// Whom a closed box trusts is changed by two operators, not by whoever stands before it: then a medium brings lists of
    /// revoked certificates alone, whose authority has signed them.
    fn may_bring(&self, bench: &Bench, file: &Path, trust: &Path) -> Result<(), Failure> {
        let target = trust.join(file.file_name().unwrap_or_default());
        if !bench.is_done(Step::Close)
            || bench.plan.trust.revocation_lists.contains(&target)
            || same(file, &target)?
        {
            return Ok(());
        }
        Err(Failure::configuration(format!(
            "{}: máy đã khoá (close); CA được tin cậy chỉ đổi khi hai người vận hành cùng duyệt: trucgate agree propose change-anchors / \
             the box is closed: whom it trusts is changed by two operators",
            file.display()
        )))
    }

    fn step(&self, bench: &Bench, step: Step) -> Result<Turn, Failure> {
        let mut arguments: Vec<PathBuf> = Vec::new();
        match step {
            Step::Certificates => {
                arguments = files(&self.medium.join("certificates"));
                if arguments.is_empty() {
                    return Ok(Turn::APersons);
                }
            }
            Step::Enrolment if bench.state.enrolment.is_none() => {
                let Ok(code) = fs::read_to_string(self.medium.join("invitation")) else {
                    return Ok(Turn::APersons);
                };
                arguments = vec!["--code".into(), code.trim().into()];
            }
            Step::SelfTest => restore::put_back(self)?,
            Step::Close if !self.so_pin_kept() => return Ok(Turn::APersons),
            Step::Close => arguments = vec!["--so-pin-kept".into()],
            _ => {}
        }
        let verb = step.verb();
        let here = ["provision", verb, "--dir"].map(PathBuf::from);
        let mut line = [&here[..], std::slice::from_ref(&self.directory)].concat();
        line.extend(arguments);
        typed(verb, &line)?;
        Ok(Turn::Ours)
    }

    fn look(&self) -> Result<Bench, Failure> {
        Bench::look(
            &self.directory,
            self.disk.clone(),
            Clock::system(),
            Chance::system(),
        )
        .map_err(Failure::configuration)
    }

    /// The plan of the medium, until there are keys: then it is the box's.
    fn take_plan(&self) -> Result<(), Failure> {
        let (theirs, ours) = (self.medium.join("plan.toml"), plan_file(&self.directory));
        let Ok(text) = fs::read_to_string(&theirs) else {
            return if ours.exists() {
                Ok(())
            } else {
                Err(Failure::configuration(
                    "đĩa không có plan.toml / the medium has no plan.toml",
                ))
            };
        };
        Plan::parse(&text)
            .map_err(|error| Failure::configuration(format!("plan.toml: {error}")))?;
        let there = fs::read_to_string(&ours);
        if there.as_ref().is_ok_and(|there| *there == text) {
            return Ok(());
        }
        if there.is_ok() && self.look()?.is_done(Step::Keys) {
            return Err(Failure::configuration(
                "plan.toml khác với kế hoạch mà khoá đã được tạo theo / another plan than the one that keys were made for: \
                 take it off the medium, or begin with an empty box",
            ));
        }
        self.write(&ours, text.as_bytes())
    }

    /// What a person carries away.
    fn give(&self, bench: &Bench) -> Result<(), Failure> {
        let so_pin = bench.so_pin_file();
        if so_pin.exists() && !self.so_pin_kept() {
            self.copy_secret(&so_pin)?;
        }
        if !bench.is_done(Step::Certificates) {
            for request in files(&bench.requests()) {
                self.copy(&request, &self.medium.join("requests"))?;
            }
        }
        let systems = systems_file(&self.directory);
        if systems.exists() && !bench.is_done(Step::Close) {
            self.copy_secret(&systems)?;
        }
        Ok(())
    }

    fn so_pin_kept(&self) -> bool {
        self.medium.join("so-pin-kept").exists()
    }

    /// How far the box has come, and what stopped it.
    fn tell(&self, stopped: Option<&Failure>) -> Result<(), Failure> {
        let mut text = self
            .look()
            .map_or_else(|_| String::new(), |bench| bench.checklist());
        if let Some(failure) = stopped {
            text = format!("{text}\n{}\n", failure.reason());
        }
        self.write(&self.medium.join("checklist.txt"), text.as_bytes())
    }

    /// Copies a file into a directory, unless the same is there.
    fn copy(&self, file: &Path, directory: &Path) -> Result<(), Failure> {
        self.disk
            .make_dir(directory)
            .map_err(|error| at(directory, &error))?;
        let target = directory.join(file.file_name().unwrap_or_default());
        if same(file, &target)? {
            return Ok(());
        }
        let bytes = fs::read(file).map_err(|error| at(file, &error))?;
        self.write(&target, &bytes)
    }

    /// Copies a file that only its reader should see onto the medium.
    fn copy_secret(&self, file: &Path) -> Result<(), Failure> {
        let bytes = fs::read(file).map_err(|error| at(file, &error))?;
        let target = self.medium.join(file.file_name().unwrap_or_default());
        self.disk
            .replace_secret(&target, &bytes)
            .map_err(|error| at(&target, &error))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        self.disk
            .replace(path, bytes)
            .map_err(|error| at(path, &error))
    }
}

/// A process of its own for each step, as a person would type it: a process has one PKCS#11 context.
fn typed(verb: &str, arguments: &[PathBuf]) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::other)?;
    let (mut out, stderr) = std::io::pipe().map_err(Failure::other)?;
    let mut command = Command::new(program);
    journal::share(&mut command, &stderr).map_err(Failure::other)?;
    let mut child = command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(Failure::other)?;
    // With it goes this process's own end of the pipe.
    drop(command);
    let mut said = Vec::new();
    out.read_to_end(&mut said).map_err(Failure::other)?;
    if child.wait().map_err(Failure::other)?.success() {
        println!("{verb}: xong / done");
        return Ok(());
    }
    let said = String::from_utf8_lossy(&said);
    Err(Failure::other(format!("{verb}: {}", said.trim())))
}

/// Whether the file lies there already.
fn same(file: &Path, target: &Path) -> Result<bool, Failure> {
    let bytes = fs::read(file).map_err(|error| at(file, &error))?;
    Ok(fs::read(target).is_ok_and(|there| there == bytes))
}

/// The files of a directory, sorted; none where there is no directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

fn at(path: &Path, error: &std::io::Error) -> Failure {
    Failure::other(format!("{}: {error}", path.display()))
}
