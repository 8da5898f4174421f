//! The WebSocket layer alone: a protocol that echoes every message (services.md, chapter 6).

use swill::{
    App, Limits, Protocol, Settings, Subprotocol,
    proto::{self, Capabilities, Close, Directory, Format, Frame, Held, Message, Outgoing, Received},
};

pub(crate) fn app() -> App {
    let limits =
        Limits::default().message(64 << 20).fragments(1 << 20, 1 << 20).pings(u32::MAX, 0).outbox(1 << 20);
    App::new().protocols([Protocol::custom(Raw)]).limits(limits).compression()
}

#[derive(Debug)]
struct Raw;

static CAPABILITIES: Capabilities = Capabilities::basic("raw echo", Format::MessagePack);

impl Subprotocol for Raw {
    fn tokens(&self) -> &'static [&'static str] {
        &[]
    }

    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn start(&self, _: &Settings<'_>) -> Box<dyn proto::Protocol> {
        Box::new(Raw)
    }
}

impl proto::Protocol for Raw {
    fn capabilities(&self) -> &'static Capabilities {
        &CAPABILITIES
    }

    fn receive<'m>(
        &mut self,
        message: Message<'m>,
        _: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        out.begin(message.kind, message.data.len()).extend_from_slice(message.data);
        out.finish();
        Received::Nothing
    }

    fn send(&mut self, _: Frame<'_>, _: &mut dyn Outgoing) -> Result<(), Close> {
        Ok(())
    }

    fn held(&self) -> Held {
        Held::default()
    }
}
