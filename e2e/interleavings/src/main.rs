//! Every order in which threads can hand something over in the server and in the client, tried by loom.
//!
//! What is tried of the outboxes, and of the client's calls, are the files themselves, compiled against the locks and
//! atomics of loom. The hand-overs around the server's (a stream that was full, calls that end, a server that drains) are
//! written down again in [`flags`], because the types that they belong to hold sockets and timers: a change of one has to
//! be made in the other.
#![expect(clippy::print_stdout, reason = "that is what this program is for")]

#[path = "../../../crates/swill-client/src/answer.rs"]
mod answer;
#[path = "../../../crates/swill-client/src/call.rs"]
#[allow(dead_code, reason = "not all of it has to do with threads")]
mod call;
mod calls;
#[path = "../../../crates/swill-client/src/outbox.rs"]
#[allow(dead_code, reason = "not all of it has to do with threads")]
mod client_outbox;
#[path = "../../../crates/swill-client/src/fault.rs"]
#[allow(dead_code, reason = "errors that have to do with servers")]
mod fault;
mod flags;
#[path = "../../../crates/swill/src/outbox.rs"]
#[allow(dead_code, reason = "not all of it has to do with threads")]
mod outbox;
mod pushes;

/// What the outboxes know of the rest.
mod sync {
    pub(crate) use loom::sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    };
    pub(crate) use std::time::Instant;
    // Its own hand-over is tried by those who made it: here, it is one step.
    pub(crate) use tokio::sync::oneshot;

    /// Time stands still.
    pub(crate) async fn timeout_at<F: Future>(_: Instant, future: F) -> Result<F::Output, ()> {
        Ok(future.await)
    }
}

mod state {
    use loom::sync::{Mutex, MutexGuard};
    use std::sync::PoisonError;

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

mod calling {
    pub(crate) struct Opened {
        pub(crate) call: swill_proto::CallId,
    }
}

mod weak {
    pub(crate) const fn is_off(_defence: &str) -> bool {
        false
    }
}

fn main() {
    let models: &[(&str, fn())] = &[
        ("what is pushed wakes the connection, and comes in order", pushes::wakes_and_comes_in_order),
        ("who waits for room has it when there is some", pushes::waits_for_room),
        ("who waits for room hears of the end", pushes::hears_of_the_end),
        ("a wish to close is not overslept", pushes::close_is_heard),
        ("what was pushed by others before a wish to close is written", pushes::said_before_close),
        ("a stream that is taken is read on", flags::paused),
        ("the last call that ends lets a connection go", flags::ending),
        ("hooks that accept a connection let it read", flags::accepting),
        ("a server that drains tells every connection", flags::draining),
        ("nobody is admitted whom a drained server does not wait for", flags::admitted),
        ("what callers say comes in order, and wakes the client", calls::items_come_in_order),
        ("calls that wait for others to end have their turn", calls::calls_take_turns),
        ("callers that give up hold up nobody", calls::givers_up_hold_up_nobody),
        ("a client that is closed has heard a call, or says so", calls::close_is_heard),
        ("streams are read to their end", calls::streams_are_read_to_their_end),
        ("a call that is dropped ends once", calls::calls_end_once),
        ("a stream that is left unread is written off once", calls::slow_streams_are_written_off_once),
    ];
    for (name, model) in models {
        let started = std::time::Instant::now();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(2);
        builder.check(model);
        println!("{name}: holds in every order ({:.1} s)", started.elapsed().as_secs_f64());
    }
    println!("{} hand-overs hold", models.len());
}
