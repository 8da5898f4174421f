//! What becomes of a call that has one answer, protocol by protocol.

use crate::common::*;
use swill::{App, Error, Result, Value, testing::TestPeer};

struct Failures;

/// Errors of all kinds.
#[swill::module]
impl Failures {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn fail(&self) -> Result<()> {
        Err(Error::internal("the secret reason"))
    }

    async fn refuse(&self) -> Result<()> {
        Err(Error::new(403, "not for you").with_data(7))
    }

    async fn blame(&self, a: i64) -> Result<i64> {
        Err(Error::invalid("a", format!("{a} is not wanted")))
    }

    async fn translated(&self) -> Result<()> {
        Err(Error::new(409, "taken").with_json_rpc_code(-32042))
    }
}

fn failures() -> App {
    App::new().module(Failures)
}

/// The outcomes of a call: over Swill's own, JSON-RPC, events, WebMesh, and WebMesh without failures.
struct Row {
    procedure: &'static str,
    parameters: &'static str,
    outcomes: [&'static str; 5],
}

const SILENCE: &str = "silence";

/// What becomes of a call, in a few words.
async fn outcome(peer: &TestPeer, row: &Row, expected: &str) -> String {
    let parameters: Value = serde_json::from_str(row.parameters).expect("parameters are JSON");
    if expected == SILENCE {
        peer.notify(row.procedure, parameters).await.expect("the connection is open");
        peer.ping().await.expect("an answer");
        return peer.try_receive_raw().map_or_else(|| SILENCE.into(), |raw| format!("{raw:?}"));
    }
    match peer.call::<Value>(row.procedure, parameters).await {
        Ok(value) => serde_json::to_string(&value).expect("what JSON knows"),
        Err(error) if error.outcome_unknown() => {
            let close = peer.closed().await.expect("the connection has ended");
            format!("closed {}", close.code)
        }
        Err(error) => match error.data() {
            Some(data) => format!("{error} {}", serde_json::to_string(data).expect("what JSON knows")),
            None => error.to_string(),
        },
    }
}

/// Lets peers of all protocols call everything in the table.
///
/// `IT` stands for the name of the protocol.
async fn check(app: impl Fn() -> App, rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        for speaks in ALL {
            let expected = row.outcomes[speaks.family as usize];
            let peer = speaks.connect(app()).await;
            let outcome = outcome(&peer, row, expected).await.replace(peer.protocol(), "IT");
            if outcome != expected {
                let (procedure, parameters) = (row.procedure, row.parameters);
                wrong.push(format!("{procedure} {parameters} over {speaks}: {outcome}, not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const fn row(procedure: &'static str, parameters: &'static str, outcomes: [&'static str; 5]) -> Row {
    Row { procedure, parameters, outcomes }
}

#[tokio::test]
async fn calls_are_answered() {
    let probe = Probe::new();
    check(
        || probe.app(),
        &[
            row("add", "[1, 2]", ["3"; 5]),
            row("add", r#"{"b": 2, "a": 1}"#, ["3"; 5]),
            row("echo", "7.5", ["7.5"; 5]),
            row("bytes", "3", [r#""xxx""#; 5]),
            row("nothing", "null", ["null", "null", SILENCE, SILENCE, SILENCE]),
        ],
    )
    .await;
}

#[tokio::test]
async fn errors_of_procedures_are_told_in_each_protocols_own_way() {
    let internal = [
        "500 An internal server error occurred",
        "-32603 Internal error",
        "closed 1011",
        r#""An internal server error occurred""#,
        SILENCE,
    ];
    let rows = [
        row(
            "refuse",
            "null",
            ["403 not for you 7", "403 not for you 7", "403 not for you", r#""not for you""#, SILENCE],
        ),
        row(
            "blame",
            "1",
            [
                "422 1 is not wanted",
                r#"-32602 Invalid params {"errors":[{"parameter":"a","path":"a","code":"custom","message":"1 is not wanted"}]}"#,
                "422 1 is not wanted",
                r#""1 is not wanted""#,
                SILENCE,
            ],
        ),
        row("translated", "null", ["409 taken", "-32042 taken", "409 taken", r#""taken""#, SILENCE]),
        row("fail", "null", internal),
    ];
    check(failures, &rows).await;
    let probe = Probe::new();
    check(|| probe.app(), &[row("panic", "null", internal), row("panic_later", "null", internal)]).await;
}

#[tokio::test]
async fn misfits_are_told_with_everything_that_is_wrong() {
    let unknown = "is unknown: the procedure takes `a`, `b`";
    let rows = [
        row(
            "add",
            "[1]",
            [
                r#"422 parameter `b`: is missing {"b":[{"description":"is missing"}]}"#,
                r#"-32602 Invalid params {"errors":[{"parameter":"b","path":"b","code":"missing","message":"is missing"}]}"#,
                r#"422 parameter `b`: field required {"b":[{"description":"field required"}]}"#,
                r#""parameter `b`: is missing""#,
                SILENCE,
            ],
        ),
        row(
            "add",
            r#"{"a": "x", "c": 1}"#,
            [
                r#"422 parameter `a`: is text, not an integer {"a":[{"description":"is text, not an integer"}],"b":[{"description":"is missing"}],"c":[{"description":"UNKNOWN"}]}"#,
                r#"-32602 Invalid params {"errors":[{"parameter":"a","path":"a","code":"type","message":"is text, not an integer"},{"parameter":"b","path":"b","code":"missing","message":"is missing"},{"parameter":"c","path":"c","code":"unknown","message":"UNKNOWN"}]}"#,
                r#"422 parameter `a`: value is not a valid integer {"a":[{"description":"value is not a valid integer"}],"b":[{"description":"field required"}],"c":[{"description":"extra fields not permitted"}]}"#,
                r#""parameter `a`: is text, not an integer; parameter `b`: is missing; parameter `c`: UNKNOWN""#,
                SILENCE,
            ]
            .map(|outcome| &*outcome.replace("UNKNOWN", unknown).leak()),
        ),
    ];
    check(failures, &rows).await;
}

#[tokio::test]
async fn what_cannot_be_called_is_refused() {
    let probe = Probe::new();
    check(
        failures,
        &[row(
            "no such thing",
            "null",
            [
                "404 No func was found to process this request",
                "-32601 Method not found",
                r#"422 Validation Error {"type":[{"description":"unexpected value; permitted: 'add', 'fail', 'refuse', 'blame', 'translated'"}]}"#,
                "404 Path not found",
                SILENCE,
            ],
        )],
    )
    .await;
    let cannot = |shape: &str| {
        let told = format!("501 IT cannot carry a {shape}: call it over another protocol");
        let text = format!(r#""IT cannot carry a {shape}: call it over another protocol""#);
        (&*told.leak(), &*text.leak())
    };
    let (told, text) = cannot("stream in");
    let misfit = r#"422 is null, not an integer {"*":[{"description":"is null, not an integer"}]}"#;
    let (both, both_text) = cannot("stream in and out");
    let (out, out_text) = cannot("stream out");
    check(
        || probe.app(),
        &[
            row("total", "null", [misfit, told, told, text, SILENCE]),
            row("double", "null", [misfit, both, both, both_text, SILENCE]),
            // Carried by the others, as a stream: its first item, and its id.
            row("count", "2", ["0", "1", out, out_text, SILENCE]),
        ],
    )
    .await;
}

#[tokio::test]
async fn procedures_close_the_connection() {
    let probe = Probe::new();
    let rows = [("close_by_error", "4001"), ("close_by_error", "1000")];
    let rows = rows.map(|(procedure, code)| row(procedure, code, [&*format!("closed {code}").leak(); 5]));
    check(|| probe.app(), &rows).await;
}

#[tokio::test]
async fn in_debug_mode_the_reason_is_told() {
    let outcomes = [
        "500 An internal server error occurred: the secret reason",
        r#"-32603 Internal error "An internal server error occurred: the secret reason""#,
        "closed 1011",
        r#""An internal server error occurred: the secret reason""#,
        SILENCE,
    ];
    check(|| failures().debug(true), &[row("fail", "null", outcomes)]).await;
}

#[tokio::test]
async fn plain_errors_have_no_data_of_the_protocols_own() {
    let rows = [
        row(
            "add",
            "[1]",
            [
                r#"422 parameter `b`: is missing {"b":[{"description":"is missing"}]}"#,
                "-32602 Invalid params",
                r#"422 parameter `b`: field required {"b":[{"description":"field required"}]}"#,
                r#""parameter `b`: is missing""#,
                SILENCE,
            ],
        ),
        row(
            "blame",
            "1",
            [
                "422 1 is not wanted",
                "-32602 Invalid params",
                "422 1 is not wanted",
                r#""1 is not wanted""#,
                SILENCE,
            ],
        ),
        // What a procedure says itself is said.
        row(
            "refuse",
            "null",
            ["403 not for you 7", "403 not for you 7", "403 not for you", r#""not for you""#, SILENCE],
        ),
    ];
    check(|| failures().plain_errors(), &rows).await;
    let peer = JSON_RPC.connect(failures().plain_errors().debug(true)).await;
    let error = peer.call::<()>("fail", ()).await.unwrap_err();
    assert_eq!(
        (error.to_string(), error.data()),
        ("-32603 Internal error".into(), None),
        "in debug mode, too"
    );
}
