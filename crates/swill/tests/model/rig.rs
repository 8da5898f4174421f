//! A connection over a pipe, and a peer that writes and reads in tasks of its own, so that neither waits for the other.

use super::{
    super::{Counted, client::frame},
    world::{Lingers, ON_PURPOSE, World},
};
use crate::{
    Limits, Peer, Protocol, Request, connection::Connection, extensions::Extensions, hub::Hub, route,
    service::Service,
};
use futures_util::task::AtomicWaker;
use http::{HeaderMap, Uri};
use std::{
    collections::VecDeque,
    io, panic,
    pin::Pin,
    sync::{
        Arc, Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use swill_proto::Kind;
use swill_ws::{Config, Event, Input, WebSocket};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, ReadBuf, ReadHalf, duplex, split},
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::sleep,
};

/// An app that sequence after sequence is played against.
pub(super) struct Stage {
    pub(super) world: World,
    service: Arc<Service>,
    protocol: fn() -> Protocol,
    pub(super) limits: Limits,
    /// How many bytes the pipe holds in each direction.
    pipe: usize,
    /// Whether a hook keeps calls that were cancelled.
    pub(super) hooked: bool,
}

impl Stage {
    pub(super) fn new(protocol: fn() -> Protocol, limits: Limits, pipe: usize, hooked: bool) -> Self {
        let world = World::default();
        let mut app = world.app().limits(limits.clone()).protocols([protocol()]);
        if hooked {
            app = app.hook(Lingers(world.clone()));
        }
        let (service, _) = app.build().expect("the app can be served");
        Self { world, service, protocol, limits, pipe, hooked }
    }
}

/// Runs a sequence with a clock that stands still.
pub(super) fn play(sequence: impl Future<Output = ()>) {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if info.payload_as_str() != Some(ON_PURPOSE) {
                usual(info);
            }
        }));
    });
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime can be had").block_on(sequence);
}

/// What has come from the server.
#[derive(Debug)]
pub(super) enum Got {
    Message(Kind, Vec<u8>),
    Pong(Vec<u8>),
    Close(u16),
}

/// One connection.
pub(super) struct Rig {
    peer: Peer,
    hub: Arc<Hub>,
    connection: JoinHandle<()>,
    wire: UnboundedSender<Vec<u8>>,
    got: Arc<Mutex<VecDeque<Got>>>,
    gate: Arc<Gate>,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
}

impl Rig {
    pub(super) fn new(stage: &Stage) -> Self {
        stage.world.forget();
        let (near, far) = duplex(stage.pipe);
        let hub = Arc::new(Hub::new(1, 256 << 20));
        let request =
            Request::new(&Uri::from_static("/"), &HeaderMap::new(), &[], None).expect("it is small");
        let protocol = (stage.protocol)().start(&stage.service.settings());
        let ws = route::websocket(&stage.service, None);
        let slot = hub.admit().expect("there is room");
        let peer =
            Peer(route::shared(Arc::clone(&stage.service), &*protocol, request, Extensions::default()));
        hub.add(&peer);
        let connection = Connection::new(far, &[], peer.clone(), ws, protocol, slot);
        let connection = tokio::spawn(Counted { connection, polls: Default::default() });

        let (reading, mut writing) = split(near);
        let (wire, mut bytes) = unbounded_channel::<Vec<u8>>();
        let writer = tokio::spawn(async move {
            while let Some(bytes) = bytes.recv().await {
                if writing.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
        let got = Arc::new(Mutex::new(VecDeque::new()));
        let gate = Arc::new(Gate::default());
        let socket = Gated { socket: reading, gate: Arc::clone(&gate) };
        let reader = tokio::spawn(read(socket, wire.clone(), Arc::clone(&got)));
        Self { peer, hub, connection, wire, got, gate, reader, writer }
    }

    /// Sends bytes, when the pipe takes them.
    pub(super) fn write(&self, bytes: Vec<u8>) {
        let _ = self.wire.send(bytes);
    }

    pub(super) fn send(&self, first: u8, payload: &[u8]) {
        self.write(frame(first, payload));
    }

    /// Whether the peer takes what is sent to it.
    pub(super) fn reads(&self, reads: bool) {
        self.gate.shut.store(!reads, Ordering::SeqCst);
        self.gate.reader.wake();
    }

    /// Waits until nothing moves any more without the clock, whose tick this is.
    pub(super) async fn settle(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    /// What has come since the last time, but pings, which were answered.
    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().drain(..).collect()
    }

    pub(super) fn kick(&self) {
        self.peer.close(4001, "kicked");
    }

    pub(super) fn drain(&self) {
        self.hub.drain();
    }

    /// Calls in flight.
    pub(super) fn running(&self) -> usize {
        self.peer.0.running.load(Ordering::SeqCst)
    }

    /// Nothing is left of any call, though the connection lives.
    pub(super) fn is_empty(&self) {
        let shared = &self.peer.0;
        assert!(shared.calls.lock().unwrap().is_empty(), "an entry of a call has leaked");
        assert_eq!(shared.running.load(Ordering::SeqCst), 0, "calls in flight");
        assert_eq!(shared.unread.load(Ordering::SeqCst), 0, "unread bytes");
        assert_eq!(shared.held.load(Ordering::SeqCst), 0, "held bytes");
    }

    /// The peer is gone, or everything has been said: nothing is left, and nobody holds the connection.
    pub(super) async fn end(self, world: &World) {
        self.reader.abort();
        self.writer.abort();
        let _ = (self.reader.await, self.writer.await);
        drop(self.wire);
        // Hooks of cancelled calls are given a grace, and no more.
        self.connection.await.expect("a connection does not panic");
        world.release(1000);
        for _ in 0..3 {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(world.alive(), Vec::<usize>::new(), "procedures outlive their connection");
        assert_eq!(self.hub.open(), 0);
        assert!(self.peer.is_closed());
        let shared = &self.peer.0;
        assert!(shared.calls.lock().unwrap().is_empty(), "an entry of a call has leaked");
        assert_eq!(shared.running.load(Ordering::SeqCst), 0, "calls in flight");
        assert_eq!(shared.unread.load(Ordering::SeqCst), 0, "unread bytes");
        assert_eq!(shared.held.load(Ordering::SeqCst), 0, "held bytes");
        assert_eq!(Arc::strong_count(shared), 1, "somebody still holds the connection");
    }
}

/// Reads what comes up to the end, and answers pings and a close.
async fn read(mut socket: Gated, wire: UnboundedSender<Vec<u8>>, got: Arc<Mutex<VecDeque<Got>>>) {
    let mut ws = WebSocket::new(&Config::client());
    let mut buffer = vec![0; 64 << 10];
    while let Ok(bytes @ 1..) = socket.read(&mut buffer).await {
        let (mut input, mut out) = (Input::new(&mut buffer[..bytes]), Vec::new());
        while let Some(event) = ws.receive(&mut input, &mut out).expect("the server keeps to the rules") {
            let one = match event {
                Event::Message { kind: swill_ws::Kind::Text, data } => {
                    Got::Message(Kind::Text, data.to_vec())
                }
                Event::Message { kind: swill_ws::Kind::Binary, data } => {
                    Got::Message(Kind::Binary, data.to_vec())
                }
                Event::Pong(data) => Got::Pong(data.to_vec()),
                Event::Close { code, .. } => Got::Close(code.unwrap_or(1005)),
                Event::Ping(_) => continue,
            };
            got.lock().unwrap().push_back(one);
        }
        if !out.is_empty() {
            let _ = wire.send(out);
        }
    }
}

/// What a peer reads from that may have stopped reading.
struct Gated {
    socket: ReadHalf<DuplexStream>,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    shut: AtomicBool,
    reader: AtomicWaker,
}

impl AsyncRead for Gated {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.gate.reader.register(task.waker());
        match self.gate.shut.load(Ordering::SeqCst) {
            true => Poll::Pending,
            false => Pin::new(&mut self.socket).poll_read(task, buffer),
        }
    }
}
