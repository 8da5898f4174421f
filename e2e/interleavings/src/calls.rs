//! The client: tasks of callers that say something, and the connection's task that takes it and hands out what comes.

use crate::{
    answer::Answer,
    call::{Batch, Call, End, Next},
    client_outbox::{Entry, Opening, Outbox, Said},
};
use loom::{future::block_on, sync::Arc as Shared, thread};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
};
use swill_proto::{CallId, CancelReason, Close, Error, Shape};

/// The beginning of a call without a name.
fn opening(number: u64) -> Entry {
    Entry::Open(Opening {
        call: Arc::new(Call::new(CallId::ours(number))),
        shape: Shape::SINGLE,
        name: 0,
        payload: None,
        metadata: None,
        deadline: None,
        until_sent: false,
        idempotent: false,
        tried: false,
        reply: true,
    })
}

fn item(number: u64, length: usize) -> Entry {
    Entry::Item { call: CallId::ours(number), length }
}

/// Says items of a call, of as many bytes as they have numbers.
fn say_items(outbox: &Outbox, call: u64, items: std::ops::RangeInclusive<usize>) -> Result<(), Error> {
    for length in items {
        block_on(outbox.push(item(call, length), &[&vec![0; length]], None))?;
    }
    Ok(())
}

/// Polls as the connection's task does: takes what there is, then says whom to wake, and waits only if nothing has come.
fn connection<T>(outbox: &Outbox, mut done: impl FnMut(&Outbox, &mut Said) -> Option<T>) -> T {
    block_on(poll_fn(|task: &mut Context<'_>| {
        loop {
            let mut said = Said::default();
            outbox.take(&mut said);
            if let Some(done) = done(outbox, &mut said) {
                return Poll::Ready(done);
            }
            if !outbox.listen(task.waker()) && !outbox.is_closing() {
                return Poll::Pending;
            }
        }
    }))
}

/// The numbers of the calls that begin.
fn opened(said: &mut Said) -> Vec<u64> {
    let mut opened = Vec::new();
    said.drain(|entry, _| opened.extend(entry.openings().iter().map(|it| it.call.id.number())));
    opened
}

/// There is room for one entry, and two callers have two items each.
pub(crate) fn items_come_in_order() {
    let outbox = Shared::new(Outbox::new(1, 10));
    let callers = [0, 1].map(|call| {
        let outbox = Shared::clone(&outbox);
        let items = if call == 0 { 1..=2 } else { 1..=1 };
        thread::spawn(move || say_items(&outbox, call, items))
    });
    let mut heard = [vec![], vec![]];
    connection(&outbox, |_, said| {
        said.drain(|entry, bytes| {
            let Entry::Item { call, length } = entry else { return };
            assert_eq!(bytes.len(), length, "entries and bytes belong together");
            heard[usize::try_from(call.number()).unwrap_or_default()].push(length);
        });
        (heard[0].len() + heard[1].len() == 3).then_some(())
    });
    assert_eq!(heard, [vec![1, 2], vec![1]]);
    for caller in callers {
        caller.join().expect("no panic").expect("the client is open");
    }
}

/// One call may be in flight, and two callers want one each: each has its turn, while the one before ends.
pub(crate) fn calls_take_turns() {
    let outbox = Shared::new(Outbox::new(1000, 1));
    let callers = [1, 2].map(|call| {
        let outbox = Shared::clone(&outbox);
        thread::spawn(move || block_on(outbox.push(opening(call), &[], None)))
    });
    let mut heard = 0;
    connection(&outbox, |outbox, said| {
        let opened = opened(said).len();
        assert!(opened <= 1, "more calls than may be in flight");
        heard += opened;
        outbox.ended(opened);
        (heard == 2).then_some(())
    });
    for caller in callers {
        caller.join().expect("no panic").expect("the client is open");
    }
}

/// A caller in the line gives up while room is made: whoever is behind it gets on, and nothing stays counted.
pub(crate) fn givers_up_hold_up_nobody() {
    let outbox = Shared::new(Outbox::new(1000, 1));
    block_on(outbox.push(opening(1), &[], None)).expect("there is room");
    let impatient = {
        let outbox = Shared::clone(&outbox);
        thread::spawn(move || {
            let taken = {
                let entry = opening(2);
                let mut push = pin!(outbox.push(entry, &[], None));
                block_on(poll_fn(|task| Poll::Ready(push.as_mut().poll(task).is_ready())))
            };
            // As whoever opens a call does when it is dropped.
            outbox.cancel(CallId::ours(2));
            taken
        })
    };
    let patient = {
        let outbox = Shared::clone(&outbox);
        thread::spawn(move || block_on(outbox.push(opening(3), &[], None)))
    };
    let mut heard = Vec::new();
    connection(&outbox, |outbox, said| {
        let opened = opened(said);
        outbox.ended(opened.len());
        heard.extend(opened);
        heard.contains(&3).then_some(())
    });
    impatient.join().expect("no panic");
    patient.join().expect("no panic").expect("the client is open");
}

/// The client is closed while a caller waits and another comes: both hear of it or are heard, and the wish is not overslept.
pub(crate) fn close_is_heard() {
    let outbox = Shared::new(Outbox::new(1000, 1));
    let caller = {
        let outbox = Shared::clone(&outbox);
        thread::spawn(move || [1, 2].map(|call| block_on(outbox.push(opening(call), &[], None)).is_ok()))
    };
    let closer = {
        let outbox = Shared::clone(&outbox);
        thread::spawn(move || outbox.close(Close::new(1000, "")))
    };
    let mut heard = Vec::new();
    connection(&outbox, |outbox, said| {
        heard.extend(opened(said));
        outbox.wish().map(|_| {
            // As the connection does: what was said before the wish is written.
            let mut last = Said::default();
            outbox.take(&mut last);
            heard.extend(opened(&mut last));
        })
    });
    heard.extend(outbox.shut(&Close::new(1000, "")).iter().map(|(call, _)| call.id.number()));
    let taken = caller.join().expect("no panic");
    closer.join().expect("no panic");
    for (call, taken) in [1, 2].into_iter().zip(taken) {
        assert_eq!(
            heard.contains(&call),
            taken,
            "call {call} was taken and not heard, or the other way round"
        );
    }
}

/// Items and the end of a stream come while it is read.
pub(crate) fn streams_are_read_to_their_end() {
    let call = Shared::new(Call::new(CallId::ours(1)));
    let connection = {
        let call = Shared::clone(&call);
        thread::spawn(move || {
            assert!(call.item(&[1], None) && call.item(&[2], None));
            call.finish(End { last: None, trailing: None }, None);
        })
    };
    let mut batch = Batch::default();
    let mut read = Vec::new();
    loop {
        match block_on(poll_fn(|task| call.poll_next(&mut batch, task))) {
            Next::Items => {
                while let Some((item, cost)) = batch.pop() {
                    read.extend_from_slice(item);
                    assert_eq!(call.took(cost, 0), cost);
                }
            }
            Next::End(end) => {
                end.expect("it ended well");
                break;
            }
        }
    }
    assert_eq!((read, call.unread()), (vec![1, 2], 0));
    connection.join().expect("no panic");
}

/// A call is dropped while its item and its answer come: it ends once, and nothing of it stays counted.
pub(crate) fn calls_end_once() {
    let call = Shared::new(Call::new(CallId::ours(1)));
    let connection = {
        let call = Shared::clone(&call);
        thread::spawn(move || {
            let cost = Call::cost(&[1]);
            let counted = if call.item(&[1], None) { cost } else { 0 };
            call.finish(End { last: Some(Answer::from(&[1][..])), trailing: None }, None);
            counted
        })
    };
    let (released, was_open) = call.abandon(true);
    let counted = connection.join().expect("no panic");
    assert_eq!((released, call.unread()), (counted, 0), "what was counted, and what was given back");
    assert!(call.is_over());
    let end = block_on(poll_fn(|task| call.poll_end(task)));
    let cancelled = end.is_err_and(|error| error.cancel_reason() == Some(CancelReason::Client));
    assert_eq!(cancelled, was_open, "it was cancelled if it was open, and else it was answered");
}

/// A stream that nobody reads is written off while somebody begins to read it.
pub(crate) fn slow_streams_are_written_off_once() {
    let call = Shared::new(Call::new(CallId::ours(1)));
    assert!(call.item(&[1], None));
    let connection = {
        let call = Shared::clone(&call);
        thread::spawn(move || call.fail_slow())
    };
    let mut batch = Batch::default();
    let taken = match block_on(poll_fn(|task| call.poll_next(&mut batch, task))) {
        Next::Items => batch.pop().map(|(_, cost)| call.took(cost, 0)).unwrap_or_default(),
        Next::End(end) => {
            assert!(end.is_err());
            0
        }
    };
    let written_off = connection.join().expect("no panic");
    assert_eq!((taken + written_off, call.unread()), (Call::cost(&[1]), 0));
}
