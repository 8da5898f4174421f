//! What is logged of the docs page when the server starts. A program of its own: what other tests log at the same time gets
//! in the way of a subscriber that is only there for one thread.
#![cfg(feature = "docs")]

mod common;

use common::{exchange, serve};
use std::{
    fmt::{self, Write},
    sync::{Arc, Mutex},
};
use swill::{App, Module};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

fn app() -> App {
    App::new().module(Module::new().handle("ping", [], async || ()))
}

/// What is logged while it is the subscriber of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Level, String)>>>);

impl Log {
    fn lines(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().expect("no panic");
        lines
            .iter()
            .filter(|line| line.0 == level && line.1.contains("docs page"))
            .map(|it| it.1.clone())
            .collect()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Message(String);
        impl Visit for Message {
            fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
                if field.name() == "message" {
                    write!(self.0, "{value:?}").expect("text takes text");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().expect("no panic").push((*event.metadata().level(), message.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn its_address_is_logged_and_so_is_why_there_is_none() {
    let no_path = App::new().mount("/a", app().docs(false));
    let in_the_way = "no docs page: the application has something else there";
    let hidden = "no docs page: it reads the description, and `description(false)` hides that";
    let nowhere = "no docs page: the app has no path below which it could be";
    for (app, pages, warning) in [
        (app().docs(true), &["/docs"][..], None),
        (app().docs(true).paths(["/rpc"]).mount("/a", app().docs(true)), &["/a/docs", "/rpc/docs"], None),
        (app().docs(false), &[], None),
        (app().docs(true).mount("/docs", app().docs(false)), &[], Some(in_the_way)),
        (app().mount("/docs", app().docs(false)), &[], None),
        (app().docs(true).description(false), &[], Some(hidden)),
        (app().description(false), &[], None),
        (no_path.docs(true), &[], Some(nowhere)),
    ] {
        let log = Log::default();
        let guard = tracing::subscriber::set_default(log.clone());
        let server = serve(app).await;
        // Whoever is answered knows that the server runs.
        let request = "GET /ping HTTP/1.1\r\nHost: swill.example\r\nConnection: close\r\n\r\n";
        assert_eq!(exchange(server.address, request).await.1.status, 404);
        let expected: Vec<_> =
            pages.iter().map(|path| format!("docs page at http://{}{path}", server.address)).collect();
        assert_eq!(log.lines(Level::INFO), expected);
        assert_eq!(log.lines(Level::WARN), warning.map(str::to_owned).into_iter().collect::<Vec<_>>());
        drop(guard);
    }
}
