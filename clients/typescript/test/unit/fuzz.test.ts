// What comes from strangers, with mistakes in it: nothing breaks, and others read the same out of it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import { Unpackr } from 'msgpackr';
import * as ws from 'ws';
import { BOTH, BatchCall, SINGLE, STREAM_OUT, SingleCall, StreamCall, type Owner } from '../../src/call.js';
import { decodeFrame } from '../../src/decode-frame.js';
import { limitsWith } from '../../src/limits.js';
import type { Machine } from '../../src/machine.js';
import { JsonRpc } from '../../src/jsonrpc.js';
import { Decoder, Malformed, TooDeep } from '../../src/messagepack/decoder.js';
import { FrameReader, textOf } from '../../src/socket/frames.js';
import { Handshake } from '../../src/socket/handshake.js';
import { Refusal } from '../../src/socket/socket.js';
import { Swill1 } from '../../src/swill1.js';
import { CASES, Chance } from './chance.js';
import { FakeWire, pack } from './fakes.js';

/** Tries something so often, each time with other chance, and tells which one it was that failed. */
function tried(times: number, attempt: (chance: Chance) => void): void {
  for (let seed = 0; seed < times; seed++) {
    try {
      attempt(new Chance(seed));
    } catch (error) {
      throw new Error(`with the seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
}

/** The value in some bytes and how many they are, or why there is none. */
function read(bytes: Uint8Array): { value: unknown; at: number } | Malformed | TooDeep {
  const decoder = new Decoder();
  decoder.begin(bytes, 0, bytes.length);
  try {
    return { value: decoder.value(), at: decoder.at };
  } catch (error) {
    if (error instanceof Malformed || error instanceof TooDeep) return error;
    throw error;
  }
}

/** What another implementation reads out of bytes that hold one value; `undefined` if it finds none there. */
function theirs(bytes: Uint8Array): { value: unknown } | undefined {
  const settings = { useRecords: false, mapsAsObjects: false, int64AsType: 'auto' };
  const unpackr = new Unpackr(settings as unknown as ConstructorParameters<typeof Unpackr>[0]);
  try {
    return { value: unpackr.unpack(bytes) };
  } catch {
    return undefined;
  }
}

/** A value in words that both have: they give bytes as a `Buffer`, and maps for objects. */
function neutral(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(neutral);
  const isMap = value instanceof Map;
  if (isMap || (typeof value === 'object' && value !== null && value.constructor === Object)) {
    const entries: [unknown, unknown][] = isMap ? [...value.entries()] : Object.entries(value);
    // Objects put names that are numbers first.
    const written = entries.map(([key, member]) => [neutral(key), neutral(member)]);
    return { map: new Set(written.map((entry) => JSON.stringify(entry, plain))) };
  }
  return value;
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value}`;
  return value instanceof Set ? [...(value as Set<string>)].sort() : value;
}

/** Whether bytes hold what the other implementation reads otherwise: extensions, and text that is none. */
function isCommon(value: unknown): boolean {
  if (typeof value === 'string') return !value.includes('\ufffd');
  if (Array.isArray(value)) return value.every(isCommon);
  if (value instanceof Map) return [...value.entries()].flat().every(isCommon);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return value.constructor === Object && Object.entries(value).flat().every(isCommon);
}

test('any value is the same there and back', () => {
  tried(CASES, (chance) => {
    const value = chance.value();
    assert.deepEqual(read(pack(value)), { value, at: pack(value).length });
  });
});

test('spoilt MessagePack is read as others read it, or refused', () => {
  let [same, refused] = [0, 0];
  tried(CASES, (chance) => {
    const bytes =
      chance.below(4) === 0 ? chance.bytes(chance.below(60)) : chance.spoilt(pack(chance.value()));
    const ours = read(bytes);
    if (ours instanceof Error) {
      refused++;
      return;
    }
    assert.ok(ours.at <= bytes.length);
    // A part of it is a part of it, and no less would do.
    assert.deepEqual(read(bytes.slice(0, ours.at)), ours);
    assert.ok(read(bytes.slice(0, ours.at - 1)) instanceof Malformed, 'it can do without its last byte');
    if (!isCommon(ours.value)) return;
    const others = theirs(bytes.slice(0, ours.at));
    assert.ok(others !== undefined, 'the other implementation finds no value');
    assert.deepEqual(neutral(ours.value), neutral(others.value));
    same++;
  });
  assert.ok(same > CASES / 5 && refused > CASES / 10, `${same} the same, ${refused} refused`);
});

/** A frame of a server. */
function frame(first: number, payload: Uint8Array): Uint8Array {
  const { length } = payload;
  const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 255];
  return Buffer.concat([Uint8Array.from(head), payload]);
}

/** What a server may say: messages in one or several frames, pings, and perhaps a close. */
function frames(chance: Chance): Uint8Array {
  const all: Uint8Array[] = [];
  for (let count = 1 + chance.below(6); count > 0; count--) {
    const payload = chance.bytes(chance.pick([0, 1, 10, 125, 126, 300]));
    switch (chance.below(8)) {
      case 0:
        all.push(frame(0x89, payload.subarray(0, 125)));
        break;
      case 1:
        all.push(frame(0x8a, payload.subarray(0, 20)));
        break;
      case 2: {
        const half = payload.length >> 1;
        all.push(frame(2, payload.subarray(0, half)), frame(0x89, Uint8Array.of(1)));
        all.push(frame(0x80, payload.subarray(half)));
        break;
      }
      case 3:
        all.push(frame(0x81, Buffer.from(chance.text())));
        break;
      default:
        all.push(frame(0x82, payload));
    }
  }
  if (chance.below(4) === 0) {
    all.push(frame(0x88, Buffer.concat([Uint8Array.of(3, 232 + chance.below(20)), Buffer.from('bye')])));
  }
  return Buffer.concat(all);
}

const MOST = { message: 1000, fragments: 10 };

function heard(pieces: readonly Uint8Array[]): string[] {
  const said: string[] = [];
  const shown = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const reader = new FrameReader(MOST, {
    message: (opcode, bytes, start, end) => {
      assert.ok(end - start <= MOST.message);
      const isText = opcode === 1;
      // Text is looked at where it is read.
      if (isText && textOf(bytes, start, end) === undefined) said.push('violation');
      else said.push(`${isText ? 'text' : 'binary'} ${shown(bytes.slice(start, end))}`);
    },
    ping: (payload) => said.push(`ping ${shown(payload)}`),
    pong: () => said.push('pong'),
    closing: ({ code, reason }) => said.push(`close ${code} ${reason}`),
    violation: ({ code }) => said.push(`violation ${code}`),
  });
  for (const piece of pieces) reader.push(piece, 0, piece.length);
  return said;
}

/** What the library `ws` does not declare. */
const { Receiver } = ws as unknown as { Receiver: new (options: object) => Writable };

/** The same, out of the library `ws`. */
function heardByOthers(bytes: Uint8Array): string[] {
  const said: string[] = [];
  const receiver = new Receiver({ isServer: false, maxPayload: MOST.message });
  receiver.on('message', (data: Buffer, isBinary: boolean) => {
    said.push(`${isBinary ? 'binary' : 'text'} ${data.toString('hex')}`);
  });
  receiver.on('ping', (data: Buffer) => said.push(`ping ${data.toString('hex')}`));
  receiver.on('pong', () => said.push('pong'));
  receiver.on('conclude', (code: number, reason: Buffer) => said.push(`close ${code} ${reason.toString()}`));
  receiver.on('error', () => said.push('violation'));
  receiver.write(Buffer.from(bytes));
  return said;
}

test('spoilt frames mean the same however they are cut, and what they mean to others', async () => {
  let broken = 0;
  const pending: (() => void)[] = [];
  tried(CASES, (chance) => {
    const bytes = chance.spoilt(frames(chance));
    const whole = heard([bytes]);
    assert.deepEqual(heard(chance.pieces(bytes)), whole);
    assert.deepEqual(heard([...bytes].map((byte) => Uint8Array.of(byte))), whole);
    const violation = whole.findIndex((line) => line.startsWith('violation'));
    if (violation >= 0) broken++;
    const others = heardByOthers(bytes);
    // Errors of a stream are told a little later.
    pending.push(() => {
      const until = whole.findIndex((line) => /^(violation|close)/.test(line));
      const words = until < 0 ? whole : whole.slice(0, until);
      assert.deepEqual(others.slice(0, words.length), words);
      if (until < 0) assert.deepEqual(others.length, words.length, 'others find a violation');
      if (until >= 0 && whole[until].startsWith('close')) assert.equal(others[until], whole[until]);
    });
  });
  await new Promise((resolve) => setImmediate(resolve));
  pending.forEach((compare, seed) => {
    try {
      compare();
    } catch (error) {
      throw new Error(`with the seed ${seed}: ${String(error)}`, { cause: error });
    }
  });
  assert.ok(broken > CASES / 10, `${broken} are broken`);
});

test('messages are taken apart for people whatever they are', () => {
  tried(CASES, (chance) => {
    const bytes = chance.spoilt(pack([chance.below(5), chance.value(2), chance.below(5), null, null]));
    assert.equal(decodeFrame(bytes).protocol, 'swill');
    const text = JSON.stringify({ jsonrpc: '2.0', id: chance.below(3), result: chance.text() });
    assert.equal(decodeFrame(Buffer.from(chance.spoilt(Buffer.from(text))).toString()).protocol, 'json-rpc');
  });
});

const nobody: Owner = {
  expire: () => {},
  cancel: () => {},
  relax: () => {},
  release: () => {},
  arrived: () => {},
  took: () => {},
};

function single(name: string, ends: number[]): SingleCall {
  const call = new SingleCall(nobody, SINGLE, { name, params: [1, 2] });
  const number = ends.push(0) - 1;
  const over = (): void => void ends[number]++;
  return Object.assign(call, { resolve: over, reject: over });
}

/** Opens calls, and counts how often each of them ends. */
function opened(it: Machine, batches: boolean): number[] {
  const ends: number[] = [];
  for (let number = 0; number < 4; number++) it.open(single('add', ends));
  it.open(new StreamCall(nobody, STREAM_OUT, { name: 'lines', params: 2 }));
  if (batches) it.open(new BatchCall(nobody, [single('a', ends), single('b', ends)]));
  else it.open(new StreamCall(nobody, BOTH, { name: 'multiply' }));
  return ends;
}

/** Ends what is left, and holds that everything ended once. */
function ended(it: Machine, ends: number[], wire: FakeWire): void {
  for (const call of it.abandon()) call.fail(new Error('gone'));
  assert.equal(it.inFlight, 0);
  assert.ok(
    ends.every((count) => count === 1),
    `calls ended ${ends.join(', ')} times`,
  );
  assert.ok(wire.sent.every((message) => message.kind !== 'invalid'));
}

test('a machine of swill/1 takes whatever a server says', () => {
  tried(CASES, (chance) => {
    const wire = new FakeWire();
    const it = new Swill1({ limits: limitsWith(), int64: 'auto' }).machine(wire);
    const ends = opened(it, false);
    for (let count = chance.below(12); count > 0; count--) {
      const data = chance.below(4) === 0 ? { code: 404, message: 'no' } : chance.value(2);
      const message = pack([chance.below(8), data, chance.below(5), chance.pick([null, { l: 1 }, 5]), null]);
      const bytes = chance.below(2) === 0 ? message : chance.spoilt(message);
      it.binary(bytes, 0, bytes.length);
    }
    ended(it, ends, wire);
  });
});

test('a machine of JSON-RPC takes whatever a server says', () => {
  tried(CASES, (chance) => {
    const wire = new FakeWire();
    const serving = {
      find: () => undefined,
      peer: () => {
        throw new Error('nobody is served');
      },
      failed: () => {},
    };
    const it = new JsonRpc({ limits: limitsWith(), int64: 'auto' }, serving).machine(wire);
    const ends = opened(it, true);
    for (let count = chance.below(12); count > 0; count--) {
      const id = chance.pick([chance.below(9), '1', null, 1.5]);
      const message = chance.pick<unknown>([
        { jsonrpc: '2.0', id, result: chance.text() },
        { jsonrpc: '2.0', id, error: { code: chance.below(600), message: chance.text() } },
        { jsonrpc: '2.0', id, method: chance.text(), params: [] },
        { jsonrpc: '2.0', method: 'swill.stream', params: { subscription: id, item: 1 } },
        [{ jsonrpc: '2.0', id, result: 1 }, 5, []],
      ]);
      const text = Buffer.from(JSON.stringify(message));
      it.text(Buffer.from(chance.below(2) === 0 ? text : chance.spoilt(text)).toString());
    }
    ended(it, ends, wire);
  });
});

test('an answer to the handshake means the same however it is cut', () => {
  const outcome = (it: Handshake, pieces: readonly Uint8Array[]): string => {
    try {
      for (const piece of pieces) {
        const agreed = it.push(piece);
        if (agreed !== undefined) return `agreed on ${agreed.subprotocol}`;
      }
      return it.ended().message;
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      return error.message;
    }
  };
  let agreed = 0;
  tried(CASES, (chance) => {
    const options = {
      url: new URL('ws://calc.example/'),
      subprotocols: ['swill.1'],
      token: undefined,
      headers: {},
      limits: limitsWith(),
      signal: new AbortController().signal,
    };
    const seed = chance.below(2 ** 31);
    const [one, other] = [[], []].map((_, at) => {
      const it = new Handshake(options);
      const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(it.request)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      // The same mistakes in both, whatever the key is.
      const again = new Chance(seed);
      const status = again.pick(['101 Switching Protocols', '403 Forbidden', '503 Busy', '200 OK']);
      const text =
        `HTTP/1.1 ${status}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n` +
        `Sec-WebSocket-Protocol: swill.1\r\nContent-Length: 4\r\n\r\nbody`;
      const bytes = Buffer.from(again.spoilt(Buffer.from(text, 'latin1'))).toString('latin1');
      const answer = Buffer.from(bytes.replace('{accept}', accept), 'latin1');
      return outcome(it, at === 0 ? [answer] : chance.pieces(answer)).replaceAll(accept, '{accept}');
    });
    assert.equal(other, one);
    if (one.startsWith('agreed')) agreed++;
  });
  assert.ok(agreed > CASES / 20, `${agreed} agreed`);
});
