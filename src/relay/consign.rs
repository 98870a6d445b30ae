//! Small packets travel to the hub many at a time: while some calls are under way the next one gathers. A lone packet
//! waits for nobody.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::uplink::{self, Hub, consignment::MOST};

/// Calls under way at a time: one is on its way while the other waits for the hub's signature.
const UNDER_WAY: usize = 2;

/// A cheap handle to the task that hands packets over together.
#[derive(Clone)]
pub(super) struct Consigner {
    queue: mpsc::Sender<Waiting>,
}

struct Waiting {
    seal: Vec<u8>,
    body: Bytes,
    answer: oneshot::Sender<Result<Vec<u8>, uplink::Error>>,
}

impl Consigner {
    pub(super) fn start(hub: Hub) -> Self {
        let (queue, waiting) = mpsc::channel(MOST);
        tokio::spawn(run(hub, waiting));
        Self { queue }
    }

    /// What [`Hub::put`] gives.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn put(&self, seal: Vec<u8>, body: Bytes) -> Result<Vec<u8>, uplink::Error> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting { seal, body, answer };
        let stopped = uplink::Error::Stopped;
        self.queue
            .send(waiting)
            .await
            .map_err(|_| stopped.clone())?;
        answered.await.map_err(|_| stopped)?
    }
}

async fn run(hub: Hub, mut waiting: mpsc::Receiver<Waiting>) {
    let room = Arc::new(Semaphore::new(UNDER_WAY));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else {
            return;
        };
        let mut together = Vec::new();
        if waiting.recv_many(&mut together, MOST).await == 0 {
            return;
        }
        let hub = hub.clone();
        tokio::spawn(async move {
            hand_over(&hub, together).await;
            drop(place);
        });
    }
}

async fn hand_over(hub: &Hub, together: Vec<Waiting>) {
    let (packets, answers): (Vec<_>, Vec<_>) = together
        .into_iter()
        .map(|one| ((one.seal, one.body), one.answer))
        .unzip();
    // Whoever waited may have gone; the packet is then handed over again by the same id.
    match hub.consign(&packets).await {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(outcome);
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(error.clone()));
            }
        }
    }
}
