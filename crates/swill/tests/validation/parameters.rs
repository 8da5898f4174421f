//! What is said of parameters, by position and by name, in both formats.

use crate::common::{Got, Server, exchange, handshake, serve};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use swill::{App, Given, IntoModule, Protocol};

#[swill::validate]
#[derive(Deserialize, JsonSchema)]
struct Customer {
    #[valid(length(1..10))]
    name: String,
}

struct Services;

#[swill::module]
impl Services {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn one(&self, number: i64) -> i64 {
        number
    }

    async fn list(&self, numbers: Vec<i64>) -> usize {
        numbers.len()
    }

    async fn nothing(&self) {}

    async fn maybe(&self, a: Option<i64>, b: i64) -> (Option<i64>, i64) {
        (a, b)
    }

    async fn customers(&self, first: Customer, others: Vec<Customer>, ages: BTreeMap<String, u8>) -> usize {
        let _ = first;
        others.len() + ages.len()
    }

    async fn greet(
        &self,
        #[valid(length(1..9))]
        #[swill(name = "who")]
        name: String,
        /// How often.
        #[swill(default = 1 + 1)]
        #[valid(ge = 1, le = 3)]
        times: usize,
        #[swill(default)] mark: Option<char>,
        #[valid(each(with = |item, index| if *item > 0 { Ok(()) } else { Err(format!("number {index}")) }))]
        numbers: Option<Vec<i64>>,
    ) -> String {
        format!("{name} {times} {mark:?} {numbers:?}")
    }

    async fn once(&self, #[swill(default = Self::ONCE)] text: String) -> String {
        text
    }

    #[swill(skip)]
    #[allow(dead_code, reason = "defaults may use what belongs to the type")]
    fn unused(&self) {}

    const ONCE: String = String::new();
}

/// Calls over JSON-RPC; the answer or the error.
async fn ask(server: &Server, path: &str, calls: &[(&str, &str)]) -> Vec<Json> {
    let (socket, response) = exchange(server.address, &handshake(path, &[])).await;
    assert_eq!(response.status, 101);
    let mut client = crate::common::Client::new(socket, &response.body, crate::common::PATIENCE);
    let mut answers = Vec::new();
    for (method, params) in calls {
        let call = format!(r#"{{"jsonrpc": "2.0", "id": 1, "method": "{method}", "params": {params}}}"#);
        let frame = crate::common::frame(0x81, call.as_bytes());
        client.write(&frame).await;
        let Got::Text(answer) = client.next_but_pings().await else { panic!("no answer to {call}") };
        answers.push(serde_json::from_str(&answer).unwrap());
    }
    answers
}

/// Over JSON-RPC, where parameters are always a list or a map: what is asked, and what is answered.
const LISTED: &[(&str, &str, &str)] = &[
    ("add", "[1, 2]", "3"),
    ("add", r#"{"b": 2, "a": 1}"#, "3"),
    ("add", "[]", "a: missing: is missing | b: missing: is missing"),
    ("add", "{}", "a: missing: is missing | b: missing: is missing"),
    ("add", "[1]", "b: missing: is missing"),
    ("add", "[1, 2, 3, 4]", "[2]: unknown: is one too many: the procedure takes 2"),
    (
        "add",
        r#"{"a": "x", "c": 3}"#,
        "a: type: is text, not an integer | b: missing: is missing | c: unknown: is unknown: the procedure takes `a`, `b`",
    ),
    (
        "add",
        r#"{"a": null, "b": 2.0}"#,
        "a: not_null: is null, not an integer | b: type: is a number with a fraction, not an integer",
    ),
    (
        "add",
        r#"{"z": 1, "a": 1, "b": 2, "self": 3}"#,
        "z: unknown: is unknown: the procedure takes `a`, `b` | self: unknown: is unknown: the procedure takes `a`, `b`",
    ),
    ("one", "[5]", "5"),
    ("one", r#"{"number": "x"}"#, "number: type: is text, not an integer"),
    (
        "list",
        r#"[[1, "x", 2, null]]"#,
        "numbers[1]: type: is text, not an integer | numbers[3]: not_null: is null, not an integer",
    ),
    ("nothing", "[]", "null"),
    ("nothing", "[1]", "[0]: unknown: is one too many: the procedure takes none"),
    ("nothing", r#"{"a": 1}"#, "a: unknown: is unknown: the procedure takes none"),
    ("maybe", r#"{"b": 1}"#, "[null,1]"),
    ("maybe", r#"{"a": null, "b": 1}"#, "[null,1]"),
    ("maybe", "[1]", "b: missing: is missing"),
    (
        "customers",
        r#"[{"name": ""}, [{"name": "ann"}, {"name": "far too long"}, {}], {"ann": 300}]"#,
        "first.name: min_length 1: length less than 1 | others[2].name: missing: is missing | \
         others[1].name: max_length 10: length greater than or equal to 10 | \
         ages[\"ann\"]: type: is integer `300`, not an integer from 0 to 255",
    ),
    ("greet", r#"{"who": "ann"}"#, r#""ann 2 None None""#),
    ("greet", r#"{"who": "ann", "times": 3, "mark": "!", "numbers": [1]}"#, r#""ann 3 Some('!') Some([1])""#),
    ("greet", r#"{"who": "ann", "times": null, "mark": null}"#, "times: not_null: is null, not an integer"),
    (
        "greet",
        r#"{"who": "", "times": 4, "numbers": [1, 0, -1]}"#,
        "who: min_length 1: length less than 1 | times: le 3: greater than 3 | numbers[1]: custom: number 1",
    ),
    ("once", "[]", r#""""#),
    ("once", r#"["x"]"#, r#""x""#),
    ("once", "[null]", "text: not_null: is null, not text"),
];

#[tokio::test]
async fn parameters_that_are_listed() {
    let app = App::new().module(Services).protocols([Protocol::json_rpc()]);
    let server = serve(app).await;
    let calls: Vec<_> = LISTED.iter().map(|(name, params, _)| (*name, *params)).collect();
    for ((name, params, expected), answer) in LISTED.iter().zip(ask(&server, "/", &calls).await) {
        let said = match answer.get("result") {
            Some(result) => result.to_string(),
            None => {
                assert_eq!(answer["error"]["code"], -32602, "{name} {params}: {answer}");
                let errors = answer["error"]["data"]["errors"].as_array().expect("what is wrong");
                let errors = errors.iter().map(|it| {
                    let text = |key: &str| it[key].as_str().unwrap_or_default();
                    let limit = it.get("limit").map(|limit| format!(" {limit}")).unwrap_or_default();
                    format!("{}: {}{limit}: {}", text("path"), text("code"), text("message"))
                });
                errors.collect::<Vec<_>>().join(" | ")
            }
        };
        assert_eq!(said, *expected, "{name} {params}");
    }
}

/// Over `swill/1`, where one parameter is the whole value: what is asked, and the answer, or the error's data.
#[tokio::test]
async fn a_parameter_that_is_the_whole_value() {
    let described = |text: &str| json!([{ "description": text }]);
    let cases = [
        ("one", json!(5), Ok(json!(5))),
        ("one", json!("x"), Err(json!({ "number": described("is text, not an integer") }))),
        ("one", json!(null), Err(json!({ "number": described("is null, not an integer") }))),
        ("one", json!([5]), Err(json!({ "number": described("is a list, not an integer") }))),
        (
            "list",
            json!([1, "x"]),
            Err(json!({ "numbers": [{ "index": 1, "errors": described("is text, not an integer") }] })),
        ),
        ("add", json!([1, 2]), Ok(json!(3))),
        ("add", json!({ "b": 2, "a": 1 }), Ok(json!(3))),
        ("add", json!([1, "x"]), Err(json!({ "b": described("is text, not an integer") }))),
        ("add", json!(null), Err(json!({ "a": described("is missing"), "b": described("is missing") }))),
        ("nothing", json!(null), Ok(json!(null))),
        ("once", json!(null), Ok(json!(""))),
        ("once", json!("x"), Ok(json!("x"))),
        ("once", json!(1), Err(json!({ "text": described("is an integer, not text") }))),
        ("greet", json!({ "who": "ann", "times": 0 }), Err(json!({ "times": described("less than 1") }))),
    ];
    let server = serve(App::new().module(Services)).await;
    let mut client = server.connect().await;
    for (seq, (name, params, expected)) in (1..).zip(cases) {
        client.request(seq, name, &params).await;
        let answer = client.answer().await;
        let data = serde_json::to_value(&answer.data).unwrap();
        let said = match answer.result() {
            Ok(_) => Ok(data),
            Err((code, _)) => {
                assert_eq!(code, 422, "{name} {params}");
                Err(data["data"].clone())
            }
        };
        assert_eq!(said, expected, "{name} {params}");
    }
    for (seq, (name, params, words)) in (100..).zip([
        ("add", json!(5), "the parameters are a list or a map of `a`, `b`"),
        ("nothing", json!(5), "the procedure takes no parameters"),
        ("add", json!([1]), "parameter `b`: is missing"),
        ("add", json!(["x", 1]), "parameter `a`: is text, not an integer"),
    ]) {
        let Err((code, message)) = client.call(seq, name, &params).await else { panic!("{name}") };
        assert_eq!((code, &*message), (422, words), "{name} {params}");
    }
    client.goodbye().await;
}

#[test]
fn schemas_of_parameters_say_defaults_and_constraints() {
    let module = Services.into_module();
    let greet = module.procedures().find(|it| it.name() == "greet").unwrap();
    let schemas: Vec<Json> =
        greet.schemas().input.iter().map(|it| serde_json::to_value(it).unwrap()).collect();
    assert_eq!((&schemas[0]["type"], &schemas[0]["minLength"]), (&json!("string"), &json!(1)));
    let times = &schemas[1];
    assert_eq!((&times["default"], &times["minimum"], &times["maximum"]), (&json!(2), &json!(1), &json!(3)));
    assert_eq!(schemas[2]["default"], json!(null));
    assert_eq!(greet.parameters()[1].doc, "How often.");
}

#[tokio::test]
async fn closures_take_what_may_be_left_out() {
    let module = swill::Module::new().handle("times", ["n"], async |n: Given<u32>| n.or(7));
    let server = serve(App::new().module(module).protocols([Protocol::json_rpc()])).await;
    let answers = ask(&server, "/", &[("times", "[]"), ("times", "[1]"), ("times", "[null]")]).await;
    assert_eq!((&answers[0]["result"], &answers[1]["result"]), (&json!(7), &json!(1)));
    assert_eq!(answers[2]["error"]["data"]["errors"][0]["code"], "not_null");
}
