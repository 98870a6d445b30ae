//! The one owner of the trust in force: anchors and lists of the files, lists and answers of the sources.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};

use super::answers::{self, Group};
use super::cache::Cache;
use super::config::Config;
use super::lists;
use super::outage::{Outages, Stake};
use super::source::Source;
use crate::clock::{Chance, Clock, Moment};
use crate::durable::Disk;
use crate::evidence::{About, Archive};
use crate::journal;
use crate::tls::{Current, Error, Grounds, TrustFiles};
use crate::trust::{
    AnswerState, Issuers, ListState, Ocsp, Revocation, Stale, Trust, Watched, fingerprint,
};

/// Longest list that is kept beside the logs; of a longer one exports carry what is in force.
const LONGEST_KEPT: usize = 1 << 20;

/// What a process trusts, from its files and from what earlier runs fetched.
#[derive(Debug)]
pub struct Material {
    files: TrustFiles,
    config: Config,
    cache: Cache,
    lists: Vec<Vec<Source>>,
    groups: Vec<Group>,
    fetched: Mutex<BTreeMap<Vec<Source>, Vec<u8>>>,
    known: Mutex<Vec<(Watched, AnswerState)>>,
}

impl Material {
    /// Reads the configuration of the sources; what was fetched lies in `directory`.
    ///
    /// # Errors
    /// Names the source or file that is wrong.
    pub fn open(
        files: TrustFiles,
        config: Config,
        disk: Disk,
        directory: PathBuf,
    ) -> Result<Self, Error> {
        let lists = config.lists.iter().map(|list| Source::all(&list.urls));
        let lists: Vec<Vec<Source>> = lists
            .collect::<Result<_, _>>()
            .map_err(|why| Error::Configuration(format!("[[revocation.lists]]: {why}")))?;
        let groups = config.responders.iter().map(Group::read);
        let groups = groups
            .collect::<Result<_, _>>()
            .map_err(|why| Error::Configuration(format!("[[revocation.responders]]: {why}")))?;
        let cache = Cache::new(disk, directory);
        let fetched = lists
            .iter()
            .filter_map(|sources| Some((sources.clone(), cache.list(sources)?)))
            .collect();
        Ok(Self {
            files,
            config,
            cache,
            lists,
            groups,
            fetched: Mutex::new(fetched),
            known: Mutex::default(),
        })
    }

    /// The trust to start from. What was kept and no longer verifies is left out.
    ///
    /// # Errors
    /// Names the file that can't be used.
    pub fn trust(&self) -> Result<Trust, Error> {
        let wrong = |error: crate::trust::Error| Error::Configuration(error.to_string());
        let trust = self.files.load()?;
        self.fetched().retain(|sources, list| {
            let usable = trust.lists_in(list);
            if let Err(error) = &usable {
                dropped(sources.first(), error);
            }
            usable.is_ok()
        });
        let trust = trust.with_revocation(&self.revocation()?).map_err(wrong)?;
        let issuers = self.groups.iter().map(|group| group.issuer.clone());
        let ocsp = Ocsp {
            // A group without an issuer answers for all.
            issuers: issuers
                .collect::<Option<_>>()
                .map_or(Issuers::All, Issuers::These),
            declared: self.config.from_certificates,
            window: self.config.answer_window(),
        };
        trust.with_ocsp(&ocsp).map_err(wrong)
    }

    /// As [`Material::trust`], with the answers of earlier runs.
    ///
    /// # Errors
    /// Names the file that can't be used.
    pub fn first_trust(&self, clock: &Clock) -> Result<Trust, Error> {
        let trust = self.trust()?;
        let mut known = Vec::new();
        for kept in self.cache.answers() {
            let again = trust
                .watched_again(&kept.certificate, &kept.issuer)
                .map_err(|refusal| refusal.to_string())
                .and_then(|watched| {
                    let taken = trust.answered_once(&watched, &kept.answer);
                    taken
                        .map(|state| (watched, state))
                        .map_err(|error| error.to_string())
                });
            match again {
                Ok(one) if one.0.not_after() >= clock.now() => known.push(one),
                _ => self.cache.drop_file(&kept.file),
            }
        }
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(trust)
    }

    fn revocation(&self) -> Result<Revocation, Error> {
        let fetched: Vec<_> = self.fetched().values().cloned().collect();
        self.files.revocation(&fetched)
    }

    fn fetched(&self) -> MutexGuard<'_, BTreeMap<Vec<Source>, Vec<u8>>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn dropped(source: Option<&Source>, error: &crate::trust::Error) {
    let line = journal::line(&journal::ids::REVOCATION_SOURCE_AWAY)
        .step("revocation list")
        .reason(error)
        .next("nothing, if an authority was taken out of the configuration; it is fetched anew");
    match source {
        Some(source) => line.peer(source),
        None => line,
    }
    .warning("a list that an earlier run fetched is not used any more");
}

/// Publishes trust: follows every source, and reads files again when an operator says so.
#[derive(Debug)]
pub struct Keeper {
    material: Material,
    publish: watch::Sender<Grounds>,
    /// Held from reading what there is to publishing it, so that no newer trust is overwritten by an older one.
    publishing: Mutex<()>,
    presented: Mutex<Vec<Arc<Current>>>,
    evidence: OnceLock<mpsc::UnboundedSender<(About, Vec<u8>)>>,
    pub(super) outages: Outages,
    pub(super) woken: Arc<Notify>,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
}

impl Keeper {
    /// Publishes by `publish`, whose grounds hold what [`Material::first_trust`] gave.
    #[must_use]
    pub fn new(
        material: Material,
        publish: watch::Sender<Grounds>,
        clock: Clock,
        chance: Chance,
    ) -> Arc<Self> {
        Arc::new(Self {
            material,
            publish,
            publishing: Mutex::default(),
            presented: Mutex::default(),
            evidence: OnceLock::new(),
            outages: Outages::default(),
            woken: Arc::new(Notify::new()),
            clock,
            chance,
        })
    }

    /// Starts to follow the sources, for as long as the runtime lives.
    pub fn follow(self: &Arc<Self>) {
        if !self.material.config.asks() {
            return;
        }
        let woken = self.woken.clone();
        self.trust().on_watch(move || woken.notify_one());
        for sources in self.material.lists.clone() {
            tokio::spawn(lists::follow(self.clone(), sources));
        }
        let known = std::mem::take(
            &mut *self
                .material
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        tokio::spawn(answers::follow(self.clone(), known));
    }

    /// Keeps what becomes known beside the logs, for those who judge them later; once.
    pub fn witness(&self, archive: Archive) {
        let (send, mut known) = mpsc::unbounded_channel();
        if self.evidence.set(send).is_err() {
            return;
        }
        let clock = self.clock.clone();
        tokio::spawn(async move {
            while let Some((about, der)) = known.recv().await {
                if let Err(error) = archive.keep_material(&about, clock.now(), der).await {
                    journal::line(&journal::ids::DISK_FAULT)
                        .step("revocation")
                        .reason(error)
                        .next("look after the disk; exports carry what is in force instead")
                        .error("revocation material could not be kept as evidence");
                }
            }
        });
        self.tell_lists(&self.trust());
    }

    /// Has the status of our own certificates asked for, too: it is what proofs of ours need.
    pub fn watch(&self, chain: &[Vec<u8>]) {
        let (trust, now) = (self.trust(), self.clock.now());
        for at in 0..chain.len() {
            // One that leads to no anchor is told of where it is used.
            let _ = trust.watch(&chain[at..], now);
        }
    }

    fn tell(&self, about: About, der: &[u8]) {
        if let Some(evidence) = self.evidence.get().filter(|_| der.len() <= LONGEST_KEPT) {
            // The task that takes them lives as long as the runtime.
            let _ = evidence.send((about, der.to_vec()));
        }
    }

    fn tell_lists(&self, trust: &Trust) {
        for (state, list) in trust.lists().into_iter().zip(trust.revocation_material()) {
            self.tell(About::List(state.issuer), &list);
        }
    }

    /// Staples the newest answer about what `current` presents (RFC 6066 section 8), as soon as there is one.
    pub fn staple(self: &Arc<Self>, current: &Arc<Current>) {
        let held = current.clone();
        self.presented().push(held.clone());
        let keeper = self.clone();
        tokio::spawn(async move {
            let mut changes = held.changes();
            loop {
                if let Some(credential) = held.get()
                    && let Ok(watched) = keeper
                        .trust()
                        .watch(&credential.chain(), keeper.clock.now())
                    && let Some(answer) = keeper.trust().answer(&watched)
                {
                    held.staple(watched.certificate(), &answer);
                }
                if changes.changed().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Reads anchors, intermediates and revocation lists of the files again; what sources gave stays. What can't be used
    /// is refused whole and the old stays.
    ///
    /// # Errors
    /// Names the file and what is wrong with it.
    pub fn reload(&self) -> Result<(), Error> {
        let _alone = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let trust = self.material.trust()?.with_answers_of(&self.trust());
        self.put(trust);
        journal::line(&journal::ids::CERTIFICATE_RELOADED).notice("trust files read again");
        Ok(())
    }

    /// The trust in force.
    #[must_use]
    pub fn trust(&self) -> Arc<Trust> {
        self.publish.borrow().trust.clone()
    }

    fn put(&self, trust: Trust) {
        self.tell_lists(&trust);
        let trust = Arc::new(trust);
        self.publish.send_modify(|grounds| grounds.trust = trust);
    }

    pub(super) fn config(&self) -> &Config {
        &self.material.config
    }

    pub(super) fn groups(&self) -> &[Group] {
        &self.material.groups
    }

    /// The list that is kept of these sources.
    pub(super) fn list_of(&self, sources: &[Source]) -> Option<ListState> {
        let list = self.material.fetched().get(sources).cloned()?;
        self.trust().lists_in(&list).ok()?.pop()
    }

    /// Puts a list in force that these sources gave, and keeps it; gives its state.
    pub(super) fn take_list(&self, sources: &[Source], list: &[u8]) -> Result<ListState, String> {
        let _alone = self
            .publishing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let trust = self.trust();
        let mut states = trust.lists_in(list).map_err(|error| error.to_string())?;
        let (Some(state), None) = (states.pop(), states.pop()) else {
            return Err("it gives not exactly one list".to_owned());
        };
        if let Some(old) = self.list_of(sources)
            && old.issuer == state.issuer
            && old.this_update > state.this_update
        {
            return Err(format!(
                "it gives an older list than before, of {}",
                state.this_update
            ));
        }
        let changed = {
            let mut fetched = self.material.fetched();
            let old = fetched.insert(sources.to_vec(), list.to_vec());
            old.is_none_or(|old| old != list)
        };
        if changed {
            self.material.cache.keep_list(sources, list);
            let made = self
                .material
                .revocation()
                .map_err(|error| error.to_string());
            let trust = made.and_then(|revocation| {
                let newest = self.trust();
                newest
                    .with_revocation(&revocation)
                    .map_err(|error| error.to_string())
            })?;
            self.put(trust);
        }
        Ok(state)
    }

    /// Keeps an answer that is in force, and staples it where it is about ourselves.
    pub(super) fn took_answer(&self, watched: &Watched) {
        let Some(answer) = self.trust().answer(watched) else {
            return;
        };
        let answer = &answer[..];
        self.material.cache.keep_answer(watched, answer);
        self.tell(
            About::Certificate(fingerprint(watched.certificate())),
            answer,
        );
        for current in self.presented().iter() {
            current.staple(watched.certificate(), answer);
        }
    }

    pub(super) fn forget(&self, watched: &Watched) {
        self.material.cache.drop_answer(watched);
    }

    fn presented(&self) -> MutexGuard<'_, Vec<Arc<Current>>> {
        self.presented
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What the absence of a list means.
    pub(super) fn stake(&self, due: Option<Moment>, window: Duration) -> Stake {
        let end = due.and_then(|due| due.checked_add(window.try_into().ok()?));
        Stake {
            due,
            end,
            then: self.then(),
        }
    }

    pub(super) fn list_window(&self) -> Duration {
        self.material.files.window()
    }

    fn then(&self) -> Stale {
        self.material.files.stale_then
    }
}
