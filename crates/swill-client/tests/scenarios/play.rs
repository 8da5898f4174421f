//! A scenario, played step by step.

use crate::{
    list::{Answer, Failure, Items as Wanted, Part, Request, Scenario, Shape, Step},
    members::Wrong,
    stage::{Outcome, Stage, request},
    value::{Scope, shown},
};
use futures_util::future::{BoxFuture, FutureExt, try_join_all};
use serde_json::Value as Json;
use std::{
    future::poll_fn,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};
use swill_client::{Error, Items, Protocol, Result, State, Value};
use tokio::time::timeout;

/// Plays a scenario over one protocol.
pub(crate) async fn round(scenario: &Scenario, protocol: Protocol, address: SocketAddr) -> Wrong<()> {
    static ROUNDS: AtomicU64 = AtomicU64::new(0);
    let round = ROUNDS.fetch_add(1, Ordering::Relaxed);
    let scope = Scope { run: format!("rust-{}-{round}", std::process::id()), index: None };
    let stage = Stage::new(address, protocol);
    let played = timeout(scenario.limit, play(&stage, &scenario.steps, scope, "steps".into())).await;
    stage.clear().await;
    played.unwrap_or_else(|_| Err(format!("took longer than {:?}", scenario.limit)))
}

/// Plays steps, one after the other. `place` says where they are written.
fn play<'s>(stage: &'s Stage, steps: &'s [Step], scope: Scope, place: String) -> BoxFuture<'s, Wrong<()>> {
    async move {
        for (at, step) in steps.iter().enumerate() {
            let place = format!("{place}[{at}]");
            match step {
                Step::Repeat { times, steps } => {
                    for index in 0..*times as i64 {
                        let scope = Scope { index: Some(index), ..scope.clone() };
                        play(stage, steps, scope, format!("{place}.steps")).await?;
                    }
                }
                Step::Together { branches } => {
                    let branch = |(at, branch): (usize, &'s Vec<Step>)| {
                        play(stage, branch, scope.clone(), format!("{place}.branches[{at}]"))
                    };
                    try_join_all(branches.iter().enumerate().map(branch)).await?;
                }
                _ => one(stage, step, &scope).await.map_err(|wrong| format!("{place}: {wrong}"))?,
            }
        }
        Ok(())
    }
    .boxed()
}

async fn one(stage: &Stage, step: &Step, scope: &Scope) -> Wrong<()> {
    match step {
        Step::Connect { client, connect, error } => {
            let connected = stage.connect(scope.text(client), connect, scope).await?;
            check_result(connected, error.as_ref(), scope).map(drop)
        }
        Step::Close { client } => {
            stage.client(&scope.text(client))?.close().await;
            Ok(())
        }
        Step::State { client, is, code, reason } => {
            let client = stage.client(&scope.text(client))?;
            let state = client.watch().until(|state| is.iter().any(|one| one == kind(state))).await;
            check_state(&state, is, *code, reason.as_deref(), scope)
        }
        Step::Procedures { client, names, described } => {
            let client = stage.client(&scope.text(client))?;
            let found = procedures(&client, *described).await.map_err(|error| shown_error(&error))?;
            match names.iter().find(|name| !found.contains(name)) {
                None => Ok(()),
                Some(name) => Err(format!("`{name}` is not among {found:?}")),
            }
        }
        Step::Call { request, answer } => {
            let outcome = call(stage, request, scope)?.await;
            check_answer(outcome, answer, scope)
        }
        Step::Start { id, request } => {
            let mut call = call(stage, request, scope)?;
            // Polled once, it has been handed over to the client.
            let first = poll_fn(|task| Poll::Ready(call.poll_unpin(task))).await;
            let running = tokio::spawn(async move {
                match first {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => call.await,
                }
            });
            stage.calls.put(scope.text(id), running)
        }
        Step::Answer { of, answer } => {
            let outcome = stage.calls.take(&scope.text(of))?.await.map_err(|error| error.to_string())?;
            check_answer(outcome, answer, scope)
        }
        Step::Cancel { of } => cancel(stage, &scope.text(of)).await,
        Step::Notify { request } => {
            let client = stage.client(&scope.text(&request.client))?;
            let params = scope.params(request.params.as_ref())?;
            let told = client.notify(&scope.text(&request.name), params).await;
            check_result(told, None, scope).map(drop)
        }
        Step::Batch { client, parts } => batch(stage, &scope.text(client), parts, scope).await,
        Step::Received { client, name, params } => {
            let received = stage.received(&scope.text(client))?;
            let (method, came) = received.lock().await.recv().await.ok_or("the client has no handlers")?;
            if method != scope.text(name) {
                return Err(format!("`{method}` was called with {}", shown(&came)));
            }
            params.as_ref().map_or(Ok(()), |params| scope.check(params, &came))
        }
        Step::Open { id, shape, request } => open(stage, scope.text(id), *shape, request, scope).await,
        Step::Send { to, items, error } => {
            let Value::List(items) = list(items, scope)? else { return Err("`items` is no list".into()) };
            check_result(send(stage, &scope.text(to), items).await?, error.as_ref(), scope).map(drop)
        }
        Step::End { of } => {
            let ended = match stage.halves.take(&scope.text(of))? {
                Ok(half) => half.finish().await,
                Err(error) => Err(error),
            };
            check_result(ended, None, scope).map(drop)
        }
        Step::Finish { of, answer } => {
            let outcome = match stage.ins.take(&scope.text(of))? {
                Ok(sender) => sender.finish_with_metadata().await,
                Err(error) => Err(error),
            };
            check_answer(outcome, answer, scope)
        }
        Step::Leading { of, metadata } => {
            let name = scope.text(of);
            let mut out = stage.outs.take(&name)?.map_err(|error| shown_error(&error))?;
            scope.check_metadata(metadata, out.leading().await)?;
            stage.outs.put(name, Ok(out))
        }
        Step::Receive { from, items } => {
            let name = scope.text(from);
            let mut out = stage.outs.take(&name)?.map_err(|error| shown_error(&error))?;
            receive(&mut out, items, scope).await?;
            stage.outs.put(name, Ok(out))
        }
        Step::Ended { of, trailing, error } => {
            let ended = match stage.outs.take(&scope.text(of))? {
                Ok(mut out) => match out.next().await {
                    None => Ok(out.trailing().cloned().unwrap_or_default()),
                    Some(Ok(item)) => return Err(format!("a further item came: {}", shown(&item))),
                    Some(Err(error)) => Err(error),
                },
                Err(error) => Err(error),
            };
            match (check_result(ended, error.as_ref(), scope)?, trailing) {
                (Some(came), Some(trailing)) => scope.check_metadata(trailing, &came),
                _ => Ok(()),
            }
        }
        Step::Repeat { .. } | Step::Together { .. } => unreachable!("they are steps of steps"),
    }
}

fn call(stage: &Stage, asked: &Request, scope: &Scope) -> Wrong<BoxFuture<'static, Outcome>> {
    let client = stage.client(&scope.text(&asked.client))?;
    let name = scope.text(&asked.name);
    let params = scope.params(asked.params.as_ref())?;
    // What can be wrong with it is told before anything runs.
    let _checked = request(&client, &name, asked, scope)?;
    let asked = Request {
        client: String::new(),
        name: String::new(),
        params: None,
        metadata: asked.metadata.clone(),
        ..*asked
    };
    let scope = scope.clone();
    Ok(async move {
        let prepared = request(&client, &name, &asked, &scope).map_err(|wrong| Error::new(400, wrong))?;
        prepared.call_with_metadata(params).await
    }
    .boxed())
}

async fn cancel(stage: &Stage, name: &str) -> Wrong<()> {
    if stage.calls.has(name) {
        let call = stage.calls.take(name)?;
        call.abort();
        // It has been dropped when it is joined; that it was cancelled is what was asked for.
        let _ = call.await;
        return Ok(());
    }
    let streams =
        [stage.ins.take(name).is_ok(), stage.halves.take(name).is_ok(), stage.outs.take(name).is_ok()];
    match streams.contains(&true) {
        true => Ok(()),
        false => Err(format!("there is no `{name}` that could be cancelled")),
    }
}

async fn batch(stage: &Stage, client: &str, parts: &[Part], scope: &Scope) -> Wrong<()> {
    let client = stage.client(client)?;
    let mut batch = client.batch();
    for part in parts {
        let (name, params) = (scope.text(&part.name), scope.params(part.params.as_ref())?);
        batch = match part.answer {
            Some(_) => batch.call(&name, params),
            None => batch.notify(&name, params),
        };
    }
    let came = batch.send().await.map_err(|error| shown_error(&error))?;
    let wanted: Vec<_> = parts.iter().filter_map(|part| part.answer.as_ref()).collect();
    if came.len() != wanted.len() {
        return Err(format!("{} answers for {} calls", came.len(), wanted.len()));
    }
    for (at, (outcome, answer)) in came.into_iter().zip(wanted).enumerate() {
        check_value(outcome, answer, scope).map_err(|wrong| format!("answer {at}: {wrong}"))?;
    }
    Ok(())
}

async fn open(stage: &Stage, id: String, shape: Shape, asked: &Request, scope: &Scope) -> Wrong<()> {
    let client = stage.client(&scope.text(&asked.client))?;
    let name = scope.text(&asked.name);
    let prepared = request(&client, &name, asked, scope)?;
    match shape {
        Shape::Stream => {
            let params = scope.params(asked.params.as_ref())?;
            stage.outs.put(id, prepared.stream(params).await)
        }
        Shape::StreamIn => stage.ins.put(id, prepared.stream_in().await),
        Shape::Both => {
            let (half, out) = match prepared.both().await {
                Ok((half, out)) => (Ok(half), Ok(out)),
                Err(error) => (Err(again(&error)), Err(error)),
            };
            stage.halves.put(id.clone(), half)?;
            stage.outs.put(id, out)
        }
    }
}

/// The same error for the other half.
fn again(error: &Error) -> Error {
    let copy = Error::new(error.code(), error.message().to_owned());
    match error.data() {
        Some(data) => copy.with_data(data),
        None => copy,
    }
}

fn list(items: &Wanted, scope: &Scope) -> Wrong<Value> {
    match items {
        Wanted::These(items) => scope.make(items),
        Wanted::Any(_) => Err("`count` cannot be sent".into()),
    }
}

async fn send(stage: &Stage, name: &str, items: Vec<Value>) -> Wrong<Result<()>> {
    let mut sent = Ok(());
    if stage.ins.has(name) {
        let mut stream = stage.ins.take(name)?;
        if let Ok(sender) = &mut stream {
            for item in items {
                sent = sent.and(sender.send(item).await);
            }
            stage.ins.put(name.to_owned(), stream)?;
            return Ok(sent);
        }
        return Ok(stream.map(drop));
    }
    let mut stream = stage.halves.take(name)?;
    if let Ok(half) = &mut stream {
        for item in items {
            sent = sent.and(half.send(item).await);
        }
        stage.halves.put(name.to_owned(), stream)?;
        return Ok(sent);
    }
    Ok(stream.map(drop))
}

async fn receive(out: &mut Items<Value>, wanted: &Wanted, scope: &Scope) -> Wrong<()> {
    let mut next = async |at: usize| match out.next().await {
        Some(Ok(item)) => Ok(item),
        Some(Err(error)) => Err(format!("item {at}: {}", shown_error(&error))),
        None => Err(format!("the stream ended before item {at}")),
    };
    match wanted {
        Wanted::Any(count) => {
            for at in 0..*count as usize {
                next(at).await?;
            }
        }
        Wanted::These(Json::Array(items)) => {
            for (at, item) in items.iter().enumerate() {
                scope.check(item, &next(at).await?).map_err(|wrong| format!("item {at}: {wrong}"))?;
            }
        }
        Wanted::These(tagged) => {
            let Value::List(items) = scope.make(tagged)? else { return Err("`items` is no list".into()) };
            for (at, item) in items.iter().enumerate() {
                let came = next(at).await?;
                if came != *item {
                    return Err(format!("item {at}: expected {}, got {}", shown(item), shown(&came)));
                }
            }
        }
    }
    Ok(())
}

async fn procedures(client: &swill_client::Client, described: bool) -> Result<Vec<String>> {
    let name = |it: &Value| it.get("name").and_then(Value::as_str).map(str::to_owned);
    if described {
        let description: Value = client.call("swill.describe", ()).await?;
        return Ok(match description.get("procedures") {
            Some(Value::List(list)) => list.iter().filter_map(name).collect(),
            _ => Vec::new(),
        });
    }
    let listed = client.stream::<Value>("swill.introspect", ()).await?.collect().await?;
    Ok(listed.iter().filter_map(name).collect())
}

fn kind(state: &State) -> &'static str {
    match state {
        State::Connecting => "connecting",
        State::Open => "open",
        State::Waiting { .. } => "waiting",
        _ => "closed",
    }
}

fn check_state(
    state: &State,
    is: &[String],
    code: Option<u64>,
    reason: Option<&str>,
    scope: &Scope,
) -> Wrong<()> {
    if !is.iter().any(|one| one == kind(state)) {
        return Err(format!("expected {is:?}, got {state:?}"));
    }
    match (state, code, reason) {
        (State::Closed(close), ..) => {
            let code_fits = code.is_none_or(|code| code == u64::from(close.code));
            let reason_fits = reason.is_none_or(|reason| close.reason.contains(&scope.text(reason)));
            match code_fits && reason_fits {
                true => Ok(()),
                false => Err(format!("closed with {close}")),
            }
        }
        (_, None, None) => Ok(()),
        _ => Err(format!("{state:?} has neither code nor reason")),
    }
}

fn check_answer(outcome: Outcome, answer: &Answer, scope: &Scope) -> Wrong<()> {
    let Some(came) = check_result(outcome, answer.error.as_ref(), scope)? else { return Ok(()) };
    if let Some(value) = &answer.value {
        scope.check(value, &came.value)?;
    }
    for (name, expected, metadata) in
        [("leading", &answer.leading, &came.leading), ("trailing", &answer.trailing, &came.trailing)]
    {
        if let Some(expected) = expected {
            scope.check_metadata(expected, metadata).map_err(|wrong| format!("{name}: {wrong}"))?;
        }
    }
    Ok(())
}

fn check_value(outcome: Result<Value>, answer: &Answer, scope: &Scope) -> Wrong<()> {
    match (check_result(outcome, answer.error.as_ref(), scope)?, &answer.value) {
        (Some(came), Some(value)) => scope.check(value, &came),
        _ => Ok(()),
    }
}

/// What came, if it was to succeed; `None` if it failed as it was to.
fn check_result<T>(result: Result<T>, expected: Option<&Failure>, scope: &Scope) -> Wrong<Option<T>> {
    match (result, expected) {
        (Ok(came), None) => Ok(Some(came)),
        (Ok(_), Some(expected)) => Err(format!("expected error {}, but it succeeded", expected.code)),
        (Err(error), None) => Err(shown_error(&error)),
        (Err(error), Some(expected)) => {
            let code = error.code().0 == expected.code;
            let message =
                expected.message.as_ref().is_none_or(|part| error.message().contains(&scope.text(part)));
            if !code || !message || error.outcome_unknown() != expected.outcome_unknown {
                return Err(format!("expected another error than {}", shown_error(&error)));
            }
            match &expected.data {
                Some(data) => scope
                    .check(data, error.data().unwrap_or(&Value::Nil))
                    .map_err(|wrong| format!("data: {wrong}"))
                    .map(|()| None),
                None => Ok(None),
            }
        }
    }
}

fn shown_error(error: &Error) -> String {
    let unknown = if error.outcome_unknown() { ", outcome unknown" } else { "" };
    format!("error {}{unknown}: {} {:?}", error.code(), error.message(), error.data())
}
