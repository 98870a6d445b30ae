//! Follows one revocation list through its sources.

use std::sync::Arc;

use super::keeper::Keeper;
use super::schedule;
use super::source::Source;
use crate::clock::{Moment, rfc3339};
use crate::trust::ListState;

/// A list without nextUpdate is looked for once a day.
const DAY: time::Duration = time::Duration::days(1);

/// Keeps the list of `sources` fresh for ever.
pub(super) async fn follow(keeper: Arc<Keeper>, sources: Vec<Source>) {
    let mut backoff = schedule::backoff();
    let mut next = keeper
        .list_of(&sources)
        .map_or_else(|| keeper.clock.now(), |list| due(&keeper, &list));
    loop {
        schedule::until(next, &keeper.clock).await;
        if let Some(list) = fetch(&keeper, &sources).await {
            backoff.reset();
            next = due(&keeper, &list);
            if let Some(source) = sources.first() {
                keeper.outages.young(&source.to_string());
            }
        } else {
            let due = keeper.list_of(&sources).map(|list| until(&list));
            let stake = keeper.stake(due, keeper.list_window());
            let now = keeper.clock.now();
            if let Some(source) = sources.first() {
                keeper.outages.aged(&source.to_string(), source, now, stake);
            }
            let wait = schedule::again(&mut backoff, stake.is_over(now), &keeper.chance);
            tokio::time::sleep(wait).await;
            next = keeper.clock.now();
        }
    }
}

fn due(keeper: &Keeper, list: &ListState) -> Moment {
    let life = (
        list.this_update,
        list.next_update.unwrap_or(list.this_update + DAY),
    );
    let now = keeper.clock.now();
    schedule::due(life, now, keeper.config().refresh(), &keeper.chance)
}

/// The first source that gives a list that can be used.
async fn fetch(keeper: &Arc<Keeper>, sources: &[Source]) -> Option<ListState> {
    let longest = keeper.config().longest_list_mib << 20;
    for source in sources {
        let fetched = source.get(longest, keeper.config().patience()).await;
        let taken = match fetched {
            Ok(bytes) => {
                // A nation's list takes a while to verify.
                let (keeper, sources) = (keeper.clone(), sources.to_vec());
                let taken = tokio::task::spawn_blocking(move || keeper.take_list(&sources, &bytes));
                taken.await.unwrap_or_else(|error| Err(error.to_string()))
            }
            Err(error) => Err(error),
        };
        match taken {
            Ok(list) if until(&list) >= keeper.clock.now() => {
                keeper.outages.succeeded(source, "revocation list");
                return Some(list);
            }
            // In force, if there was nothing newer, but the next source may have one that is young.
            Ok(list) => {
                let stake = keeper.stake(Some(until(&list)), keeper.list_window());
                let why = format!("it gives an old list, due at {}", rfc3339(until(&list)));
                let now = keeper.clock.now();
                keeper
                    .outages
                    .failed(source, "revocation list", &why, now, &stake.words(now));
            }
            Err(error) => {
                let due = keeper
                    .list_of(sources)
                    .map(|list| list.next_update.unwrap_or(list.this_update + DAY));
                let stake = keeper.stake(due, keeper.list_window());
                let now = keeper.clock.now();
                keeper
                    .outages
                    .failed(source, "revocation list", &error, now, &stake.words(now));
            }
        }
    }
    None
}

fn until(list: &ListState) -> Moment {
    list.next_update.unwrap_or(list.this_update + DAY)
}
