//! Procedures that do what the test tells them, one step at a time.

use crate::{App, Context, Hook, Metadata, Outcome, Peer, Result, Stream, Streaming};
use std::{
    future::pending,
    sync::{Arc, Mutex},
};
use swill_proto::{Code, Error};
use tokio::sync::{
    Semaphore,
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// What the test says to a procedure that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Say an item with this number, if there is a stream out; take one, if there is one in; else answer.
    Step(i64),
    /// Send leading metadata at once.
    SendLeading,
    /// Let leading metadata go out with the first data.
    SetLeading,
    SetTrailing,
    /// Tell the peer this number, which it does not answer.
    Notify(i64),
    /// Answer, or end the stream, now.
    Finish,
    Fail,
    Panic,
}

/// What a panic of a procedure says.
pub(super) const ON_PURPOSE: &str = "a procedure of the model panics on purpose";

/// The code of an error that a procedure makes.
pub(super) const TEAPOT: i64 = 418;

/// The procedures that have begun, in that order.
#[derive(Clone, Default)]
pub(super) struct World(Arc<Inner>);

struct Inner {
    actors: Mutex<Vec<Handle>>,
    /// Lets hooks of cancelled calls end.
    gate: Semaphore,
}

impl Default for Inner {
    fn default() -> Self {
        Self { actors: Mutex::default(), gate: Semaphore::new(0) }
    }
}

struct Handle {
    commands: UnboundedSender<Command>,
    alive: Arc<()>,
}

/// A procedure that runs.
struct Actor {
    commands: UnboundedReceiver<Command>,
    _alive: Arc<()>,
}

impl World {
    /// Says something to the procedure that was the nth to begin.
    pub(super) fn tell(&self, actor: usize, command: Command) {
        let told = self.0.actors.lock().unwrap().get(actor).map(|it| it.commands.send(command).is_ok());
        assert_eq!(told, Some(true), "the model knows which procedures run");
    }

    /// Those that run: begun, and not dropped.
    pub(super) fn alive(&self) -> Vec<usize> {
        let actors = self.0.actors.lock().unwrap();
        (0..actors.len()).filter(|&at| Arc::strong_count(&actors[at].alive) > 1).collect()
    }

    /// Lets so many hooks of cancelled calls end.
    pub(super) fn release(&self, calls: usize) {
        self.0.gate.add_permits(calls);
    }

    /// Begins the next sequence.
    pub(super) fn forget(&self) {
        self.0.actors.lock().unwrap().clear();
        self.0.gate.forget_permits(usize::MAX >> 4);
    }

    pub(super) fn app(&self) -> App {
        App::new().module(Procedures(self.clone()))
    }

    fn enter(&self) -> Actor {
        let (sender, commands) = unbounded_channel();
        let alive = Arc::new(());
        self.0.actors.lock().unwrap().push(Handle { commands: sender, alive: Arc::clone(&alive) });
        Actor { commands, _alive: alive }
    }
}

impl Actor {
    async fn next(&mut self) -> Command {
        match self.commands.recv().await {
            Some(command) => command,
            None => pending().await,
        }
    }
}

pub(super) fn metadata() -> Metadata {
    Metadata::from([("key", "value")])
}

/// A text that has this number in it, and some weight.
pub(super) fn text(number: i64) -> String {
    format!("{number:050}")
}

fn teapot() -> Error {
    Error::new(Code(TEAPOT), "short and stout")
}

/// Does what every procedure does in the same way; `Some` if that is something else.
async fn common(cx: &Context, command: Command) -> Result<Option<Command>> {
    match command {
        Command::SendLeading => cx.send_leading(metadata()).await?,
        Command::SetLeading => cx.set_leading(metadata())?,
        Command::SetTrailing => cx.set_trailing(metadata()),
        Command::Notify(number) => cx.peer().notify("note", number).await?,
        Command::Fail => return Err(teapot()),
        Command::Panic => panic!("{ON_PURPOSE}"),
        Command::Step(_) | Command::Finish => return Ok(Some(command)),
    }
    Ok(None)
}

struct Procedures(World);

#[swill::module]
impl Procedures {
    async fn now(&self, value: i64) -> i64 {
        value + 1
    }

    async fn fail(&self, value: i64) -> Result<i64> {
        let _ = value;
        Err(teapot())
    }

    async fn panic(&self, value: i64) -> i64 {
        let _ = value;
        panic!("{ON_PURPOSE}")
    }

    async fn later(&self, cx: &Context, value: i64) -> Result<i64> {
        let mut actor = self.0.enter();
        while common(cx, actor.next().await).await?.is_none() {}
        Ok(value + 1)
    }

    #[swill(deadline = "1s")]
    async fn hurried(&self, cx: &Context, value: i64) -> Result<i64> {
        let mut actor = self.0.enter();
        while common(cx, actor.next().await).await?.is_none() {}
        Ok(value + 1)
    }

    fn stream(&self, cx: &Context, value: i64) -> impl Stream<Item = Result<String>> {
        let _ = value;
        let mut actor = self.0.enter();
        swill::stream! {
            loop {
                match common(cx, actor.next().await).await {
                    Ok(Some(Command::Step(number))) => yield Ok(text(number)),
                    Ok(Some(_)) => return,
                    Ok(None) => {}
                    Err(error) => {
                        yield Err(error);
                        return;
                    }
                }
            }
        }
    }

    /// Takes whatever comes, at once.
    async fn sum(&self, mut numbers: Streaming<i64>) -> Result<i64> {
        let _actor = self.0.enter();
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    /// Takes an item when it is told to.
    async fn slow(&self, cx: &Context, mut numbers: Streaming<i64>) -> Result<i64> {
        let mut actor = self.0.enter();
        let mut sum = 0;
        loop {
            match common(cx, actor.next().await).await? {
                Some(Command::Step(_)) => match numbers.next().await {
                    Some(number) => sum += number?,
                    None => return Ok(sum),
                },
                Some(_) => return Ok(sum),
                None => {}
            }
        }
    }

    /// Streams both ways: doubles whatever comes.
    fn double(&self, mut numbers: Streaming<i64>) -> impl Stream<Item = Result<i64>> {
        let actor = self.0.enter();
        swill::stream! {
            while let Some(number) = numbers.next().await {
                yield number.map(|number| number * 2);
            }
            drop(actor);
        }
    }

    /// Asks the peer each time it is told to, and answers with what was answered last.
    async fn ask(&self, cx: &Context, peer: &Peer, value: i64) -> Result<i64> {
        let mut actor = self.0.enter();
        let mut answer = value;
        loop {
            match common(cx, actor.next().await).await? {
                Some(Command::Step(number)) => answer = peer.call("question", (number,)).await?,
                Some(_) => return Ok(answer),
                None => {}
            }
        }
    }
}

/// Keeps calls that were cancelled until the test lets them go.
pub(super) struct Lingers(pub(super) World);

impl Hook for Lingers {
    async fn after_request(&self, _: &Context, outcome: Outcome<'_>) {
        if matches!(outcome, Outcome::Cancelled(_)) {
            let permit = self.0.0.gate.acquire().await;
            permit.expect("the gate is never closed").forget();
        }
    }
}
