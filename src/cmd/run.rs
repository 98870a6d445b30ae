//! What every process does around its work: a runtime, signals, readiness, an exit code.

use std::fmt::Display;
use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};

use crate::journal;
use crate::systemd::Notify;

/// Why a verb ended without success, and its exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    reason: String,
}

/// The configuration is wrong: systemd does not start it again (`EX_CONFIG`).
pub(super) const CONFIGURATION: u8 = 78;

impl Failure {
    /// A wrong configuration.
    pub(super) fn configuration(reason: impl Display) -> Self {
        Self {
            code: CONFIGURATION,
            reason: reason.to_string(),
        }
    }

    /// Anything else; starting again may help.
    pub(super) fn other(reason: impl Display) -> Self {
        Self {
            code: 1,
            reason: reason.to_string(),
        }
    }

    /// With a code of its own.
    pub(super) fn with(code: u8, reason: impl Display) -> Self {
        Self {
            code,
            reason: reason.to_string(),
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn journalled(&self) {
        journal::line(&journal::ids::CONFIGURATION_REFUSED)
            .step("start")
            .reason(&self.reason)
            .next("mend what the reason names, then start the unit again")
            .error("stopped before its time");
    }

    pub(super) fn told(&self) -> ExitCode {
        eprintln!("trucgate: {}", self.reason);
        ExitCode::from(self.code)
    }
}

/// Takes the lock at `path`, which ends with the process; `taken` says who else may hold it.
pub(super) fn lock(path: &Path, taken: &str) -> Result<File, Failure> {
    let told = |error: &dyn Display| Failure::other(format!("{}: {error}", path.display()));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| told(&error))?;
    file.try_lock().map_err(|_| told(&taken))?;
    Ok(file)
}

/// Until the next look at a process that tells nobody when something of it changes.
#[expect(
    clippy::disallowed_methods,
    reason = "another process is asked how it stands: there is no event to wait for"
)]
pub(super) fn pause(every: Duration) {
    std::thread::sleep(every);
}

/// Runs a process that lives by its journal: its start and why it ended before its time stand there.
pub(super) fn daemon(name: &str, run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let _journal = journal::init(name);
    journal::line(&journal::ids::STARTED).notice(concat!("version ", env!("CARGO_PKG_VERSION")));
    let done = run();
    if let Err(failure) = &done {
        failure.journalled();
    }
    done
}

/// Runs `work` until it ends or a signal asks to stop; `work` gets the stop channel and the reload channel (SIGHUP).
pub(super) fn process<W, F>(threads: usize, work: W) -> Result<(), Failure>
where
    W: FnOnce(Signals) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(64)
        .enable_all()
        .build()
        .map_err(Failure::other)?;
    runtime.block_on(async {
        let signals = Signals::listen()?;
        work(signals).await
    })
}

/// Variable, of any value: the process stops when its standard input ends, as by the end of whoever started it, however
/// that came. For the demo and tests; systemd ends a unit's processes itself.
pub(super) const UNTIL_STDIN_ENDS: &str = "TRUCGATE_UNTIL_STDIN_ENDS";

/// Returns when the standard input ends; never if nobody asked for that.
async fn stdin_ends() {
    if std::env::var_os(UNTIL_STDIN_ENDS).is_none() {
        return std::future::pending().await;
    }
    let (ended, end) = oneshot::channel();
    // A thread of its own: one of the runtime's would hold its end up.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    let _ = end.await;
}

/// What the outside asks of a process.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Turns true at SIGTERM or SIGINT, or when the standard input ends where that counts.
    pub stop: watch::Receiver<bool>,
    /// Counts SIGHUPs.
    pub reload: watch::Receiver<u64>,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let (stop_now, stop) = watch::channel(false);
        let (reload_now, reload) = watch::channel(0);
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::other)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::other)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(Failure::other)?;
        tokio::spawn(async move {
            let mut orphaned = std::pin::pin!(stdin_ends());
            loop {
                tokio::select! {
                    () = &mut orphaned => break,
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    _ = hangup.recv() => reload_now.send_modify(|count| *count += 1),
                }
            }
            journal::line(&journal::ids::STOPPING)
                .notice("asked to stop: what is under way is finished");
            stop_now.send_replace(true);
            // Reload stays quiet from here on, its receivers must not see a closed channel as a change.
            std::future::pending::<()>().await;
        });
        Ok(Self { stop, reload })
    }
}

/// Tells systemd and the journal that the process answers, and keeps the watchdog fed.
pub(super) fn ready(name: &str, where_: &str) {
    journal::line(&journal::ids::READY).notice(format_args!("{name} answers at {where_}"));
    let notify = Notify::from_environment();
    notify.ready();
    notify.status(where_);
    if let Some(every) = notify.watchdog_interval() {
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(every);
            loop {
                tick.tick().await;
                notify.alive();
            }
        });
    }
}
