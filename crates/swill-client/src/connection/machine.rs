use crate::{Limits, Protocol};
use swill_proto::{
    Close, Directory, Format, Frame, Message, Outgoing, Protocol as Machinery, Received, Side, jsonrpc,
    swill1,
};

/// The machine of the protocol that is spoken. Which one it is does not change, so that the processor foresees it.
#[derive(Debug)]
pub(super) enum Machine {
    Swill(swill1::Client),
    JsonRpc(Box<jsonrpc::Machine>),
}

impl Machine {
    pub(super) fn new(protocol: Protocol, limits: &Limits) -> Self {
        let json_rpc = |codec: Format| {
            // The answers of the server's batches are messages that it takes up to that size; those of the client's
            // come in batches, too.
            let batch = jsonrpc::Limits::default().batch.max(limits.calls);
            let limits = jsonrpc::Limits { batch, held: limits.request };
            Self::JsonRpc(Box::new(jsonrpc::Machine::new(Side::Client, codec, limits, false)))
        };
        match protocol {
            Protocol::Swill => Self::Swill(swill1::Client::new(limits.metadata)),
            Protocol::JsonRpc | Protocol::JsonRpcMsgpack => json_rpc(protocol.format()),
        }
    }

    #[inline]
    pub(super) fn receive<'m>(
        &mut self,
        message: Message<'m>,
        directory: &dyn Directory,
        out: &mut dyn Outgoing,
    ) -> Received<'m> {
        match self {
            Self::Swill(machine) => machine.receive(message, directory, out),
            Self::JsonRpc(machine) => machine.receive(message, directory, out),
        }
    }

    #[inline]
    pub(super) fn send(&mut self, frame: Frame<'_>, out: &mut dyn Outgoing) -> Result<(), Close> {
        match self {
            Self::Swill(machine) => machine.send(frame, out),
            Self::JsonRpc(machine) => machine.send(frame, out),
        }
    }
}
