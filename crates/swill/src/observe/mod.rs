//! What a server tells those who look after it: metrics, and which limits took effect.

mod call_log;
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "nothing is shown without the feature"))]
mod counts;
#[cfg(feature = "metrics")]
mod exposition;
mod limit;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "opentelemetry")]
mod opentelemetry;
#[cfg(feature = "metrics")]
mod process;
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "nothing is shown without the feature"))]
mod registry;
mod span;
mod tally;
mod trace_context;

pub(crate) use call_log::Unknown;
pub(crate) use counts::Outcome;
pub(crate) use limit::{Limit, Who};
#[cfg(feature = "metrics")]
pub use metrics::Metrics;
pub(crate) use registry::{Registry, Spoken};
pub(crate) use span::{Beginning, Watch, Watched, connection as connection_span};
pub(crate) use tally::Tally;
pub use trace_context::{InvalidTraceContext, TraceContext};

use limit::Journal;
use std::sync::Arc;

/// Where the parts of a server say what happens. Apps that are mounted in an app share its.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    journal: Arc<Journal>,
    /// Nothing is counted without.
    pub(crate) registry: Option<Arc<Registry>>,
}

impl Default for Observer {
    fn default() -> Self {
        Self { journal: Arc::new(Journal::new()), registry: None }
    }
}

impl Observer {
    /// Becomes a part of another one: it logs there, and counts there unless it counts by itself.
    pub(crate) fn join(&mut self, outer: &Self) {
        self.journal = Arc::clone(&outer.journal);
        if self.registry.is_none() {
            self.registry.clone_from(&outer.registry);
        }
    }

    /// A limit has taken effect.
    #[cold]
    pub(crate) fn exceeded(&self, limit: Limit, who: Who) {
        if let Some(registry) = &self.registry {
            registry.exceeded(limit);
        }
        self.journal.note(limit, who);
    }

    /// Whether a line about a call or a request may be logged: peers can cause as many of them as they like.
    #[cold]
    pub(crate) fn may_write(&self, who: Who) -> bool {
        let may = self.journal.may_write();
        if !may {
            self.exceeded(Limit::Log, who);
        }
        may
    }

    /// Counts, if there is something to count in.
    #[cold]
    pub(crate) fn count(&self, count: impl FnOnce(&Registry)) {
        if let Some(registry) = &self.registry {
            count(registry);
        }
    }
}
