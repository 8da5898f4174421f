import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOTH, SINGLE, STREAM_IN, STREAM_OUT, type Shape } from '../../src/call.js';
import { MetadataCall, StreamCall, type Call, type Owner } from '../../src/call.js';
import type { SwillError } from '../../src/errors.js';
import { limitsWith, type Limits } from '../../src/limits.js';
import type { Machine } from '../../src/machine.js';
import type { Response } from '../../src/metadata.js';
import { Swill1 } from '../../src/swill1.js';
import { FakeWire, pack } from './fakes.js';

const nobody: Owner = {
  expire: () => {},
  cancel: () => {},
  relax: () => {},
  release: () => {},
  arrived: () => {},
  took: () => {},
};

function machine(limits: Partial<Limits> = {}): { wire: FakeWire; machine: Machine } {
  const wire = new FakeWire();
  return { wire, machine: new Swill1({ limits: limitsWith(limits), int64: 'auto' }).machine(wire) };
}

function say(machine: Machine, ...message: unknown[]): void {
  const bytes = pack(message);
  machine.binary(bytes, 0, bytes.length);
}

function single(
  machine: Machine,
  params?: unknown,
  metadata?: Record<string, unknown>,
): Promise<Response<unknown>> {
  const call = new MetadataCall(nobody, SINGLE, { name: 'add', params, metadata });
  const answer = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
  answer.catch(() => {});
  machine.open(call);
  return answer as Promise<Response<unknown>>;
}

function streaming(machine: Machine, shape: Shape, name = 'lines'): StreamCall {
  const call = new StreamCall(nobody, shape, { name, params: shape.streamsIn ? undefined : 2 });
  machine.open(call);
  return call;
}

test('calls count from 1 and say no more than they have to', () => {
  const { wire, machine: it } = machine();
  void single(it, [1, 2]);
  void single(it);
  void single(it, null, { user: 'ann' });
  const base = { protocol: 'swill', kind: 'message', name: 'add' } as const;
  assert.deepEqual(wire.sent, [
    { ...base, call: 1, payload: [1, 2] },
    { ...base, call: 2, payload: null },
    { ...base, call: 3, payload: null, metadata: { user: 'ann' } },
  ]);
});

test('an answer comes with all of its metadata, wherever it travels', async () => {
  for (const [messages, leading, trailing] of [
    [[[1, 3, 0, null, null]], {}, {}],
    [[[1, 3, 0, { l: 1 }, { t: 2 }]], { l: 1 }, { t: 2 }],
    [
      [
        [1, null, 2, { l: 1 }, null],
        [1, 3, 0, null, { t: 2 }],
      ],
      { l: 1 },
      { t: 2 },
    ],
    // An older server leaves out what is nil.
    [[[1, 3, 0]], {}, {}],
  ] as const) {
    const { machine: it } = machine();
    const answer = single(it);
    for (const message of messages) say(it, ...message);
    assert.deepEqual(await answer, { value: 3, leading, trailing });
    assert.equal(it.inFlight, 0);
  }
});

test('errors come with code, message and data', async () => {
  for (const [data, code, message, more] of [
    [{ code: 409, message: 'taken' }, 409, 'taken', undefined],
    [{ code: -1, message: '', data: [1] }, -1, '', [1]],
    [null, 500, /cannot be read/, undefined],
    [{ code: 'x' }, 500, /cannot be read/, undefined],
  ] as const) {
    const { machine: it } = machine();
    const answer = single(it);
    say(it, 1, data, 3, null, null);
    await assert.rejects(answer, { code, message, ...(more && { data: more }), outcomeUnknown: false });
  }
});

test('a stream out has items, an end, and metadata around them', async () => {
  const { machine: it } = machine();
  const call = streaming(it, STREAM_OUT);
  say(it, 1, 'one', 0, { l: 1 }, null);
  say(it, 1, 'two', 0, null, null);
  say(it, 1, null, 1, null, { t: 1 });
  assert.deepEqual(await call.leading(), { l: 1 });
  assert.deepEqual(await call.next(), { value: 'one', done: false });
  assert.deepEqual(await call.next(), { value: 'two', done: false });
  assert.deepEqual(await call.next(), { value: undefined, done: true });
  assert.deepEqual(call.trailing, { t: 1 });
  assert.equal(it.inFlight, 0);
});

test('an error after items ends a stream, once', async () => {
  const { machine: it } = machine();
  const call = streaming(it, STREAM_OUT);
  say(it, 1, 'one', 0, null, null);
  say(it, 1, { code: 409, message: 'broke' }, 3, null, null);
  assert.deepEqual(await call.next(), { value: 'one', done: false });
  await assert.rejects(call.next(), { code: 409 });
  assert.deepEqual(await call.next(), { value: undefined, done: true });
});

test('a stream in is opened, filled and ended', () => {
  const { wire, machine: it } = machine();
  const call = streaming(it, STREAM_IN, 'total');
  it.item(call, pack(1));
  it.end(call);
  it.item(call, pack(2));
  it.end(call);
  const base = { protocol: 'swill', call: 1, name: 'total' } as const;
  assert.deepEqual(wire.sent, [
    { ...base, kind: 'metadata', payload: null },
    { ...base, kind: 'message', payload: 1 },
    { ...base, kind: 'end', payload: null },
  ]);
});

test('a stream in that is answered early is ended, for the server waits for that', () => {
  for (const [shape, last] of [
    [STREAM_IN, [1, 7, 0, null, null]],
    [BOTH, [1, null, 1, null, null]],
    [STREAM_IN, [1, { code: 400, message: 'no' }, 3, null, null]],
  ] as const) {
    const { wire, machine: it } = machine();
    const call = streaming(it, shape, 'first');
    say(it, ...last);
    it.item(call, pack(2));
    assert.deepEqual(
      wire.sent.map(({ kind }) => kind),
      ['metadata', 'end'],
    );
  }
});

test('a cancelled call is forgotten at once, and what still comes for it is nobodys', () => {
  const { wire, machine: it } = machine();
  const call = streaming(it, STREAM_OUT);
  it.cancel(call);
  it.cancel(call);
  say(it, 1, 'late', 0, null, null);
  assert.equal(it.inFlight, 0);
  assert.deepEqual(
    wire.sent.map(({ kind }) => kind),
    ['message', 'cancel'],
  );
  assert.equal(wire.breach, undefined);
});

test('what a server says of no call is ignored', () => {
  const { wire, machine: it } = machine();
  void single(it);
  for (const seq of [0, 2, -1, 2n ** 63n]) say(it, seq, null, 3, null, null);
  assert.equal(wire.breach, undefined);
  assert.equal(it.inFlight, 1);
});

for (const [name, bytes] of [
  ['no MessagePack', 'c1'],
  ['no array', '01'],
  ['nothing', ''],
  ['an array that is cut off', '9501'],
  ['a seq that is no integer', '95a161c000c0c0'],
  ['too few elements', '9201c0'],
  ['a type that does not exist', '9501c004c0c0'],
  ['metadata that is no map', '9501c00001c0'],
  ['metadata with a key that is no text', '9501c000810102c0'],
  ['bytes that are left over', '9501c000c0c001'],
] as const) {
  test(`a message with ${name} breaks the connection`, () => {
    const { wire, machine: it } = machine();
    void single(it);
    const message = Buffer.from(bytes, 'hex');
    assert.doesNotThrow(() => it.binary(message, 0, message.length));
    assert.equal(wire.breach?.code, 1002);
  });
}

test('text breaks the connection', () => {
  const { wire, machine: it } = machine();
  it.text('{}');
  assert.equal(wire.breach?.code, 1003);
});

test('an answer beyond a limit fails its call only, and the server is told', async () => {
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 1]));
  let deep: unknown = 1;
  for (let level = 0; level < 70; level++) deep = [deep];
  for (const message of [
    [1, deep, 0, null, null],
    [1, 3, 0, many, null],
    [1, 3, 0, null, { long: 'x'.repeat(9000) }],
  ]) {
    const { wire, machine: it } = machine();
    const answer = single(it);
    say(it, ...message);
    await assert.rejects(answer, { code: 413 });
    assert.equal(wire.breach, undefined);
    assert.deepEqual(
      wire.sent.map(({ kind }) => kind),
      ['message', 'cancel'],
    );
  }
});

test('what is too large, too deep or cannot be written is not sent, and its number is not used up', () => {
  const { wire, machine: it } = machine({ request: 1000 });
  const open = (name: string, params: unknown): (() => void) => {
    const call: Call = new StreamCall(nobody, SINGLE, { name, params });
    return () => void it.open(call);
  };
  assert.throws(open('echo', 'x'.repeat(1000)), (error: SwillError) => error.code === 413);
  assert.throws(
    open('echo', () => 1),
    (error: SwillError) => error.code === 400,
  );
  assert.throws(open('x'.repeat(256), 1), (error: SwillError) => error.code === 404);
  assert.throws(open('ü'.repeat(128), 1), (error: SwillError) => error.code === 404);
  assert.doesNotThrow(open('x'.repeat(255), 1));
  assert.deepEqual(
    wire.sent.map(({ call }) => call),
    [1],
  );
});

test('a single call that is ended without an answer has failed', async () => {
  const { machine: it } = machine();
  const answer = single(it);
  say(it, 1, null, 1, null, null);
  await assert.rejects(answer, { code: 500 });
});
