//! What users do with calls, each in tasks of its own, and what they are told.

use super::wire::name;
use crate::{Client, Error, Items, Request, SendHalf, Sender};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
};

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Single,
    Out,
    In,
    Both,
}

impl Shape {
    pub(super) fn streams_in(self) -> bool {
        matches!(self, Self::In | Self::Both)
    }

    pub(super) fn streams_out(self) -> bool {
        matches!(self, Self::Out | Self::Both)
    }
}

/// What a call is told to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) shape: Shape,
    pub(super) idempotent: bool,
    pub(super) deadline: Option<Duration>,
}

/// What a user hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The call is on its way.
    Opened,
    Answer(i64),
    Item(i64),
    /// The stream out is over.
    End,
    /// An item, or the end of the stream in, has been taken.
    Taken,
    Failed(i64),
    /// The call may have been executed.
    Unknown,
}

/// What a user does with a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Read,
    Send(i64),
    Finish,
    /// Drops the sending half of a stream both ways.
    Leave,
}

type Log = Arc<Mutex<Vec<Told>>>;

/// A call from its beginning until it is dropped.
pub(super) struct User {
    reads: Log,
    sends: Log,
    reader: UnboundedSender<Act>,
    sender: UnboundedSender<Act>,
    tasks: Vec<JoinHandle<()>>,
}

impl User {
    pub(super) fn new(client: &Client, call: usize, order: Order) -> Self {
        let (reader, reading) = unbounded_channel();
        let (sender, sending) = unbounded_channel();
        let (reads, sends) = (Log::default(), Log::default());
        let work = run(client.clone(), call, order, (reading, reads.clone()), (sending, sends.clone()));
        Self { reads, sends, reader, sender, tasks: vec![tokio::spawn(work)] }
    }

    /// What the user does next, after everything before.
    pub(super) fn does(&self, act: Act) {
        // Whoever has nothing left to do with the call does not hear it.
        let _ = match act {
            Act::Read => self.reader.send(act),
            Act::Send(_) | Act::Finish | Act::Leave => self.sender.send(act),
        };
    }

    /// What was heard since the last time: by whoever reads, and by whoever sends.
    pub(super) fn told(&self) -> [Vec<Told>; 2] {
        [&self.reads, &self.sends].map(|log| std::mem::take(&mut *log.lock().unwrap()))
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn failed(error: &Error) -> Told {
    match error.outcome_unknown() {
        true => Told::Unknown,
        false => Told::Failed(error.code().0),
    }
}

fn note<T>(log: &Log, result: Result<T, Error>, good: impl FnOnce(T) -> Told) {
    log.lock().unwrap().push(result.map_or_else(|error| failed(&error), good));
}

async fn run(
    client: Client,
    call: usize,
    order: Order,
    (reading, reads): (UnboundedReceiver<Act>, Log),
    (sending, sends): (UnboundedReceiver<Act>, Log),
) {
    let name = name(call);
    let mut request: Request<'_> = client.request(&name).deadline(order.deadline);
    if order.idempotent {
        request = request.idempotent();
    }
    match order.shape {
        Shape::Single => {
            note(&reads, request.call::<i64>((1,)).await, Told::Answer);
        }
        Shape::Out => match request.stream::<i64>((1,)).await {
            Ok(items) => {
                note(&reads, Ok(()), |()| Told::Opened);
                read(items, reading, reads).await;
            }
            Err(error) => reads.lock().unwrap().push(failed(&error)),
        },
        Shape::In => match request.stream_in::<i64, i64>().await {
            Ok(sender) => {
                note(&sends, Ok(()), |()| Told::Opened);
                send(sender, sending, sends).await;
            }
            Err(error) => sends.lock().unwrap().push(failed(&error)),
        },
        Shape::Both => match request.both::<i64, i64>().await {
            Ok((half, items)) => {
                note(&reads, Ok(()), |()| Told::Opened);
                tokio::join!(read(items, reading, reads), send_half(half, sending, sends));
            }
            Err(error) => reads.lock().unwrap().push(failed(&error)),
        },
    }
}

async fn read(mut items: Items<i64>, mut acts: UnboundedReceiver<Act>, log: Log) {
    while acts.recv().await.is_some() {
        let told = match items.next().await {
            Some(Ok(item)) => Told::Item(item),
            Some(Err(error)) => failed(&error),
            None => Told::End,
        };
        log.lock().unwrap().push(told);
    }
}

async fn send(mut sender: Sender<i64, i64>, mut acts: UnboundedReceiver<Act>, log: Log) {
    while let Some(act) = acts.recv().await {
        match act {
            Act::Send(item) => {
                note(&log, sender.send(item).await, |()| Told::Taken);
            }
            _ => {
                note(&log, sender.finish().await, Told::Answer);
                return;
            }
        }
    }
}

async fn send_half(mut half: SendHalf<i64>, mut acts: UnboundedReceiver<Act>, log: Log) {
    while let Some(act) = acts.recv().await {
        match act {
            Act::Send(item) => {
                note(&log, half.send(item).await, |()| Told::Taken);
            }
            Act::Leave => return,
            _ => {
                note(&log, half.finish().await, |()| Told::Taken);
                return;
            }
        }
    }
}
