//! Sends values of every type through the generated client, and looks at what comes back.
//!
//! Usage: roundtrip ws://ADDRESS/ws values.json

#[rustfmt::skip]
mod kinds;

use kinds::{Api, External, FaultsFailAfterError, FaultsFailError, Point};
use serde::{Serialize, de::DeserializeOwned};
use std::{fmt::Debug, process::ExitCode};
use swill_client::{Bytes, Client, Error, Protocol, Value};

type Outcome = Result<(), String>;

struct Case {
    procedure: String,
    value: Value,
    answer: Value,
}

impl Case {
    fn read<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
        value.deserialize().map_err(shown)
    }

    fn value<T: DeserializeOwned>(&self) -> Result<T, String> {
        Self::read(&self.value)
    }

    /// Whether what came back is what should have, as a type and as what is on the wire.
    fn compare<R: DeserializeOwned + Serialize + PartialEq + Debug>(
        &self,
        answer: Result<R, Error>,
    ) -> Outcome {
        let answer = answer.map_err(shown)?;
        let wanted: R = Self::read(&self.answer)?;
        same(&answer, &wanted)?;
        let written = Value::from_serialize(&answer).map_err(|error| error.to_string())?;
        let again: R = Self::read(&written)?;
        same(&again, &wanted)
    }
}

fn same<T: PartialEq + Debug>(got: &T, wanted: &T) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{got:?} instead of {wanted:?}")) }
}

fn shown(error: Error) -> String {
    error.into_boxed().to_string()
}

/// Makes a value of what stands for it in the file.
fn revive(json: &serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => value.into(),
            (None, Some(value)) => value.into(),
            (None, None) => number.as_f64().unwrap_or_default().into(),
        },
        Json::String(text) => text.as_str().into(),
        Json::Array(list) => Value::List(list.iter().map(revive).collect()),
        Json::Object(object) => {
            if let Some(base64) = object.get("$bytes") {
                let bytes: Bytes = serde_json::from_value(base64.clone()).expect("base64");
                return Value::Bytes(bytes.0);
            }
            if let Some(number) = object.get("$int").and_then(Json::as_str) {
                return match number.parse::<i64>() {
                    Ok(value) => value.into(),
                    Err(_) => number.parse::<u64>().expect("an integer").into(),
                };
            }
            if let Some(Json::Array(pairs)) = object.get("$map") {
                return Value::Map(pairs.iter().map(|it| (revive(&it[0]), revive(&it[1]))).collect());
            }
            if object.contains_key("$unit") {
                return Value::List(vec![]);
            }
            Value::Map(object.iter().map(|(name, it)| (name.as_str().into(), revive(it))).collect())
        }
    }
}

/// Calls the method of the generated client that a case is about: with a value, or with a reference to one.
macro_rules! echoes {
    ($api:ident, $case:ident; $($name:literal => $kind:ident [$($module:ident)+] $method:ident;)*) => {
        match $case.procedure.as_str() {
            $($name => $case.compare(echoes!(@ $kind $case, $api$(.$module())+, $method).await),)*
            other => Err(format!("nothing calls `{other}`")),
        }
    };
    (@ copied $case:ident, $module:expr, $method:ident) => {
        $module.$method($case.value()?)
    };
    (@ borrowed $case:ident, $module:expr, $method:ident) => {
        $module.$method(&$case.value::<Owned<_>>()?.0)
    };
    (@ text $case:ident, $module:expr, $method:ident) => {
        $module.$method(&$case.value::<String>()?)
    };
    (@ list $case:ident, $module:expr, $method:ident) => {
        $module.$method(&$case.value::<Vec<_>>()?)
    };
}

/// A value whose type follows from who borrows it.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Owned<T>(T);

async fn echo(api: &Api, case: &Case) -> Outcome {
    echoes! { api, case;
        "plain.flag" => copied [plain] flag;
        "plain.tiny" => copied [plain] tiny;
        "plain.port" => copied [plain] port;
        "plain.int" => copied [plain] int;
        "plain.long" => copied [plain] long;
        "plain.size" => copied [plain] size;
        "plain.positive" => copied [plain] positive;
        "plain.single" => copied [plain] single;
        "plain.double" => copied [plain] double;
        "plain.letter" => copied [plain] letter;
        "plain.text" => text [plain] text;
        "plain.bytes" => borrowed [plain] bytes;
        "plain.nothing" => copied [plain] nothing;
        "plain.anything" => borrowed [plain] anything;
        "plain.moment" => text [plain] moment;
        "plain.day" => text [plain] day;
        "plain.hour" => text [plain] hour;
        "plain.uuid" => text [plain] uuid;
        "plain.duration" => borrowed [plain] duration;
        "containers.list" => list [containers] list;
        "containers.set" => borrowed [containers] set;
        "containers.array" => borrowed [containers] array;
        "containers.tuple" => borrowed [containers] tuple;
        "containers.by_name" => borrowed [containers] by_name;
        "containers.by_number" => borrowed [containers] by_number;
        "containers.option" => copied [containers] option;
        "containers.nested" => list [containers] nested;
        "containers.points" => borrowed [containers] points;
        "containers.words" => borrowed [containers] words;
        "structs.point" => borrowed [structs] point;
        "structs.settings" => borrowed [structs] settings;
        "structs.renamed" => borrowed [structs] renamed;
        "structs.reserved" => borrowed [structs] reserved;
        "structs.user_id" => borrowed [structs] user_id;
        "structs.celsius" => borrowed [structs] celsius;
        "structs.marker" => borrowed [structs] marker;
        "structs.segment" => borrowed [structs] segment;
        "structs.circle" => borrowed [structs] circle;
        "structs.extra" => borrowed [structs] extra;
        "structs.strict" => borrowed [structs] strict;
        "structs.empty" => borrowed [structs] empty;
        "structs.order" => borrowed [structs] order;
        "structs.tree" => borrowed [structs] tree;
        "structs.everything" => borrowed [structs] everything;
        "enums.colour" => borrowed [enums] colour;
        "enums.direction" => borrowed [enums] direction;
        "enums.external" => borrowed [enums] external;
        "enums.internal" => borrowed [enums] internal;
        "enums.adjacent" => borrowed [enums] adjacent;
        "enums.untagged" => borrowed [enums] untagged;
        "enums.term" => borrowed [enums] term;
        "enums.nested" => borrowed [enums] nested;
        "enums.envelope" => borrowed [enums] envelope;
        "enums.signed" => borrowed [enums] signed;
        "class.delete" => text [class] delete;
        "class.constructor" => text [class] constructor;
        "class.client" => text [class] client_;
        "class.two-words" => text [class] two_words;
        "class.import.async" => copied [class import] async_;
    }
}

async fn several(api: &Api) -> Outcome {
    same(&api.streams().add(1 << 60, 1).await.map_err(shown)?, &((1 << 60) + 1))?;
    let hello = api.streams().greet("ann", None, None).await.map_err(shown)?;
    same(&hello.as_str(), &"hello ann")?;
    let hello = api.streams().greet("ann", Some("fr"), Some(2)).await.map_err(shown)?;
    same(&hello.as_str(), &"bonjour ann, bonjour ann")?;
    same(&api.streams().double(None).await.map_err(shown)?, &42)?;
    same(&api.streams().double(Some(4)).await.map_err(shown)?, &8)?;
    let later = api.with(|request| request.deadline(std::time::Duration::from_secs(5)));
    later.streams().ping().await.map_err(shown)?;
    same(&api.class().lambda(1, 2, 3).await.map_err(shown)?, &6)
}

async fn streams(api: &Api) -> Outcome {
    let numbers = api.streams().count(u64::MAX - 1, 2).await.map_err(shown)?;
    same(&numbers.collect().await.map_err(shown)?, &vec![u64::MAX - 1, u64::MAX])?;
    let mut sender = api.streams().total().await.map_err(shown)?;
    for number in [1, -2, 1 << 60] {
        sender.send(number).await.map_err(shown)?;
    }
    same(&sender.finish().await.map_err(shown)?, &((1 << 60) - 1))?;
    let (mut pieces, back) = api.streams().mirror().await.map_err(shown)?;
    let sent = vec![Bytes::from([0, 255]), Bytes::default()];
    for piece in &sent {
        pieces.send(piece).await.map_err(shown)?;
    }
    pieces.finish().await.map_err(shown)?;
    same(&back.collect().await.map_err(shown)?, &sent)
}

async fn failures(api: &Api) -> Outcome {
    let fail = async |name: &str| match api.faults().fail(name).await {
        Ok(answer) => Err(format!("answered {answer}")),
        Err(error) => Ok(error),
    };
    match fail("unknown").await? {
        FaultsFailError::Unknown(data) => same(&data.name.as_str(), &"unknown")?,
        other => return Err(other.to_string()),
    }
    match fail("taken").await? {
        FaultsFailError::Taken(number) => same(&number, &u64::MAX)?,
        other => return Err(other.to_string()),
    }
    match fail("far").await? {
        FaultsFailError::Far(one, other) => same(&(one, other), &(i64::MIN, 1))?,
        other => return Err(other.to_string()),
    }
    match fail("until").await? {
        FaultsFailError::ClosedUntil(data) => {
            same(&(data.hour, data.place.at, data.place.name.clone()), &(8, (1.5, -2.5), None))?;
            same(&FaultsFailError::ClosedUntil(data).to_string().as_str(), &"closed until 8")?;
        }
        other => return Err(other.to_string()),
    }
    let closed = fail("closed").await?;
    if !matches!(closed, FaultsFailError::Closed) {
        return Err(closed.to_string());
    }
    same(&Error::from(closed).code().0, &410)?;
    let mut numbers = api.faults().fail_after(2, "closed").await.map_err(shown)?;
    for wanted in 0..2 {
        same(&numbers.next().await.and_then(Result::ok), &Some(wanted))?;
    }
    let Some(Err(error)) = numbers.next().await else { return Err("the stream did not fail".into()) };
    match FaultsFailAfterError::from(error) {
        FaultsFailAfterError::Closed => {}
        other => return Err(other.to_string()),
    }
    match api.faults().surprise(&Point { x: 0.0, y: 0.0 }).await {
        Err(error) => same(&error.code().0, &418),
        Ok(_) => Err("it did not fail".into()),
    }
}

/// A single parameter is in a list, also if it is an object or a list itself.
async fn json_rpc(url: &str) -> Outcome {
    let client = Client::builder(url).protocol(Protocol::JsonRpc).connect().await.map_err(shown)?;
    let api = Api::new(client);
    let here = Point { x: 1.0, y: 2.0 };
    same(&api.structs().point(&here).await.map_err(shown)?, &here)?;
    same(&api.containers().list(&[1, 2]).await.map_err(shown)?, &vec![1, 2])?;
    same(&api.streams().double(None).await.map_err(shown)?, &42)?;
    let external = External::Blob(Bytes::from([255]));
    same(&api.enums().external(&external).await.map_err(shown)?, &external)?;
    let numbers = [(1, "a".to_owned())].into();
    same(&api.containers().by_number(&numbers).await.map_err(shown)?, &numbers)?;
    let failed = api.faults().fail("unknown").await;
    match failed {
        Err(FaultsFailError::Unknown(data)) => same(&data.name.as_str(), &"unknown"),
        other => Err(format!("{other:?}")),
    }
}

fn report(name: &str, outcome: Outcome) -> usize {
    match outcome {
        Ok(()) => {
            println!("ok   {name}");
            0
        }
        Err(why) => {
            println!("FAIL {name}: {why}");
            1
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, values] = &arguments[..] else {
        eprintln!("usage: roundtrip URL VALUES");
        return ExitCode::FAILURE;
    };
    let text = std::fs::read_to_string(values).expect("the values can be read");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the values are JSON");
    let client = match Client::connect(url).await {
        Ok(client) => client,
        Err(error) => {
            eprintln!("{}", error.into_boxed());
            return ExitCode::FAILURE;
        }
    };
    let api = Api::new(client);
    let mut failed = 0;
    for (at, case) in cases.iter().enumerate() {
        let procedure = case["procedure"].as_str().unwrap_or_default().to_owned();
        let value = revive(&case["value"]);
        let answer = case.get("answer").map_or_else(|| value.clone(), revive);
        let name = format!("{procedure} #{at}");
        failed += report(&name, echo(&api, &Case { procedure, value, answer }).await);
    }
    failed += report("several parameters", several(&api).await);
    failed += report("streams", streams(&api).await);
    failed += report("typed errors", failures(&api).await);
    let unchanged = api.check().await.map_err(shown).and_then(|difference| same(&difference, &None));
    failed += report("nothing has changed", unchanged);
    failed += report("JSON-RPC", json_rpc(url).await);
    println!("{failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
