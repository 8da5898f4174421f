//! Every order in which threads can hand something over in the server, tried by loom.
//!
//! What is tried of the outbox is the file itself, compiled against the locks and atomics of loom. The hand-overs around it
//! (a stream that was full, calls that end, a server that drains) are written down again in [`flags`], because the types
//! that they belong to hold sockets and timers: a change of one has to be made in the other.
#![expect(clippy::print_stdout, reason = "that is what this program is for")]

mod flags;
#[path = "../../../crates/swill/src/outbox.rs"]
#[allow(dead_code, reason = "not all of it has to do with threads")]
mod outbox;
mod pushes;

/// What the outbox knows of the rest of the server.
mod sync {
    pub(crate) use loom::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    };
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
