//! Follows the status of every certificate that was met: asks its issuer's responder at once when it is new, and again at
//! half of each answer's life.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::config::ResponderSource;
use super::keeper::Keeper;
use super::source::Source;
use super::{lists, schedule};
use crate::clock::Moment;
use crate::retry::Backoff;
use crate::trust::{AnswerState, Watched, key_of, ocsp, pem};

/// Questions under way at once.
const AT_ONCE: usize = 16;
/// How often the schedule is looked at, when nothing new is met.
const LOOK: Duration = Duration::from_millis(500);

/// One authority's responders.
#[derive(Clone, Debug)]
pub(super) struct Group {
    sources: Vec<Source>,
    /// The authority's certificate; without it these answer for all.
    pub(super) issuer: Option<Vec<u8>>,
    authority: Option<[u8; 32]>,
    nonce: bool,
}

impl Group {
    pub(super) fn read(configured: &ResponderSource) -> Result<Self, String> {
        let read = |path: &std::path::PathBuf| {
            let shown = |why: String| format!("issuer {}: {why}", path.display());
            let bytes = std::fs::read(path).map_err(|error| shown(error.to_string()))?;
            let der = pem::certificates(&bytes).and_then(|mut all| all.pop());
            let der = der.ok_or_else(|| shown("not a certificate".to_owned()))?;
            let key = key_of(&der).map_err(|refusal| shown(refusal.to_string()))?;
            Ok::<_, String>((der, key.authority))
        };
        let issuer = configured.issuer.as_ref().map(read).transpose()?;
        Ok(Self {
            sources: Source::all(&configured.urls)?,
            authority: issuer.as_ref().map(|(_, authority)| *authority),
            issuer: issuer.map(|(der, _)| der),
            nonce: configured.nonce,
        })
    }
}

/// When a certificate is asked about next, and how long to wait after failures.
struct Item {
    watched: Watched,
    backoff: Backoff,
    next_update: Option<Moment>,
}

struct Asked {
    key: [u8; 32],
    /// Or the preferred source, none of the others having answered either.
    answer: Result<AnswerState, Source>,
}

/// Keeps the answers fresh for ever.
pub(super) async fn follow(keeper: Arc<Keeper>, known: Vec<(Watched, AnswerState)>) {
    let mut items: HashMap<[u8; 32], Item> = HashMap::new();
    let mut schedule: BTreeMap<(Moment, [u8; 32]), ()> = BTreeMap::new();
    let mut followed = BTreeSet::new();
    let mut asked = JoinSet::new();
    for (watched, state) in known {
        if sources(&keeper, &watched).1.is_empty() {
            continue;
        }
        let key = watched.key();
        schedule.insert((due(&keeper, &state), key), ());
        items.insert(key, item(watched, Some(state.next_update)));
    }
    loop {
        let now = keeper.clock.now();
        for watched in keeper.trust().take_new() {
            follow_lists(&keeper, &watched, &mut followed);
            let key = watched.key();
            if !sources(&keeper, &watched).1.is_empty() && !items.contains_key(&key) {
                schedule.insert((now, key), ());
                items.insert(key, item(watched, None));
            }
        }
        while asked.len() < AT_ONCE
            && let Some(first) = schedule.first_entry()
            && first.key().0 <= now
        {
            let ((_, key), ()) = first.remove_entry();
            let Some(item) = items.get(&key) else {
                continue;
            };
            if item.watched.not_after() < now {
                keeper.forget(&item.watched);
                items.remove(&key);
                keeper.trust().forget_before(now);
                continue;
            }
            let (nonce, sources) = sources(&keeper, &item.watched);
            let (watched, next_update) = (item.watched.clone(), item.next_update);
            let Some(first) = sources.first().cloned() else {
                continue;
            };
            let keeper = keeper.clone();
            asked.spawn(async move {
                let answer = ask(&keeper, &watched, &sources, nonce, next_update).await;
                Asked {
                    key,
                    answer: answer.ok_or(first),
                }
            });
        }
        tokio::select! {
            Some(done) = asked.join_next(), if !asked.is_empty() => {
                if let Ok(done) = done && let Some(item) = items.get_mut(&done.key) {
                    schedule.insert((settle(&keeper, item, done.answer), done.key), ());
                }
            }
            () = keeper.woken.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn item(watched: Watched, next_update: Option<Moment>) -> Item {
    Item {
        watched,
        backoff: schedule::backoff(),
        next_update,
    }
}

/// Lists that a certificate names itself are followed like configured ones.
fn follow_lists(keeper: &Arc<Keeper>, watched: &Watched, followed: &mut BTreeSet<Source>) {
    if !keeper.config().from_certificates {
        return;
    }
    for source in watched
        .list_sources()
        .iter()
        .filter_map(|url| Source::parse(url).ok())
    {
        if followed.insert(source.clone()) {
            tokio::spawn(lists::follow(keeper.clone(), vec![source]));
        }
    }
}

/// Where to ask about a certificate, in order, and whether with a nonce.
fn sources(keeper: &Keeper, watched: &Watched) -> (bool, Vec<Source>) {
    let authority = watched.authority();
    let group = keeper
        .groups()
        .iter()
        .find(|group| group.authority.is_none_or(|one| one == authority));
    let mut all = group.map(|group| group.sources.clone()).unwrap_or_default();
    if keeper.config().from_certificates {
        let named = watched
            .responders()
            .iter()
            .filter_map(|url| Source::parse(url).ok());
        all.extend(named);
    }
    (group.is_some_and(|group| group.nonce), all)
}

fn due(keeper: &Keeper, state: &AnswerState) -> Moment {
    let life = (state.this_update, state.next_update);
    let now = keeper.clock.now();
    schedule::due(life, now, keeper.config().refresh(), &keeper.chance)
}

/// The answer of the first source that gives one.
async fn ask(
    keeper: &Keeper,
    watched: &Watched,
    sources: &[Source],
    nonce: bool,
    next_update: Option<Moment>,
) -> Option<AnswerState> {
    let what = "OCSP answer";
    for source in sources {
        match ask_one(keeper, watched, source, nonce).await {
            Ok(state) => {
                keeper.outages.succeeded(source, what);
                return Some(state);
            }
            Err(error) => {
                let stake = keeper.stake(next_update, keeper.config().answer_window());
                let told = format!("{error}; asked about {}", watched.shown());
                let now = keeper.clock.now();
                keeper
                    .outages
                    .failed(source, what, &told, now, &stake.words(now));
            }
        }
    }
    None
}

async fn ask_one(
    keeper: &Keeper,
    watched: &Watched,
    source: &Source,
    nonce: bool,
) -> Result<AnswerState, String> {
    let question = watched
        .question(nonce.then(|| keeper.chance.bytes()))
        .map_err(|error| error.to_string())?;
    let patience = keeper.config().patience();
    let der = question.der.clone();
    let answer = source
        .post(ocsp::REQUEST_TYPE, der, ocsp::LONGEST as u64, patience)
        .await?;
    let now = keeper.clock.now();
    let state = keeper
        .trust()
        .answered(watched, Some(&question), &answer, now)
        .map_err(|error| error.to_string())?;
    keeper.took_answer(watched);
    Ok(state)
}

/// When to ask next.
fn settle(keeper: &Keeper, item: &mut Item, answer: Result<AnswerState, Source>) -> Moment {
    match answer {
        Ok(state) => {
            item.backoff.reset();
            item.next_update = Some(state.next_update);
            keeper.outages.young(&item.watched.shown());
            due(keeper, &state)
        }
        Err(source) => {
            let stake = keeper.stake(item.next_update, keeper.config().answer_window());
            let now = keeper.clock.now();
            keeper
                .outages
                .aged(&item.watched.shown(), &source, now, stake);
            now + schedule::again(&mut item.backoff, stake.is_over(now), &keeper.chance)
        }
    }
}
