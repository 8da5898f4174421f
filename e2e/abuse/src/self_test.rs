//! The test of the test: without a defence, the attack that it is against has to be noticed.
//!
//! It needs servers that were built with `--cfg swill_weak`: their environment variable `SWILL_WEAK` names the defence
//! that is off.

use crate::{
    attacks::{self, Attack},
    failure::{Failure, Result},
    judge::{Verdict, judge},
    options::Options,
    server::{Server, start_without},
    target::Target,
};
use std::time::{Duration, Instant};

/// How often others call meanwhile.
const EVERY: Duration = Duration::from_millis(50);

/// Each defence that can be switched off, and the attack that has to notice.
const DEFENCES: &[(&str, &str)] = &[
    // Frames.
    ("masked-frames", "defence-masks"),
    ("reserved-bits", "defence-reserved-bits"),
    ("reserved-opcodes", "defence-reserved-opcodes"),
    ("control-frames", "defence-control-frames"),
    ("frame-lengths", "defence-frame-lengths"),
    ("fragment-order", "defence-fragment-order"),
    ("utf8", "defence-text"),
    ("close-codes", "defence-close-codes"),
    ("after-close", "defence-after-close"),
    ("after-the-end", "defence-discarding"),
    ("preallocation", "defence-announced-frames"),
    ("inflate", "defence-inflate"),
    ("inflate-streams", "defence-inflate-streams"),
    // Handshakes.
    ("origin", "defence-origin"),
    ("host", "defence-host"),
    ("upgrade-method", "defence-upgrade-method"),
    ("upgrade-host", "defence-upgrade-host"),
    ("upgrade-body", "defence-upgrade-body"),
    ("upgrade-version", "defence-upgrade-version"),
    ("upgrade-key", "defence-upgrade-key"),
    ("http-connections", "defence-http-connections"),
    ("accept-errors", "defence-accept-errors"),
    ("newcomers", "defence-newcomers"),
    // Messages.
    ("nesting", "defence-nesting"),
    ("announced-lengths", "defence-announced-values"),
    ("name-length", "defence-name"),
    ("duplicate-numbers", "defence-duplicate-numbers"),
    ("id-length", "defence-id"),
    ("answers-to-answers", "defence-answers"),
    ("held-batches", "defence-held-batches"),
    ("zlib", "defence-zlib"),
    ("path-length", "defence-path"),
    ("random-keys", "defence-random-keys"),
    // Calls and streams.
    ("cancelled-calls", "defence-cancelled-calls"),
    ("held-answers", "defence-held-answers"),
    ("panics", "defence-panics"),
    ("error-details", "defence-error-details"),
    ("calls-of-the-gone", "defence-the-gone"),
    ("notifications", "defence-notifications"),
    ("turns", "defence-turns"),
    ("reading-when-full", "defence-reading-when-full"),
    ("waiting-messages", "defence-waiting-messages"),
    // Files and pages.
    ("file-names", "defence-file-names"),
    ("hidden-files", "defence-hidden-files"),
    ("file-links", "defence-file-links"),
    ("file-headers", "defence-file-headers"),
    ("docs-headers", "defence-docs-headers"),
    // The rows of `docs/limits.md`.
    ("handshake", "defence-handshake"),
    ("head", "defence-head"),
    ("headers", "defence-headers"),
    ("connections", "defence-connections"),
    ("per_address", "defence-per-address"),
    ("budget", "defence-budget"),
    ("message", "defence-message"),
    ("fragments", "defence-fragments"),
    ("empty_fragments", "defence-empty-fragments"),
    ("answer", "defence-answer"),
    ("metadata.keys", "defence-metadata-keys"),
    ("metadata.bytes", "defence-metadata-bytes"),
    ("calls", "defence-calls"),
    ("batch", "defence-batch"),
    ("asked", "defence-asked"),
    ("answer_within", "defence-answer-within"),
    ("draining", "defence-draining"),
    ("cancels", "defence-cancels"),
    ("pings", "defence-pings"),
    ("stream_unread", "defence-stream-unread"),
    ("unread", "defence-unread"),
    ("stream_stall", "defence-stream-stall"),
    ("outbox", "defence-outbox"),
    ("write_stall", "defence-write-stall"),
    ("write_stall", "defence-http-write-stall"),
    ("ping_after", "defence-ping"),
    ("pong_within", "defence-pong"),
    ("close", "defence-close-timeout"),
    ("grace", "defence-grace"),
    ("deadline", "defence-deadline"),
];

/// Whether a defence has this in its name.
pub(crate) fn knows(only: &str) -> bool {
    DEFENCES.iter().any(|(defence, _)| defence.contains(only))
}

/// Tries every defence that is asked for, with it and without it; whether each is noticed to be off.
///
/// # Errors
///
/// There is no server.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let attacks = attacks::all();
    let wanted = |defence: &str, attack: &str| {
        options.only.is_empty()
            || options.only.iter().any(|only| defence.contains(only) || attack.contains(only))
    };
    let begin = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut tried, mut caught) = (0, 0);
    println!("{:9}{:22}{:32}what was noticed", "", "defence", "attack");
    for (defence, name) in DEFENCES.iter().filter(|(defence, attack)| wanted(defence, attack)) {
        let attack = attacks.iter().find(|attack| attack.name == *name);
        let attack = attack.ok_or_else(|| Failure::from(format!("there is no attack `{name}`")))?;
        let with = runtime.block_on(once(options, attack, None))?;
        let without = match &with {
            Verdict::Held => runtime.block_on(once(options, attack, Some(defence)))?,
            other => other.clone(),
        };
        tried += 1;
        let (result, what) = match (with, without) {
            (Verdict::Held, Verdict::Broken(what)) => {
                caught += 1;
                ("caught", what.join("; "))
            }
            (Verdict::Held, _) => ("MISSED", "nothing".into()),
            (Verdict::Broken(what), _) => ("BROKEN", format!("with the defence: {}", what.join("; "))),
            (Verdict::Skipped(why), _) => ("skipped", why),
        };
        println!("{result:9}{defence:22}{name:32}{what}");
    }
    println!("\n{tried} defences; of {caught} it was noticed when they were off; in {:.0?}", begin.elapsed());
    Ok(tried > 0 && caught == tried)
}

/// An attack on a server that was started for it.
async fn once(options: &Options, attack: &Attack, without: Option<&'static str>) -> Result<Verdict> {
    // This one has all its defences: it is where others are. What lacks one is what the attack starts by itself.
    let server = Server::start(&options.source, options.build)?;
    let protocol = attack.protocols.first().copied().ok_or("an attack over no protocol")?;
    let target = Target {
        address: server.address,
        process: server.process.clone(),
        protocol,
        build: options.build,
        seed: options.seed,
        divisor: options.divisor,
    };
    start_without(without);
    let row = judge(attack, &server, target, EVERY).await;
    start_without(None);
    Ok(row.verdict)
}
