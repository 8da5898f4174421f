//! Every limit of `docs/limits.md` has a test that goes to it and one step further; those that are the same over every
//! protocol are tested here.

use crate::common::*;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};
use swill::{App, Limits, testing::TestPeer};
use swill_proto::Format;

/// The rows of the tables, each with the tests that are at the limit and beyond it.
const HELD_BY: &[(&str, &[&str])] = &[
    (
        "handshake",
        &[
            "handshakes_have_a_deadline",
            "a_connection_that_no_hook_decides_about_is_refused",
            "a_connection_that_no_hook_accepts_is_closed",
        ],
    ),
    ("head", &["heads_have_at_most_so_many_bytes_and_headers"]),
    ("headers", &["heads_have_at_most_so_many_bytes_and_headers"]),
    ("connections", &["a_server_holds_so_many_connections"]),
    ("per_address", &["each_address_has_its_own_places_and_gets_them_back"]),
    ("budget", &["the_budget_can_be_used_up_and_not_a_byte_more", "connections_hold_so_many_bytes_together"]),
    ("message", &["a_message_has_at_most_so_many_bytes", "messages_have_at_most_so_many_bytes"]),
    ("fragments", &["fragments_are_counted"]),
    ("empty_fragments", &["fragments_are_counted"]),
    (
        "answer",
        &[
            "an_answer_and_an_item_have_at_most_so_many_bytes",
            "answers_have_at_most_so_many_bytes",
            "an_error_has_at_most_so_many_bytes",
        ],
    ),
    (
        "metadata.keys",
        &[
            "metadata_have_at_most_so_many_keys_and_bytes",
            "metadata_of_this_side_has_at_most_so_many_keys_and_bytes",
        ],
    ),
    (
        "metadata.bytes",
        &[
            "metadata_have_at_most_so_many_keys_and_bytes",
            "metadata_of_this_side_has_at_most_so_many_keys_and_bytes",
        ],
    ),
    ("calls", &["so_many_calls_are_in_flight", "too_many_calls_are_refused"]),
    (
        "batch",
        &[
            "batches_are_bounded",
            "batches_have_at_most_so_many_calls",
            "a_batch_of_this_side_is_no_longer_than_one_of_a_peer_may_be",
        ],
    ),
    ("asked", &["only_so_many_calls_wait_for_a_peer", "only_so_many_notifications_wait_for_a_slow_peer"]),
    ("answer_within", &["an_answer_that_does_not_come_in_time_is_an_error"]),
    ("draining", &["so_many_streams_may_go_on_after_their_answers"]),
    ("cancels", &["cancellations_are_counted_and_forgiven_with_time"]),
    ("pings", &["pings_are_counted_and_forgiven_with_time", "pings_are_answered_up_to_a_limit"]),
    ("stream_unread", &["a_stream_that_takes_nothing_fails_and_the_connection_reads_on"]),
    ("unread", &["items_that_come_with_the_opening_of_calls_count_too"]),
    ("stream_stall", &["a_stream_that_takes_nothing_fails_and_the_connection_reads_on"]),
    ("outbox", &["large_answers_are_not_made_before_there_is_room"]),
    ("write_stall", &["a_peer_that_takes_nothing_is_cut_off"]),
    ("ping_after", &["a_silent_peer_is_pinged_and_kept_if_it_answers"]),
    ("pong_within", &["a_peer_that_answers_no_ping_is_cut_off"]),
    ("close", &["a_peer_that_does_not_answer_a_close_is_cut_off"]),
    (
        "grace",
        &[
            "what_does_not_end_within_the_grace_is_cancelled",
            "a_call_that_is_cancelled_gives_its_place_back",
            "a_connection_that_is_over_gives_its_place_back",
        ],
    ),
    ("deadline", &["a_call_that_takes_too_long_is_cancelled"]),
    ("files", &["who_finds_no_place_is_told_after_a_second"]),
    ("http", &["every_limit_is_counted_and_written_once"]),
    ("answers", &["answers_held_back_stay_within_bounds"]),
    ("nesting", &["depth_is_counted_exactly"]),
    ("name", &["names_have_at_most_255_bytes"]),
    ("id", &["every_limit_is_counted_and_written_once"]),
    ("path", &["long_paths_are_unknown_and_not_kept"]),
    ("final_blocks", &["every_limit_is_counted_and_written_once"]),
    ("discarded", &["every_limit_is_counted_and_written_once"]),
    ("log", &["lines_about_calls_are_limited_in_each_second"]),
];

/// The names in the first columns of the tables of limits.
fn documented() -> Vec<String> {
    let text = include_str!("../../../../docs/limits.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.filter_map(|row| Some(row.split('`').nth(1)?.to_owned())).collect()
}

/// The text of all Rust files below a folder.
fn sources(folder: &Path, into: &mut String) {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        match path.is_dir() {
            true => sources(&path, into),
            false if path.extension().is_some_and(|it| it == "rs") => {
                into.push_str(&fs::read_to_string(&path).expect("sources are text"));
            }
            false => {}
        }
    }
}

#[test]
fn every_limit_is_tested_at_n_and_beyond() {
    let (documented, mut all) = (documented(), String::new());
    assert!(documented.len() > 25, "the table cannot be read: {documented:?}");
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut all);
    let untested: Vec<&String> =
        documented.iter().filter(|name| !HELD_BY.iter().any(|(held, _)| held == name)).collect();
    assert!(untested.is_empty(), "no test goes to these limits and one step further: {untested:?}");
    for (name, tests) in HELD_BY {
        assert!(documented.iter().any(|it| it == name), "`{name}` is no limit of the table");
        for test in *tests {
            assert!(all.contains(&format!("fn {test}(")), "`{name}`: there is no test `{test}`");
        }
    }
}

struct Texts;

#[swill::module]
impl Texts {
    /// A text of so many letters.
    async fn text(&self, letters: usize) -> String {
        "x".repeat(letters)
    }

    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

fn app(limits: Limits) -> App {
    App::new().module(Texts).limits(limits)
}

/// Parameters as the protocol wants them: by name, or a single one as it is and several as a list.
fn named(speaks: &Speaks, parameters: serde_json::Value) -> serde_json::Value {
    if speaks.is(Family::JsonRpc) || speaks.is(Family::Events) {
        return parameters;
    }
    let serde_json::Value::Object(parameters) = parameters else { return parameters };
    let mut values: Vec<_> = parameters.into_iter().map(|(_, value)| value).collect();
    if values.len() == 1 { values.remove(0) } else { values.into() }
}

/// Whether the connection still serves.
async fn serves(speaks: &Speaks, peer: &TestPeer) -> bool {
    matches!(peer.call::<i64>("add", named(speaks, json!({ "a": 1, "b": 2 }))).await, Ok(3))
}

every_protocol! {
    async fn messages_have_at_most_so_many_bytes(speaks: &Speaks) {
        const LIMIT: usize = 4000;
        for (bytes, fits) in [(LIMIT, true), (LIMIT + 1, false)] {
            let peer = speaks.connect(app(Limits::default().message(LIMIT))).await;
            // A message that makes no sense, of the kind that the protocol has none of its own to refuse it by.
            let text = matches!((speaks.capabilities)().format, Format::Json);
            let nonsense = format!("{{{}}}", " ".repeat(bytes - 2));
            match text || speaks.is(Family::WebMesh) {
                true => peer.send_text(nonsense).await.expect("the connection is open"),
                false => peer.send_binary(vec![0xc0; bytes]).await.expect("the connection is open"),
            }
            match fits {
                true => peer.ping().await.unwrap_or_else(|error| panic!("{speaks}, {bytes} bytes: {error}")),
                false => assert_eq!(peer.closed().await.expect("it ends").code, 1009, "{speaks}, {bytes} bytes"),
            }
        }
    }

    async fn answers_have_at_most_so_many_bytes(speaks: &Speaks) {
        const LIMIT: usize = 1000;
        let around = match (speaks.capabilities)().format {
            // The quotes.
            Format::Json => 2,
            // The head of a text of more than 255 bytes.
            _ => 3,
        };
        let peer = speaks.connect(app(Limits::default().answer(LIMIT))).await;
        let letters = LIMIT - around;
        let call = async |letters: usize| {
            peer.call::<String>("text", named(speaks, json!({ "letters": letters }))).await
        };
        assert_eq!(call(letters).await.map(|text| text.len()).ok(), Some(letters), "{speaks}");
        // WebMesh has no errors: what failed is a text, or nothing at all.
        let beyond = call(letters + 1).await.ok().map(|text| text.len());
        assert!(beyond.is_none_or(|length| length < 100 && speaks.family != Family::Swill), "{speaks}: {beyond:?}");
        if !speaks.is(Family::Events) {
            assert!(serves(speaks, &peer).await, "{speaks}");
        }
    }
}

#[tokio::test]
async fn batches_have_at_most_so_many_calls() {
    for (calls, fits) in [(5, true), (6, false)] {
        let peer = JSON_RPC.connect(app(Limits::default().batch(5))).await;
        let batch: Vec<serde_json::Value> = (0..calls)
            .map(|id| json!({ "jsonrpc": "2.0", "method": "add", "params": [id, 1], "id": id }))
            .collect();
        peer.send_text(serde_json::to_string(&batch).expect("it is JSON"))
            .await
            .expect("the connection is open");
        let answer = crate::common::json(peer.receive_raw().await.expect("an answer"));
        match fits {
            true => assert_eq!(answer.as_array().map(Vec::len), Some(calls)),
            false => assert_eq!(answer["error"]["code"], -32600, "{answer}"),
        }
        assert!(serves(&JSON_RPC, &peer).await);
    }
}
