//! The list of scenarios as it is written, read strictly.

use crate::members::{Members, Wrong};
use serde_json::{Map, Value as Json};
use std::time::Duration;
use swill_client::Protocol;

pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) protocols: Vec<Protocol>,
    /// Why this runner does not play it.
    pub(crate) excuse: Option<String>,
    pub(crate) limit: Duration,
    pub(crate) steps: Vec<Step>,
}

pub(crate) enum Step {
    Connect { client: String, connect: Box<Connect>, error: Option<Failure> },
    Close { client: String },
    State { client: String, is: Vec<String>, code: Option<u64>, reason: Option<String> },
    Procedures { client: String, names: Vec<String>, described: bool },
    Call { request: Request, answer: Answer },
    Start { id: String, request: Request },
    Answer { of: String, answer: Answer },
    Cancel { of: String },
    Notify { request: Request },
    Batch { client: String, parts: Vec<Part> },
    Received { client: String, name: String, params: Option<Json> },
    Open { id: String, shape: Shape, request: Request },
    Send { to: String, items: Items, error: Option<Failure> },
    End { of: String },
    Finish { of: String, answer: Answer },
    Leading { of: String, metadata: Json },
    Receive { from: String, items: Items },
    Ended { of: String, trailing: Option<Json>, error: Option<Failure> },
    Repeat { times: u64, steps: Vec<Step> },
    Together { branches: Vec<Vec<Step>> },
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Stream,
    StreamIn,
    Both,
}

pub(crate) struct Connect {
    pub(crate) path: String,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) token: Option<String>,
    pub(crate) deadline: Option<Option<Duration>>,
    pub(crate) limits: Map<String, Json>,
    pub(crate) reconnect: Option<Reconnect>,
    pub(crate) handlers: Vec<(String, Handler)>,
}

/// `base` and `cap` of the delays, and the number of attempts in a row; 0 for never.
pub(crate) struct Reconnect {
    pub(crate) base: Option<u64>,
    pub(crate) cap: Option<u64>,
    pub(crate) attempts: Option<u64>,
}

#[derive(Clone)]
pub(crate) enum Handler {
    Value(Json),
    Error { code: i64, message: String, data: Option<Json> },
    Params,
    Call { name: String, params: Option<Json> },
    Hang,
}

pub(crate) struct Request {
    pub(crate) client: String,
    pub(crate) name: String,
    pub(crate) params: Option<Json>,
    pub(crate) metadata: Option<Json>,
    pub(crate) deadline: Option<Option<Duration>>,
    pub(crate) idempotent: bool,
}

#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) value: Option<Json>,
    pub(crate) leading: Option<Json>,
    pub(crate) trailing: Option<Json>,
    pub(crate) error: Option<Failure>,
}

pub(crate) struct Failure {
    pub(crate) code: i64,
    pub(crate) message: Option<String>,
    pub(crate) data: Option<Json>,
    pub(crate) outcome_unknown: bool,
}

pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) params: Option<Json>,
    /// `None` for a notification.
    pub(crate) answer: Option<Answer>,
}

pub(crate) enum Items {
    /// Each of these, or a value that is a list.
    These(Json),
    Any(u64),
}

/// Reads the whole file.
pub(crate) fn read(text: &str) -> Wrong<Vec<Scenario>> {
    let mut file = Members::of(serde_json::from_str(text).map_err(|error| error.to_string())?)?;
    if file.number("version")? != Some(1) {
        return Err("the list has another version".into());
    }
    let scenarios = file.list("scenarios")?;
    file.end()?;
    let scenarios: Vec<_> = scenarios.into_iter().map(scenario).collect::<Wrong<_>>()?;
    let mut names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("there are two scenarios `{}`", pair[0])),
        None => Ok(scenarios),
    }
}

fn scenario(json: Json) -> Wrong<Scenario> {
    let mut members = Members::of(json)?;
    let name = members.text("name")?;
    let read = |mut members: Members| {
        members.text("why")?;
        let protocols = match members.json("protocols") {
            None => vec![Protocol::Swill],
            Some(Json::Array(list)) => {
                list.iter().map(|name| protocol(name.as_str().unwrap_or_default())).collect::<Wrong<_>>()?
            }
            Some(other) => return Err(format!("`protocols` is no list: {other}")),
        };
        let excuse = excuse(members.json("not_in"))?;
        let limit = Duration::from_millis(members.number("limit_ms")?.unwrap_or(30_000));
        let steps = steps(members.list("steps")?)?;
        members.end()?;
        Ok(Scenario { name: name.clone(), protocols, excuse, limit, steps })
    };
    read(members).map_err(|wrong| format!("{name}: {wrong}"))
}

fn protocol(name: &str) -> Wrong<Protocol> {
    match name {
        "swill" => Ok(Protocol::Swill),
        "json-rpc" => Ok(Protocol::JsonRpc),
        _ => Err(format!("there is no protocol `{name}`")),
    }
}

fn excuse(json: Option<Json>) -> Wrong<Option<String>> {
    let Some(json) = json else { return Ok(None) };
    let mut members = Members::of(json)?;
    let mine = members.maybe_text("rust")?;
    for other in ["node", "browser", "python"] {
        members.maybe_text(other)?;
    }
    members.end()?;
    Ok(mine)
}

fn steps(list: Vec<Json>) -> Wrong<Vec<Step>> {
    let numbered = list.into_iter().enumerate();
    numbered.map(|(at, json)| step(json).map_err(|wrong| format!("steps[{at}]: {wrong}"))).collect()
}

fn step(json: Json) -> Wrong<Step> {
    let mut it = Members::of(json)?;
    let verb = it.text("do")?;
    let step = match verb.as_str() {
        "connect" => Step::Connect {
            client: client(&mut it)?,
            error: it.json("error").map(failure).transpose()?,
            connect: Box::new(connect(&mut it)?),
        },
        "close" => Step::Close { client: client(&mut it)? },
        "state" => Step::State {
            client: client(&mut it)?,
            is: match it.needed("is")? {
                Json::String(one) => vec![one],
                list => {
                    serde_json::from_value(list).map_err(|_| "`is` is neither a text nor a list of texts")?
                }
            },
            code: it.number("code")?,
            reason: it.maybe_text("reason")?,
        },
        "introspect" | "describe" => Step::Procedures {
            client: client(&mut it)?,
            names: it.texts("names")?,
            described: verb == "describe",
        },
        "call" => Step::Call { request: request(&mut it)?, answer: answer(&mut it)? },
        "start" => Step::Start { id: it.text("as")?, request: request(&mut it)? },
        "answer" => Step::Answer { of: it.text("of")?, answer: answer(&mut it)? },
        "cancel" => Step::Cancel { of: it.text("of")? },
        "notify" => Step::Notify {
            request: Request {
                client: client(&mut it)?,
                name: it.text("name")?,
                params: it.json("params"),
                metadata: None,
                deadline: None,
                idempotent: false,
            },
        },
        "batch" => Step::Batch {
            client: client(&mut it)?,
            parts: it.list("parts")?.into_iter().map(part).collect::<Wrong<_>>()?,
        },
        "received" => {
            Step::Received { client: client(&mut it)?, name: it.text("name")?, params: it.json("params") }
        }
        "stream" => open(&mut it, Shape::Stream)?,
        "stream_in" => open(&mut it, Shape::StreamIn)?,
        "both" => open(&mut it, Shape::Both)?,
        "send" => Step::Send {
            to: it.text("to")?,
            items: items(&mut it)?,
            error: it.json("error").map(failure).transpose()?,
        },
        "end" => Step::End { of: it.text("of")? },
        "finish" => Step::Finish { of: it.text("of")?, answer: answer(&mut it)? },
        "leading" => Step::Leading { of: it.text("of")?, metadata: it.needed("metadata")? },
        "receive" => Step::Receive {
            from: it.text("from")?,
            items: match it.number("count")? {
                Some(count) => Items::Any(count),
                None => items(&mut it)?,
            },
        },
        "ended" => Step::Ended {
            of: it.text("of")?,
            trailing: it.json("trailing"),
            error: it.json("error").map(failure).transpose()?,
        },
        "repeat" => Step::Repeat {
            times: it.number("times")?.ok_or("`times` is missing")?,
            steps: steps(it.list("steps")?)?,
        },
        "together" => {
            let branch = |(at, json)| match json {
                Json::Array(list) => steps(list).map_err(|wrong| format!("branches[{at}]: {wrong}")),
                other => Err(format!("branches[{at}] is no list: {other}")),
            };
            let branches = it.list("branches")?.into_iter().enumerate().map(branch).collect::<Wrong<_>>()?;
            Step::Together { branches }
        }
        _ => return Err(format!("there is no step `{verb}`")),
    };
    it.end().map_err(|wrong| format!("{verb}: {wrong}"))?;
    Ok(step)
}

fn client(it: &mut Members) -> Wrong<String> {
    Ok(it.maybe_text("client")?.unwrap_or_else(|| "main".into()))
}

fn deadline(it: &mut Members) -> Wrong<Option<Option<Duration>>> {
    Ok(it.number_or_null("deadline_ms")?.map(|within| within.map(Duration::from_millis)))
}

fn request(it: &mut Members) -> Wrong<Request> {
    Ok(Request {
        client: client(it)?,
        name: it.text("name")?,
        params: it.json("params"),
        metadata: it.json("metadata"),
        deadline: deadline(it)?,
        idempotent: it.flag("idempotent")?,
    })
}

fn open(it: &mut Members, shape: Shape) -> Wrong<Step> {
    let (id, request) = (it.text("as")?, request(it)?);
    if shape != Shape::Stream {
        // This client has no choice: metadata of a stream in always goes ahead of its first item.
        it.flag("metadata_first")?;
        if request.params.is_some() {
            return Err("a stream in has no `params`".into());
        }
    }
    Ok(Step::Open { id, shape, request })
}

fn answer(it: &mut Members) -> Wrong<Answer> {
    let answer = Answer {
        value: it.json("value"),
        leading: it.json("leading"),
        trailing: it.json("trailing"),
        error: it.json("error").map(failure).transpose()?,
    };
    let succeeds = answer.value.is_some() || answer.leading.is_some() || answer.trailing.is_some();
    match answer.error.is_some() && succeeds {
        true => Err("an answer is either an error or something else".into()),
        false => Ok(answer),
    }
}

fn failure(json: Json) -> Wrong<Failure> {
    let mut it = Members::of(json)?;
    let failure = Failure {
        code: it.needed("code")?.as_i64().ok_or("`code` is no integer")?,
        message: it.maybe_text("message")?,
        data: it.json("data"),
        outcome_unknown: it.flag("outcome_unknown")?,
    };
    it.end()?;
    Ok(failure)
}

fn items(it: &mut Members) -> Wrong<Items> {
    match (it.json("item"), it.json("items")) {
        (Some(item), None) => Ok(Items::These(Json::Array(vec![item]))),
        (None, Some(items)) => Ok(Items::These(items)),
        _ => Err("one of `item` and `items` is needed".into()),
    }
}

fn part(json: Json) -> Wrong<Part> {
    let mut it = Members::of(json)?;
    let part = match (it.maybe_text("call")?, it.maybe_text("notify")?) {
        (Some(name), None) => Part { name, params: it.json("params"), answer: Some(answer(&mut it)?) },
        (None, Some(name)) => Part { name, params: it.json("params"), answer: None },
        _ => return Err("a part is one of `call` and `notify`".into()),
    };
    it.end()?;
    Ok(part)
}

fn connect(it: &mut Members) -> Wrong<Connect> {
    let limits = it.json("limits").map(Members::of).transpose()?.map(|mut limits| limits.rest());
    let reconnect = match it.json("reconnect") {
        None => None,
        Some(Json::Bool(false)) => Some(Reconnect { base: None, cap: None, attempts: Some(0) }),
        Some(json) => {
            let mut rules = Members::of(json)?;
            let read = Reconnect {
                base: rules.number("base_ms")?,
                cap: rules.number("cap_ms")?,
                attempts: rules.number("attempts")?,
            };
            rules.end()?;
            Some(read)
        }
    };
    let handlers = it.json("handlers").map(Members::of).transpose()?.map(|mut handlers| handlers.rest());
    let named = |(name, json)| Ok((name, handler(json)?));
    Ok(Connect {
        path: it.maybe_text("path")?.unwrap_or_else(|| "/ws".into()),
        protocol: it.maybe_text("protocol")?.map(|name| protocol(&name)).transpose()?,
        token: it.maybe_text("token")?,
        deadline: deadline(it)?,
        limits: limits.unwrap_or_default(),
        reconnect,
        handlers: handlers.unwrap_or_default().into_iter().map(named).collect::<Wrong<_>>()?,
    })
}

fn handler(json: Json) -> Wrong<Handler> {
    let mut it = Members::of(json)?;
    let handler = if let Some(value) = it.json("value") {
        Handler::Value(value)
    } else if let Some(error) = it.json("error") {
        let Failure { code, message, data, .. } = failure(error)?;
        Handler::Error { code, message: message.ok_or("`message` is missing")?, data }
    } else if let Some(call) = it.json("call") {
        let mut call = Members::of(call)?;
        let handler = Handler::Call { name: call.text("name")?, params: call.json("params") };
        call.end()?;
        handler
    } else if it.flag("params")? {
        Handler::Params
    } else if it.flag("hang")? {
        Handler::Hang
    } else {
        return Err("a handler without an answer".into());
    };
    it.end()?;
    Ok(handler)
}
