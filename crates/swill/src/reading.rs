//! Places for those who read files. A disk that hangs keeps a thread for every read that it does not finish, and threads
//! that wait for disks are the same that procedures block: without places, one folder could stop them all.

use crate::observe::{Observer, Who};
use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use std::{
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// How long a request waits for a place. A disk that works frees thousands of them meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);

/// The places of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    observer: Observer,
}

impl Places {
    pub(crate) fn new(count: usize, observer: &Observer) -> Self {
        let free = Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self { free, observer: observer.clone() }
    }

    /// Does something with files, in a task of its own: it cannot be stopped, and its place is free when it has ended,
    /// whether somebody still waits for it or not.
    ///
    /// # Errors
    ///
    /// Its own; [`io::ErrorKind::ResourceBusy`] if there was no place in time.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = io::Result<T>> + Send + 'static,
    ) -> io::Result<T> {
        let Ok(Ok(place)) = timeout(PATIENCE, Arc::clone(&self.free).acquire_owned()).await else {
            return Err(io::ErrorKind::ResourceBusy.into());
        };
        let working = tokio::spawn(async move {
            let done = work.await;
            drop(place);
            done
        });
        working.await.map_err(io::Error::other)?
    }

    /// A body that is read from a file: it has a place while it waits for the disk, and none while it waits for its reader.
    pub(crate) fn read(&self, body: Body) -> Body {
        Body::new(Reading { body, places: self.clone(), coming: None, place: None })
    }
}

/// Does what may wait for a disk where others do not wait for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

type Coming = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

struct Reading {
    body: Body,
    places: Places,
    coming: Option<Coming>,
    place: Option<OwnedSemaphorePermit>,
}

impl Reading {
    fn poll_place(&mut self, task: &mut Context<'_>) -> Poll<()> {
        if self.place.is_none() {
            let places = &self.places.free;
            let coming = self.coming.get_or_insert_with(|| Box::pin(Arc::clone(places).acquire_owned()));
            self.place = ready!(coming.as_mut().poll(task)).ok();
            self.coming = None;
        }
        Poll::Ready(())
    }
}

impl hyper::body::Body for Reading {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.body.is_end_stream() {
            return Poll::Ready(None);
        }
        ready!(self.poll_place(task));
        let frame = ready!(Pin::new(&mut self.body).poll_frame(task));
        self.place = None;
        if let Some(Err(error)) = &frame {
            // The head has been sent: all that is left is to break the connection, and to say why.
            if self.places.observer.may_write(Who::default()) {
                tracing::error!(%error, "a static file could not be read to its end");
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Reading {
    /// What the disk has been asked for goes on without us, and keeps its place until it has ended.
    fn drop(&mut self) {
        if let (Some(place), Ok(runtime)) = (self.place.take(), Handle::try_current()) {
            let mut body = std::mem::take(&mut self.body);
            runtime.spawn(async move {
                let _ = body.frame().await;
                drop(place);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};
    use tokio::sync::Notify;

    fn chunks(disk: &Arc<Notify>) -> Body {
        let disk = Arc::clone(disk);
        Body::from_stream(stream::repeat_with(move || Arc::clone(&disk)).take(2).then(
            async |disk: Arc<Notify>| {
                disk.notified().await;
                Ok::<_, io::Error>(Bytes::from_static(b"chunk"))
            },
        ))
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_is_told_after_a_second() {
        let places = Places::new(1, &Observer::default());
        let hanging = places.run(std::future::pending::<io::Result<()>>());
        assert!(timeout(PATIENCE / 2, hanging).await.is_err());
        let error = places.run(async { Ok(()) }).await.expect_err("nobody waits for it, and it still hangs");
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_a_place_only_while_the_disk_is_waited_for() {
        let (places, disk) = (Places::new(1, &Observer::default()), Arc::new(Notify::new()));
        let mut body = places.read(chunks(&disk));
        assert_eq!(places.free.available_permits(), 1, "nothing is read before somebody asks");
        assert!(timeout(PATIENCE, body.frame()).await.is_err());
        assert_eq!(places.free.available_permits(), 0);
        disk.notify_one();
        assert!(body.frame().await.is_some());
        assert_eq!(places.free.available_permits(), 1);
        assert!(timeout(PATIENCE, body.frame()).await.is_err());
        drop(body);
        assert_eq!(places.free.available_permits(), 0, "the disk has not finished");
        disk.notify_one();
        assert!(places.run(async { Ok(()) }).await.is_ok());
    }
}
