//! Software that sends as fast as its window lets it, and what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::request::{Documents, Sending};
use crate::wire::Endpoint;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Parts of a run whose median is the figure.
const PARTS: u32 = 5;
/// How long the last documents may take to arrive.
const DRAIN: Duration = Duration::from_secs(120);

/// One software: where it sends and what.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) endpoint: Endpoint,
    pub(crate) documents: Arc<Documents>,
    pub(crate) connections: usize,
}

/// How a run goes.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    /// The steady part.
    pub(crate) steady: Duration,
    /// Documents on their way at most.
    pub(crate) window: usize,
    /// Documents a second; as many as arrive when there is none.
    pub(crate) pace: Option<f64>,
    /// Number of the first document.
    pub(crate) first: u32,
    /// Number behind the last, so that a disk does not fill.
    pub(crate) most: u32,
}

/// What a run gave.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// Documents a second that arrived: the median of the parts.
    pub(crate) rate: f64,
    /// Sorted microseconds from a request's first byte to the software's answer.
    pub(crate) answers: Vec<u32>,
    /// All that arrived.
    pub(crate) arrived: u64,
    /// What went wrong, once each.
    pub(crate) trouble: Vec<String>,
}

/// What counts as arrived.
pub(crate) enum Arrivals {
    /// The answer itself.
    Answers,
    /// Counted elsewhere.
    Counted(Arc<AtomicU64>),
}

/// State that the senders of a run share.
struct Run {
    next: AtomicU32,
    sent: AtomicU64,
    answered: AtomicU64,
    stop: AtomicBool,
    failed: AtomicBool,
    window: Semaphore,
    started: Instant,
    shape: Shape,
    /// When each document went off, in microseconds since the start.
    departures: Arc<Departures>,
}

/// When each document went off.
pub(crate) struct Departures {
    epoch: Instant,
    at: Vec<AtomicU64>,
}

impl Departures {
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            at: (0..most).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    fn note(&self, index: u32) {
        if let Some(at) = self.at.get(index as usize) {
            at.store(micros(self.epoch.elapsed()).into(), Ordering::Relaxed);
        }
    }

    /// Microseconds since document `index` went off.
    pub(crate) fn since(&self, index: u32) -> Option<u32> {
        let at = self.at.get(index as usize)?.load(Ordering::Relaxed);
        let now = u64::from(micros(self.epoch.elapsed()));
        u32::try_from(now.checked_sub(at)?).ok()
    }
}

pub(crate) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// Runs the senders until the steady part is over and all that was sent has arrived.
pub(crate) async fn run(
    senders: &[Sender],
    arrivals: Arrivals,
    shape: Shape,
    departures: Arc<Departures>,
) -> Result<Outcome, Failure> {
    let ready = prepared(&senders[0].documents, shape.most);
    let mut connections = Vec::new();
    for sender in senders {
        for _ in 0..sender.connections {
            connections.push((sender.clone(), sender.endpoint.connect().await?));
        }
    }
    let run = Arc::new(Run {
        next: AtomicU32::new(shape.first),
        sent: AtomicU64::new(0),
        answered: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        failed: AtomicBool::new(false),
        window: Semaphore::new(shape.window),
        started: Instant::now(),
        shape,
        departures,
    });
    let ready = Arc::new(ready);
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|(sender, connection)| {
            let (run, ready) = (run.clone(), ready.clone());
            tokio::spawn(async move {
                let sent = send(&run, &sender, connection, &ready).await;
                run.failed.fetch_or(sent.is_err(), Ordering::Relaxed);
                sent
            })
        })
        .collect();
    let (rate, arrived) = follow(&run, &arrivals).await;
    run.window.close();
    let mut outcome = Outcome {
        rate,
        arrived,
        ..Outcome::default()
    };
    for task in tasks {
        match task.await? {
            Ok(times) => outcome.answers.extend(times),
            Err(error) => outcome.tell(error.to_string()),
        }
    }
    outcome.answers.sort_unstable();
    let sent = run.sent.load(Ordering::Relaxed);
    if arrived != sent {
        outcome.tell(format!("sent {sent}, arrived {arrived}"));
    }
    Ok(outcome)
}

/// Hashing large documents is the generator's largest cost, so it is done before.
fn prepared(documents: &Documents, most: u32) -> Vec<Sending> {
    let most = if documents.size() < 1 << 20 { 0 } else { most };
    (0..most).map(|index| documents.sending(index)).collect()
}

async fn send(
    run: &Run,
    sender: &Sender,
    mut connection: crate::wire::Connection,
    ready: &[Sending],
) -> Result<Vec<u32>, Failure> {
    let mut times = Vec::new();
    while !run.stop.load(Ordering::Relaxed) {
        let Ok(permit) = run.window.acquire().await else {
            break;
        };
        permit.forget();
        if run.stop.load(Ordering::Relaxed) {
            break;
        }
        let index = run.next.fetch_add(1, Ordering::Relaxed);
        if index >= run.shape.most {
            break;
        }
        if let Some(pace) = run.shape.pace {
            let due =
                run.started + Duration::from_secs_f64(f64::from(index - run.shape.first) / pace);
            tokio::time::sleep_until(due.into()).await;
        }
        let made;
        let sending = match ready.get(index as usize) {
            Some(sending) => sending,
            None => {
                made = sender.documents.sending(index);
                &made
            }
        };
        run.sent.fetch_add(1, Ordering::Relaxed);
        run.departures.note(sending.number);
        let begun = Instant::now();
        let (status, body) = connection.ask(&sending.parts()).await?;
        times.push(micros(begun.elapsed()));
        if status != 200 || !(body.starts_with(b"ok") || is_ok(&body)) {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        run.answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(times)
}

fn is_ok(body: &[u8]) -> bool {
    crate::wire::find(body, b"\"DocId\"").is_some()
}

/// Gives the window back as documents arrive, and counts.
async fn follow(run: &Run, arrivals: &Arrivals) -> (f64, u64) {
    let arrived = || match arrivals {
        Arrivals::Answers => run.answered.load(Ordering::Relaxed),
        Arrivals::Counted(count) => count.load(Ordering::Relaxed),
    };
    let warm = (run.shape.steady / 6).min(Duration::from_secs(5));
    let part = run.shape.steady / PARTS;
    let mut marks: Vec<(Instant, u64)> = Vec::new();
    let mut seen = 0;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let mut stopped: Option<Instant> = None;
    loop {
        tick.tick().await;
        let now = Instant::now();
        let count = arrived();
        run.window
            .add_permits(usize::try_from(count - seen).unwrap_or(0));
        seen = count;
        let due = run.started + warm + part * u32::try_from(marks.len()).unwrap_or(0);
        if stopped.is_none() && now >= due {
            marks.push((now, count));
        }
        let full = run.next.load(Ordering::Relaxed) >= run.shape.most;
        if stopped.is_none() && (marks.len() > PARTS as usize || full) {
            run.stop.store(true, Ordering::Relaxed);
            stopped = Some(now);
            if full {
                marks.push((now, count));
            }
        }
        if run.failed.load(Ordering::Relaxed) {
            run.stop.store(true, Ordering::Relaxed);
            return (0.0, seen);
        }
        if let Some(stopped) = stopped {
            // Whoever waits for the window is let go; what is on its way still arrives.
            let all = seen >= run.sent.load(Ordering::Relaxed);
            let answered = run.answered.load(Ordering::Relaxed) >= run.sent.load(Ordering::Relaxed);
            if (all && answered && now - stopped > Duration::from_millis(300))
                || now - stopped > DRAIN
            {
                if run.next.load(Ordering::Relaxed) >= run.shape.most && marks.len() < 4 {
                    // Too few parts: all that arrived over the whole time.
                    let whole = (now - run.started).as_secs_f64();
                    return (seen as f64 / whole, seen);
                }
                return (median_rate(&marks), seen);
            }
        }
    }
}

fn median_rate(marks: &[(Instant, u64)]) -> f64 {
    let mut rates: Vec<f64> = marks
        .windows(2)
        .map(|two| (two[1].1 - two[0].1) as f64 / (two[1].0 - two[0].0).as_secs_f64())
        .collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or(0.0)
}

impl Outcome {
    pub(crate) fn tell(&mut self, trouble: String) {
        if !self.trouble.contains(&trouble) {
            self.trouble.push(trouble);
        }
    }
}

/// The value below which that share of sorted times lies, in milliseconds.
pub(crate) fn quantile(sorted: &[u32], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    sorted
        .get(at)
        .map_or(f64::NAN, |us| f64::from(*us) / 1_000.0)
}
