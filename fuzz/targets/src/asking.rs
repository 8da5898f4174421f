//! Calls that a client has made before anything comes in, so that there is something to answer.

use swill_proto::{CallId, Frame, Head, Open, Outgoing, Protocol, Shape, Target};

/// Makes so many calls, of the procedures in turn.
pub(crate) fn begin(client: &mut dyn Protocol, calls: usize, names: &[&'static str], out: &mut dyn Outgoing) {
    for (number, name) in (0..calls).zip(names.iter().cycle()) {
        let open = Open {
            call: CallId::ours(number as u64),
            target: Target::Named((*name).into()),
            shape: Shape::SINGLE,
            input: None,
            head: Head::default(),
            reply: true,
        };
        client.send(Frame::Open(open), out).expect("a client can always open");
    }
}
