//! The scenarios that all clients have in common (`conformance/scenarios/README.md`), played with this one.
//!
//! The server is the example `scenarios`, in this process. `SCENARIO=reconnect/` in the environment plays only those whose
//! names contain that.

mod list;
mod members;
mod play;
#[path = "../../../../examples/scenarios/service/mod.rs"]
mod service;
mod stage;
mod value;

use std::sync::Arc;
use swill_client::Protocol;
use tokio::sync::Semaphore;

const LIST: &str = include_str!("../../../../conformance/scenarios/scenarios.json");

/// How many are played at the same time.
const AT_ONCE: usize = 8;

#[expect(clippy::print_stdout, reason = "it tells what was played and what was not")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_of_the_list() {
    let service = service::bind("127.0.0.1:0").await.unwrap();
    let address = service.address();
    let serving = tokio::spawn(service.run());

    let only = std::env::var("SCENARIO").unwrap_or_default();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (mut rounds, mut skipped) = (Vec::new(), 0);
    let scenarios = list::read(LIST).unwrap();
    let wanted = scenarios.into_iter().filter(|scenario| scenario.name.contains(&only)).map(Arc::new);
    for scenario in wanted {
        if let Some(why) = &scenario.excuse {
            println!("skipped {}: {why}", scenario.name);
            skipped += 1;
            continue;
        }
        for &protocol in &scenario.protocols {
            let (scenario, places) = (scenario.clone(), places.clone());
            rounds.push(tokio::spawn(async move {
                let _place = places.acquire_owned().await.unwrap();
                play::round(&scenario, protocol, address)
                    .await
                    .map_err(|wrong| format!("{} [{}] {wrong}", scenario.name, name(protocol)))
            }));
        }
    }
    let (mut passed, mut failures) = (0, Vec::new());
    for round in rounds {
        match round.await.unwrap() {
            Ok(()) => passed += 1,
            Err(failure) => failures.push(failure),
        }
    }
    serving.abort();
    println!("{passed} rounds passed, {} failed, {skipped} scenarios skipped", failures.len());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(passed > 0, "no scenario is called `{only}`");
}

fn name(protocol: Protocol) -> &'static str {
    if protocol == Protocol::Swill { "swill" } else { "json-rpc" }
}
