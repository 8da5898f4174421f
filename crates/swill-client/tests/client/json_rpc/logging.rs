//! What went wrong in a handler is in the log, and not in the answer.

use super::{connected_as, server};
use std::{
    cell::RefCell,
    fmt::{Debug, Write},
};
use swill_client::{Error, Limits, Protocol};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

thread_local! {
    /// Warnings and errors of this thread, one line for each.
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Hears all threads, for what one thread alone hears may get lost while others run tests without a log. Each keeps what
/// is its own.
struct Log;

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        LINES.with_borrow_mut(|lines| lines.push(line.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(start_paused = true)]
async fn what_nobody_expected_is_logged_with_the_name_of_the_handler() {
    tracing::subscriber::set_global_default(Log).unwrap();
    let (server, builder) = server(Protocol::JsonRpc);
    let builder = builder
        .limits(Limits::default().serving(1))
        .handle("expected", async |()| Err::<(), _>(Error::new(404, "no such wall")))
        .handle("foreign", async |()| Ok("x".parse::<u8>()?))
        .handle("panics", async |()| -> swill_client::Result<()> { panic!("on the way") })
        .handle("panics later", async |()| -> swill_client::Result<()> {
            tokio::task::yield_now().await;
            panic!("in its task")
        })
        .handle("waits", async |()| -> swill_client::Result<()> { std::future::pending().await });
    let (_server, mut peer, _client) = connected_as(Protocol::JsonRpc, (server, builder)).await;
    for (name, reply, lines) in [
        ("expected", true, &[][..]),
        ("nobody", true, &[]),
        ("foreign", true, &["ERROR", "a handler failed unexpectedly", "name=\"foreign\"", "invalid digit"]),
        ("panics", false, &["ERROR", "name=\"panics\"", "the handler panicked: on the way"]),
        ("panics later", true, &["ERROR", "name=\"panics later\"", "the handler panicked: in its task"]),
        ("waits", false, &[]),
        ("waits", false, &["WARN", "name=\"waits\"", "a notification was dropped", "Limits::serving"]),
    ] {
        let id = if reply { r#","id":1"# } else { "" };
        peer.say(&format!(r#"{{"jsonrpc":"2.0","method":"{name}"{id}}}"#)).await;
        if reply {
            let answer = format!("{:?}", peer.message().await);
            assert!(!answer.contains("panicked") && !answer.contains("digit"), "{answer}");
        } else {
            // An answer to nothing shows that the notification has been looked at.
            peer.say("[]").await;
            peer.message().await;
        }
        let logged = LINES.take();
        assert_eq!(logged.len(), usize::from(!lines.is_empty()), "{name}: {logged:?}");
        for part in lines {
            assert!(logged[0].contains(part), "{name}: {logged:?} does not say {part}");
        }
    }
}
