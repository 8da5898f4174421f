use super::*;

impl Outbox {
    /// How many calls are in flight, how much waits for room, and how much waits to be taken.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let inner = self.lock();
        (inner.open, inner.lines.iter().map(VecDeque::len).sum(), inner.said.entries.len())
    }
}

fn opening() -> Entry {
    let call = Arc::new(Call::new(CallId::ours(1)));
    let shape = Shape::SINGLE;
    Entry::Open(Opening {
        call,
        shape,
        name: 3,
        payload: None,
        metadata: None,
        deadline: None,
        until_sent: false,
        idempotent: false,
        tried: false,
        reply: true,
    })
}

fn item(outbox: &Outbox) -> Option<Place<'_>> {
    outbox.say(Entry::Item { call: CallId::ours(0), length: 100 }, &[&[0; 100]]).unwrap()
}

/// What goes out: `o` for a call, `i` for an item.
fn taken(outbox: &Outbox) -> String {
    let (mut said, mut kinds) = (Said::default(), String::new());
    outbox.take(&mut said);
    said.drain(|entry, _| kinds.push(if entry.opens() > 0 { 'o' } else { 'i' }));
    kinds
}

#[test]
fn items_that_keep_coming_leave_room_for_calls() {
    let outbox = Outbox::new(2 * (100 + COST), 1);
    // As many as there is room for, and as many again.
    let _items: Vec<_> = (0..4).map(|_| item(&outbox)).collect();
    let call = outbox.say(opening(), &[b"add"]).unwrap();
    let _more: Vec<_> = (0..4).map(|_| item(&outbox)).collect();
    assert_eq!((taken(&outbox), taken(&outbox), taken(&outbox)), ("ii".into(), "ii".into(), "oii".into()));
    // Items pass calls that wait for others to end.
    let _another = outbox.say(opening(), &[b"add"]).unwrap();
    let _last = item(&outbox);
    assert_eq!((taken(&outbox), taken(&outbox)), ("ii".into(), "i".into()));
    outbox.ended(1);
    assert_eq!(taken(&outbox), "o");
    drop(call);
}
