import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BatchCall,
  Notification,
  SINGLE,
  STREAM_OUT,
  SingleCall,
  StreamCall,
  type Owner,
} from '../../src/call.js';
import { SwillError } from '../../src/errors.js';
import type { Handler, Peer } from '../../src/handlers.js';
import { JsonRpc } from '../../src/jsonrpc.js';
import { limitsWith, type Limits } from '../../src/limits.js';
import type { Machine } from '../../src/machine.js';
import { FakeWire } from './fakes.js';

const nobody: Owner = {
  expire: () => {},
  cancel: () => {},
  relax: () => {},
  release: () => {},
  arrived: () => {},
  took: () => {},
};

interface Made {
  readonly wire: FakeWire;
  readonly it: Machine;
  readonly unexpected: unknown[];
  readonly said: () => unknown[];
  readonly say: (message: unknown) => void;
}

function made(handlers: Record<string, Handler> = {}, limits: Partial<Limits> = {}): Made {
  const wire = new FakeWire();
  const unexpected: unknown[] = [];
  const serving = {
    find: (name: string) => (Object.hasOwn(handlers, name) ? handlers[name] : undefined),
    peer: (signal: AbortSignal) => ({ signal }) as Peer,
    failed: (_name: string, error: unknown) => void unexpected.push(error),
  };
  const it = new JsonRpc({ limits: limitsWith(limits), int64: 'auto' }, serving).machine(wire);
  return {
    wire,
    it,
    unexpected,
    said: () => wire.texts.splice(0).map((text): unknown => JSON.parse(text)),
    say: (message) => it.text(typeof message === 'string' ? message : JSON.stringify(message)),
  };
}

function call(it: Machine, params?: unknown): Promise<unknown> {
  const single = new SingleCall(nobody, SINGLE, { name: 'add', params });
  const answer = new Promise((resolve, reject) => Object.assign(single, { resolve, reject }));
  answer.catch(() => {});
  it.open(single);
  return answer;
}

function stream(it: Machine): StreamCall {
  const opened = new StreamCall(nobody, STREAM_OUT, { name: 'lines', params: 2 });
  it.open(opened);
  return opened;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('parameters are a list or a map, or there are none', () => {
  for (const [params, written] of [
    [
      [1, 2],
      [1, 2],
    ],
    [{ a: 1 }, { a: 1 }],
    ['wall', ['wall']],
    [0, [0]],
    [false, [false]],
    ['[', ['[']],
    [new Uint8Array([255]), ['/w==']],
    [undefined, undefined],
    [null, undefined],
  ]) {
    const { it, said } = made();
    void call(it, params);
    const request = { jsonrpc: '2.0', method: 'add', id: 1 };
    assert.deepEqual(said(), [written === undefined ? request : { ...request, params: written }]);
  }
});

test('answers and errors find their calls', async () => {
  const { it, say } = made();
  const [one, two, three, four] = [call(it), call(it), call(it), call(it)];
  say({ jsonrpc: '2.0', id: 3, result: null });
  say({ jsonrpc: '2.0', id: 1, error: { code: -32602, message: 'Invalid params', data: { errors: [] } } });
  say({ jsonrpc: '2.0', id: 2, result: 5, error: null });
  say({ jsonrpc: '2.0', id: 4, result: null, error: { code: 5, message: 'both' } });
  assert.equal(await three, null);
  await assert.rejects(four, { code: 5, message: 'both' });
  assert.equal(await two, 5);
  await assert.rejects(one, { code: -32602, message: 'Invalid params', data: { errors: [] } });
  assert.equal(it.inFlight, 0);
});

test('what nobody waits for is ignored and never answered', () => {
  const { it, wire, say } = made();
  void call(it);
  wire.texts.length = 0;
  for (const id of [0, 2, '1', null, 1.5, [1]]) {
    say({ jsonrpc: '2.0', id, result: 1 });
    say({ jsonrpc: '2.0', id, error: { code: 1, message: '' } });
  }
  say({ jsonrpc: '2.0', method: '$/stream', params: { subscription: 9, result: 1 } });
  say({ jsonrpc: '2.0', method: '$/stream' });
  assert.deepEqual(wire.texts, []);
  assert.equal(it.inFlight, 1);
});

test('a stream has an id of its own, items, and an end', async () => {
  for (const subscription of [7, '7', 2 ** 60]) {
    const { it, say } = made();
    const items = stream(it);
    say({ jsonrpc: '2.0', id: 1, result: subscription });
    say({ jsonrpc: '2.0', method: '$/stream', params: { subscription, result: 'one' } });
    say({ jsonrpc: '2.0', method: '$/stream', params: { subscription, result: null } });
    say({ jsonrpc: '2.0', method: '$/stream', params: { subscription, end: true } });
    say({ jsonrpc: '2.0', method: '$/stream', params: { subscription, result: 'late' } });
    const found = [await items.next(), await items.next(), await items.next()];
    assert.deepEqual(
      found.map(({ value }) => value),
      ['one', null, undefined],
    );
    assert.equal(it.inFlight, 0);
  }
});

test('a stream fails before it is open and after', async () => {
  const { it, say } = made();
  const [before, after] = [stream(it), stream(it)];
  say({ jsonrpc: '2.0', id: 1, error: { code: 404, message: 'none' } });
  say({ jsonrpc: '2.0', id: 2, result: 1 });
  say({
    jsonrpc: '2.0',
    method: '$/stream',
    params: { subscription: 1, error: { code: 409, message: 'broke' } },
  });
  await assert.rejects(before.next(), { code: 404 });
  await assert.rejects(after.next(), { code: 409 });
});

test('an answer that is no stream fails the stream', async () => {
  const { it, say } = made();
  const items = stream(it);
  say({ jsonrpc: '2.0', id: 1, result: { three: 3 } });
  await assert.rejects(items.next(), { code: 500 });
});

test('calls are cancelled by their ids, streams by theirs', () => {
  const { it, said, say } = made();
  const [waiting, open] = [stream(it), stream(it)];
  say({ jsonrpc: '2.0', id: 2, result: 'abc' });
  said();
  it.cancel(waiting);
  it.cancel(open);
  it.cancel(open);
  assert.deepEqual(said(), [
    { jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } },
    { jsonrpc: '2.0', method: '$/cancelRequest', params: { subscription: 'abc' } },
  ]);
  assert.equal(it.inFlight, 0);
});

test('a batch is one message, without those that are over', async () => {
  const { it, said, say } = made();
  const one = new SingleCall(nobody, SINGLE, { name: 'add', params: [1] });
  const over = new SingleCall(nobody, SINGLE, { name: 'gone' });
  const told = new Notification(nobody, SINGLE, { name: 'log', params: 'x' });
  told.reply = false;
  const answer = new Promise((resolve, reject) => Object.assign(one, { resolve, reject }));
  const gone = new Promise((resolve, reject) => Object.assign(over, { resolve, reject }));
  over.fail(new Error('gone'));
  await assert.rejects(gone);
  it.open(new BatchCall(nobody, [one, over, told]));
  assert.deepEqual(said(), [
    [
      { jsonrpc: '2.0', method: 'add', params: [1], id: 1 },
      { jsonrpc: '2.0', method: 'log', params: ['x'] },
    ],
  ]);
  say([{ jsonrpc: '2.0', id: 1, result: 'ok' }]);
  assert.equal(await answer, 'ok');
});

test('the server is served', async () => {
  const { said, say, unexpected } = made({
    add: (params) => (params as number[])[0] + (params as number[])[1],
    later: () => Promise.resolve('later'),
    nothing: (params) => void assert.equal(params, undefined),
    refuse: () => {
      throw new SwillError(409, 'taken', { data: { by: 'ann' } });
    },
    unfit: () => {
      throw new SwillError(422, 'the first is too small');
    },
    crash: () => {
      throw new Error('secret');
    },
    unwritable: () => () => 1,
  });
  for (const [id, message] of Object.entries({
    a: { method: 'add', params: [1, 2] },
    b: { method: 'later' },
    c: { method: 'nothing' },
    d: { method: 'refuse' },
    e: { method: 'crash' },
    f: { method: 'unknown' },
    g: { method: 'toString' },
    h: { method: 'add', params: 5 },
    i: { method: 'unfit' },
    j: { method: 'unwritable' },
  })) {
    say({ jsonrpc: '2.0', id, ...message });
  }
  say({ jsonrpc: '2.0', method: 'crash' });
  say({ jsonrpc: '2.0', method: 'unknown' });
  await turn();
  const answers = Object.fromEntries(
    (said() as { id: string }[]).map(({ id, ...rest }) => [id, rest] as const),
  ) as Record<string, unknown>;
  const base = { jsonrpc: '2.0' };
  const internal = { ...base, error: { code: -32603, message: 'Internal error' } };
  const missing = { ...base, error: { code: -32601, message: 'Method not found' } };
  assert.deepEqual(answers, {
    a: { ...base, result: 3 },
    b: { ...base, result: 'later' },
    c: { ...base, result: null },
    d: { ...base, error: { code: 409, message: 'taken', data: { by: 'ann' } } },
    e: internal,
    f: missing,
    g: missing,
    h: { ...base, error: { code: -32602, message: 'Invalid params' } },
    i: { ...base, error: { code: -32602, message: 'Invalid params' } },
    j: internal,
  });
  assert.equal(unexpected.length, 3);
});

test('a request is cancelled by its id as it was written', async () => {
  const signals: AbortSignal[] = [];
  const { said, say } = made({
    hang: (_params, { signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    },
  });
  say({ jsonrpc: '2.0', id: 1, method: 'hang' });
  say({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: '1' } });
  say({ jsonrpc: '2.0', method: '$/cancelRequest' });
  await turn();
  assert.deepEqual(said(), []);
  say({ jsonrpc: '2.0', method: '$/cancelRequest', params: { id: 1 } });
  assert.deepEqual(said(), [
    { jsonrpc: '2.0', error: { code: -32800, message: 'Request cancelled' }, id: 1 },
  ]);
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true],
  );
});

test('the end of the connection stops handlers', async () => {
  const signals: AbortSignal[] = [];
  const { it, wire, say } = made({
    slow: async (_params, { signal }) => {
      signals.push(signal);
      await turn();
      return 1;
    },
  });
  say({ jsonrpc: '2.0', id: 1, method: 'slow' });
  say({ jsonrpc: '2.0', method: 'slow' });
  it.abandon();
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, true],
  );
  say({ jsonrpc: '2.0', id: 2, method: 'slow' });
  await turn();
  await turn();
  assert.deepEqual(wire.texts, []);
  assert.equal(signals.length, 2);
});

test('no more handlers run than the limit allows', () => {
  const { said, say } = made({ hang: () => new Promise(() => {}) }, { serving: 2 });
  for (const id of [1, 2, 3]) say({ jsonrpc: '2.0', id, method: 'hang' });
  const [refused, ...others] = said() as { id: number; error: { code: number } }[];
  assert.deepEqual([refused.id, refused.error.code, others], [3, 429, []]);
});

test('batches of the server are answered in one message', async () => {
  const { said, say } = made({ later: () => Promise.resolve(1), now: () => 2 });
  const request = (method: string, id?: number): object => ({
    jsonrpc: '2.0',
    method,
    ...(id !== undefined && { id }),
  });
  say([request('later', 1), request('now', 2), request('now'), 5, []]);
  await turn();
  const [answers, ...more] = said() as { id: unknown }[][];
  assert.deepEqual(more, []);
  assert.deepEqual(answers.map(({ id }) => id).sort(), [1, 2, null, null]);
  say([request('now')]);
  await turn();
  assert.deepEqual(said(), []);
});

for (const [message, code] of [
  ['nonsense', -32700],
  ['1', -32600],
  ['"x"', -32600],
  ['null', -32600],
  ['[]', -32600],
  ['{}', -32600],
  ['{"jsonrpc":"2.0","method":1,"id":1}', -32600],
  ['{"jsonrpc":"1.0","method":"x","id":1}', -32600],
  ['{"jsonrpc":"2.0","method":"x","id":{}}', -32600],
  [`[${'1,'.repeat(1024)}1]`, -32600],
  ['['.repeat(10_000), -32700],
] as const) {
  test(`${message.slice(0, 40)} is answered as the specification says`, () => {
    const { said, say } = made();
    say(message);
    const [answer] = [said()].flat(2) as { error: { code: number } }[];
    assert.equal(answer.error.code, code);
  });
}
