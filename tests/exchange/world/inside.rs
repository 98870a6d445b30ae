//! A machine's main process run inside the test, so that its disk can be made to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Runtime;
use tokio::sync::watch;
use trucgate::cmd::run::Signals;
use trucgate::cmd::{hub, relay};
use trucgate::config;
use trucgate::durable::{Disk, Faults, Op, Verdict};

use super::World;
use super::machines::Who;

/// Fails one change of the disk, counted from when it is armed.
pub struct Plan {
    left: AtomicUsize,
    verdict: std::sync::Mutex<Verdict>,
}

/// Counted down to, but never reached.
const NEVER: usize = usize::MAX;

impl Plan {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(NEVER),
            verdict: std::sync::Mutex::new(Verdict::Do),
        })
    }

    /// Lets the change number `index` (from 0) from now on fail.
    pub fn arm(&self, index: usize, verdict: Verdict) {
        *self.verdict.lock().unwrap() = verdict;
        self.left.store(index, Ordering::SeqCst);
    }

    /// Whether the fault is behind us; from here on none comes.
    pub fn disarm(&self) -> bool {
        self.left.swap(NEVER, Ordering::SeqCst) == NEVER
    }
}

impl Faults for Plan {
    fn next(&self, _: Op) -> Verdict {
        let count = |left: usize| match left {
            NEVER => None,
            0 => Some(NEVER),
            more => Some(more - 1),
        };
        let before = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, count);
        if before == Ok(0) {
            *self.verdict.lock().unwrap()
        } else {
            Verdict::Do
        }
    }
}

/// A main process that is none. Dropped, it ends as by a kill.
pub struct Inside {
    runtime: Option<Runtime>,
    _reload: watch::Sender<u64>,
    _stop: watch::Sender<bool>,
}

impl Inside {
    /// Takes the place of a relay or of the hub.
    pub fn instead_of(world: &mut World, who: Who, plan: Arc<Plan>) -> Self {
        world.kill(who);
        let path = world.machine(who).config();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (stop_now, stop) = watch::channel(false);
        let (reload_now, reload) = watch::channel(0);
        let (signals, disk) = (Signals { stop, reload }, Disk::failing(plan));
        runtime.spawn(async move {
            match who {
                Who::Sender | Who::Receiver => {
                    let config = config::load(&path).unwrap();
                    relay::work(config, disk, signals).await.unwrap();
                }
                Who::Hub => {
                    let config = config::load(&path).unwrap();
                    hub::work(config, disk, signals).await.unwrap();
                }
                other => panic!("{other:?} has no disk to fail"),
            }
        });
        Self {
            runtime: Some(runtime),
            _reload: reload_now,
            _stop: stop_now,
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
