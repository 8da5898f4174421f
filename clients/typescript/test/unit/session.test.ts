import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchCall,
  SINGLE,
  STREAM_IN,
  STREAM_OUT,
  SingleCall,
  StreamCall,
  type Opening,
} from '../../src/call.js';
import { JsonRpc } from '../../src/jsonrpc.js';
import { Refusal } from '../../src/socket/socket.js';
import { bench, pack, type Bench } from './fakes.js';

function call(it: Bench, opening: Partial<Opening> = {}, deadline?: number): Promise<unknown> {
  const made = new SingleCall(it.session, SINGLE, { name: 'add', ...opening });
  const answer = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  answer.catch(() => {});
  if (deadline !== undefined) it.session.deadline(made, deadline);
  it.session.submit(made);
  return answer;
}

function stream(it: Bench, name = 'count'): StreamCall {
  const made = new StreamCall(it.session, STREAM_OUT, { name });
  it.session.submit(made);
  return made;
}

/** Lets promises that are settled be heard of. */
async function turn(): Promise<void> {
  for (let hop = 0; hop < 20; hop++) await Promise.resolve();
}

const kinds = (it: Bench): string[] => it.states.map(({ kind }) => kind);

test('before there is a connection calls are refused', async () => {
  await assert.rejects(call(bench()), { code: 503, message: /call `connect\(\)` first/ });
});

test('a first attempt that fails is told, and there is no second one', async () => {
  const it = bench();
  it.refuse = new Refusal(401, 'the server refused the connection with 401: log in', false, 'log in');
  await assert.rejects(it.session.connect(false), { code: 401, message: /log in/, data: 'log in' });
  assert.deepEqual(kinds(it), ['connecting', 'closed']);
  assert.equal(it.clock.waiting, 0);
  await assert.rejects(call(it), { code: 401 });
});

test('an attempt ends when its time is up, or its signal says so', async () => {
  const reason = new Error('enough');
  const it = bench();
  await assert.rejects(it.session.connect(false, AbortSignal.abort(reason)), reason);
});

test('whoever is lazy tries again, with longer delays', async () => {
  const it = bench();
  it.refuse = new Refusal(1006, 'nobody is there', true);
  await it.session.connect(true);
  await turn();
  const delays: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) {
    const { state } = it.session;
    assert.equal(state.kind, 'waiting');
    if (state.kind === 'waiting') delays.push(state.delay);
    it.clock.pass(delays.at(-1) ?? 0);
    await turn();
  }
  assert.deepEqual(delays, [50, 100, 200, 400]);
  it.refuse = undefined;
  it.clock.pass(800);
  await turn();
  assert.equal(it.session.state.kind, 'open');
});

test('a refusal that is meant ends it, and calls that waited hear why', async () => {
  const it = bench();
  it.refuse = new Refusal(403, 'not you', false);
  await it.session.connect(true);
  const answer = call(it);
  await turn();
  assert.equal(it.session.state.kind, 'closed');
  await assert.rejects(answer, { code: 403, message: /not you/, outcomeUnknown: false });
});

test('what was sent has an unknown outcome when the connection breaks, what was not is sent over the next one', async () => {
  const it = bench();
  await it.session.connect(false);
  const [first] = it.sockets;
  const sent = call(it, { params: 1 });
  first.queued = 1 << 20;
  const waiting = call(it, { params: 2 });
  first.end();
  await assert.rejects(sent, { code: 503, outcomeUnknown: true });
  it.clock.pass(50);
  await turn();
  const second = it.sockets[1];
  assert.deepEqual(
    second.sent.map(({ call, payload }) => [call, payload]),
    [[1, 2]],
  );
  second.say(1, 'done', 0, null, null);
  assert.equal(await waiting, 'done');
});

test('what is idempotent is sent again, in its order and before what came later', async () => {
  const it = bench();
  await it.session.connect(false);
  const params = [1];
  const again = [call(it, { params, idempotent: true }), call(it, { params: 2, idempotent: true })];
  // What the caller does with its parameters afterwards is its own business.
  params.push(9);
  it.sockets[0].end();
  const later = call(it, { params: 3 });
  it.clock.pass(50);
  await turn();
  const socket = it.sockets[1];
  assert.deepEqual(
    socket.sent.map(({ payload }) => payload),
    [[1], 2, 3],
  );
  for (const seq of [1, 2, 3]) socket.say(seq, seq, 0, null, null);
  assert.deepEqual(await Promise.all([...again, later]), [1, 2, 3]);
});

test('what is idempotent and cannot be sent again has an unknown outcome', async () => {
  const it = bench();
  await it.session.connect(false);
  const tried = call(it, { idempotent: true });
  it.sockets[0].end(1000);
  await assert.rejects(tried, { code: 503, outcomeUnknown: true });
  const other = bench();
  await other.session.connect(false);
  const waiting = call(other, { idempotent: true });
  other.sockets[0].end();
  const untried = call(other, { idempotent: true });
  await other.session.close();
  await assert.rejects(waiting, { code: 503, outcomeUnknown: true });
  await assert.rejects(untried, { code: 503, outcomeUnknown: false });
});

test('whoever reads a stream that is given up hears of no error', async () => {
  const it = bench();
  await it.session.connect(false);
  const numbers = stream(it);
  const [first, second] = [numbers.next(), numbers.next()];
  numbers.leave();
  assert.deepEqual(await Promise.all([first, second, numbers.next()]), [
    { value: undefined, done: true },
    { value: undefined, done: true },
    { value: undefined, done: true },
  ]);
});

test('a client that is closed while it connects is closed once', async () => {
  const it = bench({ open: () => new Promise(() => {}) });
  const connecting = it.session.connect(false);
  await it.session.close();
  await assert.rejects(connecting, { code: 503 });
  assert.deepEqual(kinds(it), ['connecting', 'closed']);
});

test('a client that is closed waits for nobody who reads', async () => {
  const it = bench({ limits: { streamUnread: 100 } });
  await it.session.connect(false);
  stream(it);
  it.sockets[0].say(1, 'x'.repeat(200), 0, null, null);
  assert.ok(it.sockets[0].paused);
  it.sockets[0].end(1000);
  assert.equal(it.clock.waiting, 0);
});

test('a stream that has brought an item is not sent again', async () => {
  const it = bench();
  await it.session.connect(false);
  const quiet = new StreamCall(it.session, STREAM_OUT, { name: 'quiet', idempotent: true });
  const begun = new StreamCall(it.session, STREAM_OUT, { name: 'begun', idempotent: true });
  it.session.submit(quiet);
  it.session.submit(begun);
  it.sockets[0].say(2, 'item', 0, null, null);
  it.sockets[0].end();
  assert.deepEqual(await begun.next(), { value: 'item', done: false });
  await assert.rejects(begun.next(), { outcomeUnknown: true });
  it.clock.pass(50);
  await turn();
  assert.deepEqual(
    it.sockets[1].sent.map(({ name }) => name),
    ['quiet'],
  );
});

test('a proper end of the server is the end', async () => {
  const it = bench();
  await it.session.connect(false);
  it.sockets[0].end(1000, 'bye');
  assert.deepEqual(it.session.state, { kind: 'closed', code: 1000, reason: 'bye (1000)' });
  assert.equal(it.clock.waiting, 0);
});

test('delays start anew only after a connection that has held', async () => {
  const it = bench();
  await it.session.connect(false);
  const delay = async (): Promise<number> => {
    it.sockets.at(-1)?.end();
    const { state } = it.session;
    const { delay: found } = state as { delay: number };
    it.clock.pass(found);
    await turn();
    return found;
  };
  assert.equal(await delay(), 50);
  assert.equal(await delay(), 100);
  it.clock.pass(5000);
  assert.equal(await delay(), 50);
});

test('a deadline fails the call and tells the server', async () => {
  const it = bench();
  await it.session.connect(false);
  const answer = call(it, {}, 100);
  it.clock.pass(99);
  assert.equal(it.session.inFlight, 1);
  it.clock.pass(1);
  await assert.rejects(answer, { code: 504, outcomeUnknown: false });
  assert.deepEqual(
    it.sockets[0].sent.map(({ kind }) => kind),
    ['message', 'cancel'],
  );
});

test('a deadline also counts while there is no connection', async () => {
  const it = bench({ reconnect: { random: () => 1, base: 1000 } });
  await it.session.connect(false);
  it.sockets[0].end();
  const answer = call(it, {}, 100);
  it.clock.pass(100);
  await assert.rejects(answer, { code: 504 });
  it.clock.pass(900);
  await turn();
  assert.deepEqual(it.sockets[1].sent, []);
});

test('an aborted call fails with the reason of its signal, and the server is told', async () => {
  const it = bench();
  await it.session.connect(false);
  const abort = new AbortController();
  const made = new SingleCall(it.session, SINGLE, { name: 'slow' });
  const answer = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  assert.ok(made.heed(abort.signal));
  it.session.submit(made);
  const reason = new Error('no longer');
  abort.abort(reason);
  await assert.rejects(answer, reason);
  assert.deepEqual(
    it.sockets[0].sent.map(({ kind }) => kind),
    ['message', 'cancel'],
  );
});

test('no more calls are in flight than the limit allows, and the rest come in their order', async () => {
  const it = bench({ limits: { calls: 2 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  for (let at = 0; at < 5; at++) void call(it, { params: at });
  assert.deepEqual(
    socket.sent.map(({ payload }) => payload),
    [0, 1],
  );
  socket.say(2, null, 0, null, null);
  socket.say(1, null, 0, null, null);
  assert.deepEqual(
    socket.sent.map(({ payload }) => payload),
    [0, 1, 2, 3],
  );
});

test('who sends faster than the socket takes has to wait', async () => {
  const it = bench({ limits: { outbox: 100 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const made = new StreamCall(it.session, STREAM_IN, { name: 'total' });
  it.session.submit(made);
  await it.session.item(made, pack(1));
  socket.queued = 100;
  const heard: number[] = [];
  const waiting = [2, 3].map((item) => it.session.item(made, pack(item)).then(() => heard.push(item)));
  const end = it.session.item(made, undefined);
  await turn();
  assert.deepEqual(heard, []);
  socket.drain();
  await Promise.all([...waiting, end]);
  assert.deepEqual(heard, [2, 3]);
  assert.deepEqual(
    socket.sent.map(({ kind, payload }) => [kind, payload]),
    [
      ['metadata', null],
      ['message', 1],
      ['message', 2],
      ['message', 3],
      ['end', null],
    ],
  );
});

test('items that wait hear of the end of their call', async () => {
  const it = bench({ limits: { outbox: 100 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const open = (): StreamCall => {
    const made = new StreamCall(it.session, STREAM_IN, { name: 'total' });
    it.session.submit(made);
    return made;
  };
  const good = open();
  const bad = open();
  socket.queued = 100;
  const dropped = it.session.item(good, pack(1));
  const refused = it.session.item(bad, pack(1));
  refused.catch(() => {});
  socket.say(1, 'early', 0, null, null);
  socket.say(2, { code: 409, message: 'no' }, 3, null, null);
  await dropped;
  await assert.rejects(refused, { code: 409 });
  assert.equal(await good.answer(), 'early');
  await assert.rejects(it.session.item(bad, pack(2)), { code: 409 });
});

test('a full stream stops reading until half of it is taken', async () => {
  const it = bench({ limits: { streamUnread: 400 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const items = stream(it);
  for (let at = 0; at < 13; at++) socket.say(1, at, 0, null, null);
  assert.ok(socket.paused);
  for (let at = 0; at < 6; at++) await items.next();
  assert.ok(socket.paused);
  await items.next();
  assert.ok(!socket.paused);
});

test('a stream that holds up others fails after a while', async () => {
  const it = bench({ limits: { streamUnread: 100 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const items = stream(it);
  for (let at = 0; at < 4; at++) socket.say(1, at, 0, null, null);
  assert.ok(socket.paused);
  it.clock.pass(10_000);
  // Nobody else waits: it may take its time.
  assert.ok(socket.paused);
  const other = call(it);
  it.clock.pass(10_000);
  assert.ok(!socket.paused);
  await assert.rejects(items.next(), { code: 429 });
  assert.deepEqual(
    socket.sent.map(({ kind }) => kind),
    ['message', 'message', 'cancel'],
  );
  socket.say(2, 'now', 0, null, null);
  assert.equal(await other, 'now');
});

test('where reading cannot stop, a stream that is full fails at once', async () => {
  const it = bench({ limits: { streamUnread: 100 }, pausable: false });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const items = stream(it);
  for (let at = 0; at < 5; at++) socket.say(1, at, 0, null, null);
  await assert.rejects(items.next(), { code: 429 });
  assert.equal(socket.sent.filter(({ kind }) => kind === 'cancel').length, 1);
});

test('a stream that nobody wants any more frees what it held', async () => {
  const it = bench({ limits: { streamUnread: 100 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const items = stream(it);
  for (let at = 0; at < 4; at++) socket.say(1, at, 0, null, null);
  assert.ok(socket.paused);
  items.leave();
  assert.ok(!socket.paused);
  assert.deepEqual(await items.next(), { value: undefined, done: true });
});

test('cancellations go out no faster than servers take them', async () => {
  const it = bench({ limits: { calls: 1000 } });
  await it.session.connect(false);
  const [socket] = it.sockets;
  const cancels = (): number => socket.sent.filter(({ kind }) => kind === 'cancel').length;
  for (let at = 0; at < 200; at++) void call(it, {}, 10);
  it.clock.pass(10);
  assert.equal(cancels(), 150);
  assert.equal(it.session.inFlight, 50);
  // The server has ended some by itself: nothing has to be said of them.
  for (let seq = 191; seq <= 200; seq++) socket.say(seq, null, 0, null, null);
  it.clock.pass(1100);
  assert.equal(cancels(), 190);
  assert.equal(it.session.inFlight, 0);
});

test('the calls of a batch share the fate of their connection, and each has its own deadline', async () => {
  const serving = { find: () => undefined, peer: () => assert.fail(), failed: () => {} };
  const it = bench({ protocol: (limits) => new JsonRpc({ limits, int64: 'auto' }, serving) });
  await it.session.connect(false);
  const members = ['late', 'lost', 'told'].map((name) => {
    const member = new SingleCall(it.session, SINGLE, { name });
    member.reply = name !== 'told';
    return member;
  });
  const answers = members.map(
    (member) => new Promise((resolve, reject) => Object.assign(member, { resolve, reject })),
  );
  it.session.deadline(members[0], 10);
  it.session.submit(new BatchCall(it.session, members));
  assert.equal(it.session.inFlight, 2);
  it.clock.pass(10);
  await assert.rejects(answers[0], { code: 504 });
  assert.equal(it.sockets[0].sent.at(-1)?.kind, 'cancel');
  it.sockets[0].end();
  await assert.rejects(answers[1], { code: 503, outcomeUnknown: true });
});

test('closing fails what is in flight and refuses what comes', async () => {
  const it = bench();
  await it.session.connect(false);
  const sent = call(it);
  const closing = it.session.close();
  assert.equal(it.sockets[0].closing, 1000);
  await assert.rejects(sent, { code: 503, outcomeUnknown: true });
  await assert.rejects(call(it), { code: 503, outcomeUnknown: false });
  it.sockets[0].end(1000);
  await closing;
  assert.deepEqual(kinds(it), ['connecting', 'open', 'closed']);
  assert.equal(it.clock.waiting, 0);
});
