//! A subscriber of `tracing` that keeps everything, for one test.
#![allow(dead_code, reason = "not every test program needs all of it")]

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex},
    thread::{self, ThreadId},
};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::DefaultGuard,
};
use tracing_core::span::Current;

type Fields = BTreeMap<&'static str, String>;

/// Keeps spans and events of one thread, up to a level. Clones share what they keep.
#[derive(Clone)]
pub(crate) struct Collector(Arc<Mutex<Kept>>, Level);

#[derive(Default)]
struct Kept {
    spans: Vec<Span>,
    events: Vec<Happened>,
    entered: HashMap<ThreadId, Vec<usize>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) fields: Fields,
    pub(crate) parent: Option<usize>,
    handles: usize,
}

/// An event, and the span in which it was.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub(crate) target: String,
    pub(crate) level: Level,
    pub(crate) fields: Fields,
    pub(crate) span: Option<usize>,
}

impl Collector {
    /// Collects on this thread, as long as the guard lives.
    pub(crate) fn start(level: Level) -> (Self, DefaultGuard) {
        let collector = Self(Arc::default(), level);
        let guard = tracing::subscriber::set_default(collector.clone());
        (collector, guard)
    }

    /// All spans of a kind.
    pub(crate) fn spans(&self, name: &str) -> Vec<Span> {
        let kept = self.0.lock().expect("no panic");
        kept.spans.iter().filter(|span| span.metadata.name() == name).cloned().collect()
    }

    pub(crate) fn span(&self, at: usize) -> Span {
        self.0.lock().expect("no panic").spans[at].clone()
    }

    /// All events of a target.
    pub(crate) fn events(&self, target: &str) -> Vec<Happened> {
        let kept = self.0.lock().expect("no panic");
        kept.events.iter().filter(|event| event.target == target).cloned().collect()
    }

    /// The spans around an event, innermost first: their names, or the procedures of calls.
    pub(crate) fn around(&self, event: &Happened) -> Vec<String> {
        let mut around = Vec::new();
        let mut at = event.span;
        while let Some(span) = at.map(|at| self.span(at)) {
            let name = span.fields.get("procedure").cloned();
            around.push(name.unwrap_or_else(|| span.metadata.name().to_owned()));
            at = span.parent;
        }
        around
    }

    /// The procedure of the span that has been entered on the thread that asks.
    pub(crate) fn here(&self) -> Option<String> {
        let kept = self.0.lock().expect("no panic");
        let at = *kept.entered.get(&thread::current().id())?.last()?;
        kept.spans[at].fields.get("procedure").cloned()
    }

    /// How many spans nobody has closed.
    pub(crate) fn open(&self) -> usize {
        self.0.lock().expect("no panic").spans.iter().filter(|span| span.handles > 0).count()
    }

    /// How many spans have been entered and not left.
    pub(crate) fn entered(&self) -> usize {
        self.0.lock().expect("no panic").entered.values().map(Vec::len).sum()
    }
}

fn place(id: &Id) -> usize {
    usize::try_from(id.into_u64()).expect("a place") - 1
}

fn id(place: usize) -> Id {
    Id::from_u64(place as u64 + 1)
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.1
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        Some(self.1.into())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut kept = self.0.lock().expect("no panic");
        let current = || kept.entered.get(&thread::current().id())?.last().copied();
        let parent = match attributes.parent() {
            Some(parent) => Some(place(parent)),
            None if attributes.is_contextual() => current(),
            None => None,
        };
        let mut fields = Fields::new();
        attributes.record(&mut Reader(&mut fields));
        kept.spans.push(Span { metadata: attributes.metadata(), fields, parent, handles: 1 });
        id(kept.spans.len() - 1)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut kept = self.0.lock().expect("no panic");
        values.record(&mut Reader(&mut kept.spans[place(span)].fields));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Reader(&mut fields));
        let metadata = event.metadata();
        let mut kept = self.0.lock().expect("no panic");
        let span = kept.entered.get(&thread::current().id()).and_then(|it| it.last().copied());
        let (target, level) = (metadata.target().to_owned(), *metadata.level());
        kept.events.push(Happened { target, level, fields, span });
    }

    fn enter(&self, span: &Id) {
        let mut kept = self.0.lock().expect("no panic");
        kept.entered.entry(thread::current().id()).or_default().push(place(span));
    }

    fn exit(&self, span: &Id) {
        let mut kept = self.0.lock().expect("no panic");
        let entered = kept.entered.entry(thread::current().id()).or_default();
        let at = entered.iter().rposition(|entered| *entered == place(span)).expect("it was entered");
        entered.remove(at);
    }

    fn clone_span(&self, span: &Id) -> Id {
        self.0.lock().expect("no panic").spans[place(span)].handles += 1;
        span.clone()
    }

    fn try_close(&self, span: Id) -> bool {
        let mut kept = self.0.lock().expect("no panic");
        let handles = &mut kept.spans[place(&span)].handles;
        *handles -= 1;
        *handles == 0
    }

    fn current_span(&self) -> Current {
        let kept = self.0.lock().expect("no panic");
        match kept.entered.get(&thread::current().id()).and_then(|it| it.last()) {
            Some(at) => Current::new(id(*at), kept.spans[*at].metadata),
            None => Current::none(),
        }
    }
}

struct Reader<'f>(&'f mut Fields);

impl Visit for Reader<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
