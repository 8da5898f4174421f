//! The task behind a client: connects, drives the connection, connects again.

use crate::{
    State,
    backoff::Backoff,
    client::Shared,
    connection::Connection,
    fault,
    handshake::{self, Failure, Link},
};
use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};
use swill_proto::Close;
use tokio::time::{Instant, sleep_until};

pub(crate) struct Driver {
    shared: Arc<Shared>,
    backoff: Backoff,
}

/// What became of waiting for something while there is no connection.
enum Meanwhile<T> {
    Done(T),
    Close(Close),
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, backoff: Backoff::default() }
    }

    /// Runs until the client is closed. `link` is the first connection, if there is one already.
    pub(crate) async fn run(mut self, mut link: Option<Link>) {
        let close = loop {
            let opened = match link.take() {
                Some(link) => Ok(link),
                None => self.connect().await,
            };
            let link = match opened {
                Ok(link) => link,
                Err(close) => break close,
            };
            self.shared.enter(State::Open);
            let since = Instant::now();
            let mut connection = Connection::new(link, self.shared.clone());
            let close = poll_fn(|task| connection.poll(task)).await;
            connection.finish(&close);
            if let Some(wish) = self.shared.outbox.wish() {
                break wish;
            }
            let rules = &self.shared.settings.reconnect;
            if !rules.after(&close) {
                break close;
            }
            if since.elapsed() >= rules.steady {
                self.backoff.reset();
            }
            if let Err(close) = self.wait(close).await {
                break close;
            }
        };
        self.end(&close);
    }

    /// Waits for the next attempt. An error if there is none, for which `why` is the reason.
    async fn wait(&mut self, why: Close) -> Result<(), Close> {
        let Some((attempt, delay)) = self.backoff.next(&self.shared.settings.reconnect) else {
            return Err(why);
        };
        self.shared.enter(State::Waiting { attempt, delay });
        match self.meanwhile(tokio::time::sleep(delay)).await {
            Meanwhile::Done(()) => Ok(()),
            Meanwhile::Close(close) => Err(close),
        }
    }

    /// Connects, as often as it takes.
    async fn connect(&mut self) -> Result<Link, Close> {
        loop {
            self.shared.enter(State::Connecting);
            let failure: Failure = match self.meanwhile(handshake::connect(&self.shared.settings)).await {
                Meanwhile::Done(Ok(link)) => return Ok(link),
                Meanwhile::Done(Err(failure)) => failure,
                Meanwhile::Close(close) => return Err(close),
            };
            tracing::debug!(%failure, "an attempt to connect has failed");
            if failure.is_final() {
                return Err(failure.close());
            }
            self.wait(failure.close()).await?;
        }
    }

    /// Waits for something, and meanwhile looks after calls that wait for a connection: their deadlines, and wishes to
    /// close.
    async fn meanwhile<T>(&self, what: impl Future<Output = T>) -> Meanwhile<T> {
        let mut what = pin!(what);
        let mut timer = pin!(sleep_until(Instant::now()));
        let outbox = &self.shared.outbox;
        poll_fn(|task| {
            if let Poll::Ready(done) = what.as_mut().poll(task) {
                return Poll::Ready(Meanwhile::Done(done));
            }
            loop {
                outbox.listen(task.waker());
                if let Some(close) = outbox.wish() {
                    return Poll::Ready(Meanwhile::Close(close));
                }
                let tidied = outbox.tidy(Instant::now());
                for call in tidied.expired {
                    call.fail(fault::deadline());
                }
                let Some(next) = tidied.next else { return Poll::Pending };
                timer.as_mut().reset(next);
                if timer.as_mut().poll(task).is_pending() {
                    return Poll::Pending;
                }
            }
        })
        .await
    }

    /// Fails everything that waits, and whatever comes.
    fn end(&self, close: &Close) {
        for (call, tried) in self.shared.outbox.shut(close) {
            call.fail(if tried { fault::unknown(close) } else { fault::closed(close) });
        }
        self.shared.enter(State::Closed(close.clone()));
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Its runtime is going down.
        if !self.shared.state.borrow().is_closed() {
            self.end(&Close::new(1006, "the client's task was stopped"));
        }
    }
}
