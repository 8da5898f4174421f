//! What has to hold for every attack, whatever it does: others do not notice it, and nothing is left of it.

use crate::{
    attacks::Attack,
    canary::{Calls, Canary},
    failure::{Failure, Result},
    process::becomes,
    server::Server,
    target::{Build, Target},
    wire::protocol::Protocol,
};
use std::time::Duration;
use tokio::time::{Instant, timeout};

const MIB: u64 = 1 << 20;

/// How much an attack may leave behind, and use while it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Bytes that the server may have more after an attack than before.
    pub(crate) left: u64,
    /// Bytes that it may have while the attack goes on.
    pub(crate) peak: u64,
    /// How soon descriptors, memory and processor have to be back.
    pub(crate) settle: Duration,
    /// How long the attack may take.
    pub(crate) within: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            left: 8 * MIB,
            peak: 96 * MIB,
            settle: Duration::from_secs(5),
            within: Duration::from_secs(120),
        }
    }
}

/// How soon a new connection has to be served after an attack.
const FRESH: Duration = Duration::from_secs(1);
/// What no call of others may exceed.
const SLOWEST: Duration = Duration::from_secs(1);
/// The same of a debug build, which is ten times as slow and shares the machine with others that are attacked.
const SLOWEST_OF_DEBUG: Duration = Duration::from_secs(3);
/// What 99 of 100 calls of others may not exceed. A debug build is held to the slowest call alone.
const P99: Duration = Duration::from_millis(100);
/// What part of one processor a server may use that has nothing to do.
const IDLE: f64 = 0.05;

/// How an attack ended.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    Held,
    /// Everything that did not hold.
    Broken(Vec<String>),
    Skipped(String),
}

/// What an attack counted or measured, in its own words.
pub(crate) type Figures = Vec<(&'static str, String)>;

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) attack: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) verdict: Verdict,
    pub(crate) took: Duration,
    pub(crate) figures: Figures,
    pub(crate) calls: usize,
    pub(crate) p99: Duration,
    pub(crate) slowest: Duration,
    /// How long the first call of a new connection took.
    pub(crate) fresh: Option<Duration>,
    /// Bytes before, at most, and after.
    pub(crate) memory: [u64; 3],
    pub(crate) descriptors: [usize; 2],
    /// Nothing is wrong but that others waited too long, on a machine that was late by itself, or that memory has not
    /// come back: what an allocator keeps is used again by the next try, and what is lost is lost again.
    pub(crate) doubtful: bool,
    /// How often it was tried.
    pub(crate) tries: usize,
}

/// Runs an attack, and judges.
pub(crate) async fn judge(attack: &Attack, server: &Server, target: Target, every: Duration) -> Row {
    let mut row = Row {
        attack: attack.name,
        protocol: target.protocol,
        verdict: Verdict::Held,
        took: Duration::ZERO,
        figures: vec![],
        calls: 0,
        p99: Duration::ZERO,
        slowest: Duration::ZERO,
        fresh: None,
        memory: [0; 3],
        descriptors: [0; 2],
        doubtful: false,
        tries: 1,
    };
    let mut broken = vec![];
    if let Err(failure) = attempt(attack, server, target, every, &mut row, &mut broken).await {
        match failure {
            Failure::Skipped(why) => {
                row.verdict = Verdict::Skipped(why);
                return row;
            }
            Failure::Unexpected(what) => broken.push(what),
        }
    }
    if !broken.is_empty() {
        row.verdict = Verdict::Broken(broken);
    }
    row
}

async fn attempt(
    attack: &Attack,
    server: &Server,
    target: Target,
    every: Duration,
    row: &mut Row,
    broken: &mut Vec<String>,
) -> Result {
    let (process, bounds) = (&server.process, attack.bounds);
    if !process.runs() {
        return Err("the server is gone".into());
    }
    // What the first connection of a protocol makes the server keep does not count.
    target.serves().await?;
    row.descriptors[0] = process.descriptors()?;
    row.memory[0] = process.memory()?;
    process.forget_peak()?;
    let canary = Canary::start(target.clone(), every)?;
    let begin = Instant::now();
    let outcome = timeout(bounds.within, (attack.run)(target.clone())).await;
    row.took = begin.elapsed();
    // Whatever came out, others are asked, too.
    let fresh = Instant::now();
    let served = timeout(PATIENCE, target.serves()).await;
    let fresh = fresh.elapsed();
    let calls = canary.stop()?;
    if !process.runs() {
        broken.push("the server has died".into());
    }
    match outcome {
        Ok(Ok(figures)) => row.figures = figures,
        Ok(Err(Failure::Skipped(why))) => return Err(Failure::Skipped(why)),
        Ok(Err(failure)) => broken.push(failure.to_string()),
        Err(_) => broken.push(format!("not over after {:?}", bounds.within)),
    }
    match served {
        Ok(Ok(())) if fresh <= FRESH => row.fresh = Some(fresh),
        Ok(Ok(())) => broken.push(format!("a new connection was served after {fresh:.1?} only")),
        Ok(Err(failure)) => broken.push(format!("a new connection: {failure}")),
        Err(_) => broken.push(format!("a new connection was not served within {PATIENCE:?}")),
    }
    let wrong = broken.len();
    let late = heard(&calls, server.build, row, broken);
    let noisy = late == 0 || calls.noise() > NOISE;
    let kept = settled(server, bounds, row, broken).await?;
    row.doubtful = wrong == 0 && !broken.is_empty() && broken.len() == late + kept && noisy;
    Ok(())
}

/// A machine that wakes the canary so much too late, in one of a hundred cases, is too busy to tell who was slow.
const NOISE: Duration = Duration::from_millis(10);

/// How long a new connection is waited for, so that the row can say how late it was.
const PATIENCE: Duration = Duration::from_secs(10);

/// What others have seen; how many of the complaints are about slowness.
fn heard(calls: &Calls, build: Build, row: &mut Row, broken: &mut Vec<String>) -> usize {
    (row.calls, row.p99, row.slowest) = (calls.count(), calls.p99(), calls.slowest());
    if let Some(wrong) = &calls.wrong {
        broken.push(format!("others had {} errors; the first: {wrong}", calls.errors));
    }
    if row.calls == 0 {
        broken.push("others could not call at all".into());
    }
    let before = broken.len();
    let slowest = if build == Build::Debug { SLOWEST_OF_DEBUG } else { SLOWEST };
    if row.slowest > slowest {
        broken.push(format!("a call of others took {:.1?}", row.slowest));
    }
    if build == Build::Release && row.p99 > P99 {
        broken.push(format!("a hundredth of the calls of others took {:.1?} or more", row.p99));
    }
    broken.len() - before
}

/// Waits until everything is as it was; how many of the complaints are about memory.
async fn settled(server: &Server, bounds: Bounds, row: &mut Row, broken: &mut Vec<String>) -> Result<usize> {
    let process = &server.process;
    row.memory[1] = process.peak()?;
    if row.memory[1] > bounds.peak {
        broken.push(format!("the server used {} MiB", row.memory[1] / MIB));
    }
    let before = row.descriptors[0];
    let (after, back) = becomes(bounds.settle, || process.descriptors(), |now| *now <= before).await?;
    row.descriptors[1] = after;
    if !back {
        broken.push(format!("{after} descriptors are open, {before} were"));
    }
    let most = row.memory[0] + bounds.left;
    let (after, back) = becomes(bounds.settle, || process.memory(), |now| *now <= most).await?;
    row.memory[2] = after;
    let kept = usize::from(!back);
    if !back {
        broken.push(format!("{} MiB of memory have not come back", (after - row.memory[0]) / MIB));
    }
    let until = Instant::now() + bounds.settle;
    loop {
        let load = process.load(Duration::from_millis(200)).await?;
        if load <= IDLE {
            return Ok(kept);
        }
        if Instant::now() > until {
            broken.push(format!("the server still uses {:.0} % of a processor", load * 100.0));
            return Ok(kept);
        }
    }
}
