//! The scenes, in the order in which they are played.

mod changes;
mod circular;
mod decision;
mod large;
mod many;
mod outages;
mod proofs;
mod receipts;
mod statuses;

use super::screen::Fault;
use super::stage::Stage;

/// Plays all scenes; the last one gives whether every row holds.
pub(super) async fn play(stage: &mut Stage) -> Result<bool, Fault> {
    decision::play(stage).await?;
    circular::play(stage).await?;
    large::play(stage).await?;
    changes::play(stage).await?;
    receipts::play(stage).await?;
    statuses::play(stage).await?;
    many::play(stage).await?;
    outages::play(stage).await?;
    proofs::play(stage).await
}
