import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Packr, Unpackr } from 'msgpackr';
import { SwillError } from '../../src/errors.js';
import { Decoder, Malformed, TooDeep } from '../../src/messagepack/decoder.js';
import { Extension } from '../../src/messagepack/extension.js';
import { pack } from './fakes.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function unpack(bytes: Uint8Array, int64?: 'auto' | 'number'): unknown {
  const decoder = new Decoder(int64);
  decoder.begin(bytes, 0, bytes.length);
  const value = decoder.value();
  assert.ok(decoder.done, 'bytes are left over');
  return value;
}

// The specification of MessagePack, format by format.
for (const [name, value, written] of [
  ['nil', null, 'c0'],
  ['undefined is nil', undefined, 'c0'],
  ['false', false, 'c2'],
  ['true', true, 'c3'],
  ['positive fixint', 127, '7f'],
  ['negative fixint', -32, 'e0'],
  ['uint 8', 128, 'cc80'],
  ['uint 16', 256, 'cd0100'],
  ['uint 32', 65536, 'ce00010000'],
  ['uint 64', 2 ** 32, 'cf0000000100000000'],
  ['the largest exact number', Number.MAX_SAFE_INTEGER, 'cf001fffffffffffff'],
  ['uint 64 of a bigint', 2n ** 64n - 1n, 'cfffffffffffffffff'],
  ['int 8', -33, 'd0df'],
  ['int 16', -129, 'd1ff7f'],
  ['int 32', -32769, 'd2ffff7fff'],
  ['int 64', -(2 ** 31) - 1, 'd3ffffffff7fffffff'],
  ['int 64 of a bigint', -(2n ** 63n), 'd38000000000000000'],
  ['a small bigint', 5n, '05'],
  ['float', 1.5, 'cb3ff8000000000000'],
  ['minus zero', -0, 'cb8000000000000000'],
  ['a whole number that is not exact', 2 ** 53, 'cb4340000000000000'],
  ['fixstr', 'ab', 'a26162'],
  ['str 8', 'x'.repeat(32), `d920${'78'.repeat(32)}`],
  ['str 16', 'x'.repeat(256), `da0100${'78'.repeat(256)}`],
  ['str 32', 'x'.repeat(65536), `db00010000${'78'.repeat(65536)}`],
  ['bin 8', new Uint8Array([1, 2]), 'c4020102'],
  ['bin 16', new Uint8Array(256), `c50100${'00'.repeat(256)}`],
  ['bin of a DataView', new DataView(new Uint8Array([1, 2, 3]).buffer, 1, 2), 'c4020203'],
  ['bin of an ArrayBuffer', new Uint8Array([7]).buffer, 'c40107'],
  ['fixarray', [1, [2]], '9201 9102'.replace(' ', '')],
  ['array 16', Array<number>(16).fill(0), `dc0010${'00'.repeat(16)}`],
  ['array 32', Array<number>(65536).fill(0), `dd00010000${'00'.repeat(65536)}`],
  ['fixmap', { a: 1 }, '81a16101'],
  ['undefined members are left out', { a: 1, b: undefined }, '81a16101'],
  ['a map with numbers', new Map([[1, 2]]), '810102'],
  ['a set', new Set([1]), '9101'],
  ['an array of floats', new Float32Array([0.5]), '91cb3fe0000000000000'],
  ['a date', new Date(1500), 'b8313937302d30312d30315430303a30303a30312e3530305a'],
  ['a timestamp', new Extension(-1, new Uint8Array([0, 0, 0, 1])), 'd6ff00000001'],
  ['fixext', new Extension(5, new Uint8Array(2)), 'd5050000'],
  ['ext 8', new Extension(-3, new Uint8Array(3)), 'c703fd000000'],
  ['an object that says how it is in JSON', { a: 1, toJSON: () => 'b' }, 'a162'],
  ['what says how it is in JSON', new URL('ws://x/'), 'a777733a2f2f782f'],
] as const) {
  test(`${name} is written by the rules`, () => {
    assert.equal(hex(pack(value)), written);
  });
}

const values: unknown[] = [
  null,
  true,
  ...[0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 53 - 1],
  ...[-1, -32, -33, -128, -129, -32768, -32769, -(2 ** 31), -(2 ** 31) - 1, -(2 ** 53) + 1],
  ...[0.5, -0, Number.NaN, Infinity, -Infinity, 1e300, 5e-324],
  ...['', 'a', 'ü', '日本語', '👩‍🚀', 'x'.repeat(31), 'ü'.repeat(20), 'x'.repeat(70_000), '\ufeffbom'],
  new Uint8Array([0, 255]),
  [],
  [1, [2, [3, 'four', { five: [6] }]]],
  {},
  { a: null, ü: [true], nested: { deep: { deeper: 1.5 } } },
  Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`key ${at}`, at])),
];

for (const [name, written, date] of [
  ['32', 'd6ff00000001', new Date(1000)],
  ['64', 'd7ff7735940000000001', new Date(1500)],
  ['96', 'c70cff3b8b87c0ffffffffffffffff', new Date(-1)],
] as const) {
  test(`a timestamp of ${name} bits is read as a date`, () => {
    assert.deepEqual(unpack(Buffer.from(written, 'hex')), date);
  });
}

test('what is written can be read, and is the same', () => {
  for (const value of values) assert.deepEqual(unpack(pack(value)), value);
});

test('another implementation reads what is written, and writes what can be read', () => {
  const settings = {
    useRecords: false,
    variableMapSize: true,
    int64AsType: 'auto',
    encodeUndefinedAsNil: true,
  };
  const packr = new Packr(settings as unknown as ConstructorParameters<typeof Packr>[0]);
  const unpackr = new Unpackr(settings as unknown as ConstructorParameters<typeof Unpackr>[0]);
  for (const value of values) {
    const theirs: unknown = unpackr.unpack(pack(value));
    assert.deepEqual(plain(theirs), value);
    // It makes minus zero an integer.
    if (!Object.is(value, -0)) assert.deepEqual(unpack(packr.pack(value)), value);
  }
});

/** They give bytes as a `Buffer`. */
function plain(value: unknown): unknown {
  return Buffer.isBuffer(value) ? new Uint8Array(value) : value;
}

test('wide integers are exact, or numbers if one likes', () => {
  const bytes = pack(2n ** 63n);
  assert.equal(unpack(bytes), 2n ** 63n);
  assert.equal(unpack(bytes, 'number'), 2 ** 63);
  assert.equal(unpack(pack(-(2n ** 60n))), -(2n ** 60n));
});

test('bytes that come out do not share memory with what was read', () => {
  const message = Buffer.from('c4020102', 'hex');
  const bytes = unpack(message) as Uint8Array;
  message.fill(9);
  assert.deepEqual([...bytes], [1, 2]);
  assert.equal(bytes.buffer.byteLength, 2);
});

test('a map with a key that is no text is a Map, with all its entries', () => {
  const bytes = Buffer.from('83a1610102c3c0a162', 'hex');
  assert.deepEqual(
    unpack(bytes),
    new Map<unknown, unknown>([
      ['a', 1],
      [2, true],
      [null, 'b'],
    ]),
  );
});

test('a key cannot reach the prototype', () => {
  const value = unpack(pack(new Map([['__proto__', { evil: true }]]))) as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(({} as Record<string, unknown>)['evil'], undefined);
});

for (const [name, value] of [
  ['a function', () => 1],
  ['a symbol', Symbol('s')],
  ['an integer of more than 64 bits', 2n ** 64n],
  ['a date that is none', new Date(Number.NaN)],
] as const) {
  test(`${name} cannot be sent`, () => {
    assert.throws(
      () => pack(value),
      (error: SwillError) => error.code === 400,
    );
  });
}

test('what refers to itself cannot be sent', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  assert.throws(() => pack(circle), SwillError);
});

test('64 levels can be read, and not one more', () => {
  const nested = (levels: number): Uint8Array => new Uint8Array(levels + 1).fill(0x91, 0, levels);
  assert.doesNotThrow(() => unpack(nested(64)));
  assert.throws(() => unpack(nested(65)), TooDeep);
  assert.throws(() => unpack(new Uint8Array(1_000_000).fill(0x91)), TooDeep);
});

test('no announced length is believed', () => {
  for (const message of [
    'dd7fffffff',
    'df7fffffff',
    'db7fffffff00',
    'c67fffffff',
    'c97fffffff01',
    'dc00ff01',
  ]) {
    assert.throws(() => unpack(Buffer.from(message, 'hex')), Malformed);
  }
});

test('whatever comes, it is a value or an error', () => {
  let seed = 42;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: 1 + (random() % 24) }, () => (random() >> 8) & 0xff);
    try {
      new Decoder().begin(bytes, 0, bytes.length);
      unpack(bytes);
    } catch (error) {
      const expected =
        error instanceof Malformed || error instanceof TooDeep || error instanceof assert.AssertionError;
      assert.ok(expected, `${hex(bytes)}: ${String(error)}`);
    }
  }
});
