//! What one member's flood does to another's answers on a shared box.

use std::time::Duration;

use crate::load::{Arrivals, Departures, Outcome, Sender, Shape, quantile, run};
use crate::world::{Wanted, World};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Bytes of a document.
const SIZE: u64 = 4 << 10;
/// Documents a second of the quiet member, and its connections.
const PACE: f64 = 25.0;
const QUIET: usize = 2;
/// Connections of the member that floods, each sending again as soon as it is answered.
const FLOOD: usize = 64;
/// How long the flood runs before and behind what is measured.
const AROUND: Duration = Duration::from_secs(2);
/// The second run's documents are others than the first's.
const SECOND: u32 = 1_000_000;

/// The quiet member's answers in milliseconds, alone and beside the flood.
pub(crate) struct Beside {
    pub(crate) alone: Outcome,
    pub(crate) flooded: Outcome,
    pub(crate) flood: Outcome,
}

impl Beside {
    /// That share of the answers alone and beside the flood, in milliseconds.
    pub(crate) fn quantiles(&self, share: f64) -> (f64, f64) {
        let at = |outcome: &Outcome| quantile(&outcome.answers, share);
        (at(&self.alone), at(&self.flooded))
    }
}

/// Both runs, one after the other, in one exchange.
pub(crate) async fn beside(steady: Duration) -> Result<Beside, Failure> {
    let world = World::start(Wanted {
        senders: 2,
        ..Wanted::TO_HUB
    })?;
    let sender = |number: usize, connections: usize| -> Result<Sender, Failure> {
        Ok(Sender {
            endpoint: world.endpoint(&world.exchange.lab.boxes[0])?,
            documents: world.documents(number, SIZE)?,
            connections,
        })
    };
    let (flooding, quiet) = ([sender(0, FLOOD)?], [sender(1, QUIET)?]);
    let shape = Shape {
        steady,
        window: QUIET,
        pace: Some(PACE),
        first: 0,
        most: SECOND,
    };
    let one = |senders, shape| run(senders, Arrivals::Answers, shape, Departures::new(0));
    let alone = one(&quiet, shape).await?;
    let flood = Shape {
        steady: steady + 3 * AROUND,
        window: FLOOD,
        pace: None,
        ..shape
    };
    let later = async {
        tokio::time::sleep(AROUND).await;
        let second = Shape {
            first: SECOND,
            most: 2 * SECOND,
            ..shape
        };
        one(&quiet, second).await
    };
    let (flood, flooded) = tokio::try_join!(one(&flooding, flood), later)?;
    Ok(Beside {
        alone,
        flooded,
        flood,
    })
}
