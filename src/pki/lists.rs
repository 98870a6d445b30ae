//! Follows one revocation list through its sources.

use std::sync::Arc;
use std::time::Duration;

use super::keeper::Keeper;
use super::schedule;
use super::source::Source;
use crate::clock::Moment;
use crate::retry::Backoff;
use crate::trust::ListState;

/// A list without nextUpdate is looked for once a day.
const DAY: time::Duration = time::Duration::days(1);

/// Keeps the list of `sources` fresh for ever.
pub(super) async fn follow(keeper: Arc<Keeper>, sources: Vec<Source>) {
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
    let mut next = keeper
        .list_of(&sources)
        .map_or_else(|| keeper.clock.now(), |list| due(&keeper, &list));
    loop {
        schedule::until(next, &keeper.clock).await;
        if let Some(list) = fetch(&keeper, &sources).await {
            backoff.reset();
            next = due(&keeper, &list);
            // An authority that is late is asked for more, and its old list is not young for being fetched again.
            age(&keeper, &sources, &list);
        } else {
            if let (Some(list), Some(_)) = (keeper.list_of(&sources), sources.first()) {
                age(&keeper, &sources, &list);
            } else {
                aged(&keeper, &sources, None);
            }
            tokio::time::sleep(backoff.next(&keeper.chance)).await;
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
            Ok(list) => {
                keeper.outages.succeeded(source, "revocation list");
                return Some(list);
            }
            Err(error) => {
                let due = keeper
                    .list_of(sources)
                    .map(|list| list.next_update.unwrap_or(list.this_update + DAY));
                let stake = keeper.stake(due, keeper.list_window());
                let now = keeper.clock.now();
                keeper
                    .outages
                    .failed(source, "revocation list", &error, now, stake);
            }
        }
    }
    None
}

fn age(keeper: &Keeper, sources: &[Source], list: &ListState) {
    match list.next_update {
        Some(next) if next < keeper.clock.now() => aged(keeper, sources, Some(next)),
        _ => {
            if let Some(source) = sources.first() {
                keeper.outages.young(&source.to_string());
            }
        }
    }
}

fn aged(keeper: &Keeper, sources: &[Source], due: Option<Moment>) {
    if let Some(source) = sources.first() {
        let stake = keeper.stake(due, keeper.list_window());
        keeper
            .outages
            .aged(&source.to_string(), source, keeper.clock.now(), stake);
    }
}
