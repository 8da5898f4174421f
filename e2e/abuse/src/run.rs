//! A run: those attacks that wait beside each other, with a server for each; then the others, one after the other.

use crate::{
    attacks::{self, Attack},
    failure::{Context, Result},
    judge::{Row, Verdict, judge},
    options::Options,
    server::{Server, Source},
    table,
    target::Target,
    wire::protocol::Protocol,
};
use std::{
    fs,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// How often others call.
const EVERY: Duration = Duration::from_millis(10);
/// How often others call where an attack mostly waits: there are several such servers at the same time.
const NOW_AND_THEN: Duration = Duration::from_millis(50);

/// How many attacks that mostly wait run beside each other.
const BESIDE: usize = 8;

/// How often an attack is tried whose outcome is [doubtful](Row::doubtful).
const TRIES: usize = 3;

/// An attack on one protocol.
#[derive(Clone, Copy)]
struct Job<'a> {
    attack: &'a Attack,
    protocol: Protocol,
}

/// Runs what is asked for; whether everything held.
///
/// # Errors
///
/// There is no server, or the result cannot be written.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let attacks = attacks::all();
    let wanted = |attack: &&Attack| {
        options.only.is_empty() || options.only.iter().any(|only| attack.name.contains(only))
    };
    let jobs = attacks.iter().filter(wanted).flat_map(|attack| {
        let protocols = attack.protocols.iter().filter(|protocol| options.protocols.contains(protocol));
        protocols.map(move |protocol| Job { attack, protocol: *protocol })
    });
    let (waiting, working): (Vec<Job<'_>>, Vec<Job<'_>>) = jobs.partition(|job| job.attack.waits);
    println!("{} attacks, build {}, seed {}", waiting.len() + working.len(), options.build, options.seed);
    println!("{}", table::heading());
    let begin = Instant::now();
    let rows = Mutex::new(vec![]);
    let done = |row: Row| {
        println!("{}", table::line(&row));
        rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    };
    // Those that wait longest are listed last, and begin first.
    let left = Mutex::new(waiting.iter().rev());
    let one_after_the_other = || -> Result {
        let mut ended = Ok(());
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(job) = next else { return ended };
            let this = lane(options, &[*job], NOW_AND_THEN, &done);
            ended = ended.and(this);
        }
    };
    let ended = match options.source {
        Source::Program(_) => thread::scope(|scope| {
            let beside: Vec<_> = (0..BESIDE).map(|_| scope.spawn(one_after_the_other)).collect();
            let mut ended = vec![lane(options, &working, EVERY, &done)];
            let joined = beside.into_iter().map(|lane| lane.join());
            ended.extend(joined.map(|ended| ended.unwrap_or_else(|_| Err("a thread has panicked".into()))));
            ended
        }),
        // Another server's process has to be alone with its attack, or its memory would mean nothing.
        Source::Running(..) => {
            vec![lane(options, &working, EVERY, &done), lane(options, &waiting, EVERY, &done)]
        }
    };
    let rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("\n{}", table::summary(&rows, begin.elapsed()));
    if let Some(file) = &options.json {
        let json = table::json(&rows, &options.build.to_string(), options.seed, begin.elapsed());
        fs::write(file, format!("{json:#}\n")).context(file.display())?;
    }
    let mut holds = rows.iter().all(|row| !matches!(row.verdict, Verdict::Broken(_)));
    for failure in ended.into_iter().filter_map(Result::err) {
        println!("abuse: {failure}");
        holds = false;
    }
    Ok(holds && !rows.is_empty())
}

/// Some attacks on one server, one after the other. A server that has died is started again.
fn lane(options: &Options, jobs: &[Job<'_>], every: Duration, done: &(impl Fn(Row) + Sync)) -> Result {
    if jobs.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut server = Server::start(&options.source, options.build)?;
    for job in jobs {
        if !server.process.runs() {
            server = Server::start(&options.source, options.build)?;
        }
        let target = Target {
            address: server.address,
            process: server.process.clone(),
            protocol: job.protocol,
            build: options.build,
            seed: options.seed,
            divisor: options.divisor,
        };
        let mut row = runtime.block_on(judge(job.attack, &server, target.clone(), every));
        while row.doubtful && row.tries < TRIES {
            let tries = row.tries + 1;
            row = runtime.block_on(judge(job.attack, &server, target.clone(), every));
            row.tries = tries;
        }
        done(row);
    }
    server.stop()
}
