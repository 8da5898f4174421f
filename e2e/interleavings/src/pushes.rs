//! The outbox: tasks of calls that push, and a connection that takes.

use crate::outbox::{Entry, Gone, Outbox, Said};
use loom::{future::block_on, sync::Arc, thread};
use std::{
    future::poll_fn,
    task::{Context, Poll},
};
use swill_proto::{CallId, Close};

fn item(call: u64, length: usize) -> Option<Entry> {
    Some(Entry::Item { call: CallId::theirs(call), length, leading: None })
}

/// Says items, of as many bytes as they have numbers, as the task of a call does.
fn push(outbox: &Outbox, call: u64, items: std::ops::RangeInclusive<usize>) -> Result<(), Gone> {
    for number in items {
        let mut entry = item(call, number);
        block_on(poll_fn(|task| outbox.poll_push(task, &mut entry, &vec![0; number])))?;
    }
    Ok(())
}

/// Polls as a connection does: takes what there is, then says whom to wake, and waits only if nothing has come meanwhile.
fn connection<T>(outbox: &Outbox, mut done: impl FnMut(&Outbox, &mut Said) -> Option<T>) -> T {
    let mut said = Said::default();
    block_on(poll_fn(|task: &mut Context<'_>| {
        loop {
            outbox.take(&mut said);
            if let Some(done) = done(outbox, &mut said) {
                return Poll::Ready(done);
            }
            said = Said::default();
            if !outbox.listen(task.waker()) {
                return Poll::Pending;
            }
        }
    }))
}

/// Notes what each of two calls said; done when there are so many items.
fn noting(items: usize) -> impl FnMut(&Outbox, &mut Said) -> Option<[Vec<usize>; 2]> {
    let mut heard = [vec![], vec![]];
    move |_, said| {
        let bytes = said.payloads.len();
        let mut lengths = 0;
        for entry in &said.entries {
            let Entry::Item { call, length, .. } = entry else { continue };
            heard[usize::try_from(call.number()).unwrap_or_default()].push(*length);
            lengths += length;
        }
        assert_eq!(bytes, lengths, "entries and payloads belong together");
        (heard.iter().map(Vec::len).sum::<usize>() == items).then(|| heard.clone())
    }
}

pub(crate) fn wakes_and_comes_in_order() {
    let outbox = Arc::new(Outbox::new(1000));
    let pushers = [0, 1].map(|call| {
        let outbox = Arc::clone(&outbox);
        thread::spawn(move || push(&outbox, call, 1..=2))
    });
    assert_eq!(connection(&outbox, noting(4)), [vec![1, 2], vec![1, 2]]);
    for pusher in pushers {
        pusher.join().expect("no panic").expect("the connection lives");
    }
    assert!(!outbox.is_filled());
}

pub(crate) fn waits_for_room() {
    // Each entry fills it.
    let outbox = Arc::new(Outbox::new(1));
    let pushers = [0, 1].map(|call| {
        let outbox = Arc::clone(&outbox);
        let items = if call == 0 { 1..=2 } else { 1..=1 };
        thread::spawn(move || push(&outbox, call, items))
    });
    assert_eq!(connection(&outbox, noting(3)), [vec![1, 2], vec![1]]);
    for pusher in pushers {
        pusher.join().expect("no panic").expect("the connection lives");
    }
}

pub(crate) fn hears_of_the_end() {
    let outbox = Arc::new(Outbox::new(1));
    let pusher = {
        let outbox = Arc::clone(&outbox);
        thread::spawn(move || push(&outbox, 0, 1..=3))
    };
    outbox.take(&mut Said::default());
    outbox.shut();
    // However far it came, it does not wait for ever.
    let told = pusher.join().expect("no panic");
    assert!(told.is_err() || outbox.is_gone());
    assert!(push(&outbox, 0, 1..=1).is_err());
}

pub(crate) fn close_is_heard() {
    let outbox = Arc::new(Outbox::new(100));
    let closer = {
        let outbox = Arc::clone(&outbox);
        thread::spawn(move || outbox.close(Close::new(4000, "bye")))
    };
    let other = {
        let outbox = Arc::clone(&outbox);
        thread::spawn(move || outbox.wake())
    };
    let close = connection(&outbox, |outbox, _| outbox.take_close());
    assert_eq!(close.code, 4000);
    closer.join().expect("no panic");
    other.join().expect("no panic");
}

pub(crate) fn said_before_close() {
    let outbox = Arc::new(Outbox::new(100));
    let caller = {
        let outbox = Arc::clone(&outbox);
        thread::spawn(move || {
            push(&outbox, 0, 1..=1).expect("the connection lives");
            outbox.close(Close::new(4000, "bye"));
        })
    };
    let mut heard = 0;
    // As the connection does: the wish is taken, and then what was said before it.
    connection(&outbox, |outbox, said| {
        heard += said.entries.len();
        outbox.take_close().map(|_| {
            let mut last = Said::default();
            outbox.take(&mut last);
            heard += last.entries.len();
        })
    });
    assert_eq!(heard, 1);
    caller.join().expect("no panic");
}
