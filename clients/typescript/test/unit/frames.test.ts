import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { FrameReader, type FrameEvents } from '../../src/socket/frames.js';

/** A reader, and what came out of it. */
function reader(limits = { message: 1000, fragments: 4 }): { it: FrameReader; said: string[] } {
  const said: string[] = [];
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  const events: FrameEvents = {
    message: (opcode, bytes, start, end) =>
      said.push(`${opcode === 1 ? 'text' : 'binary'} ${text(bytes.slice(start, end))}`),
    ping: (payload) => said.push(`ping ${text(payload)}`),
    pong: () => said.push('pong'),
    closing: ({ code, reason }) => said.push(`close ${code} ${reason}`),
    violation: ({ code, reason }) => said.push(`violation ${code} ${reason}`),
  };
  return { it: new FrameReader(limits, events), said };
}

/** A frame of a server. */
function frame(first: number, payload: string | Buffer): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const { length } = bytes;
  const head =
    length < 126
      ? Buffer.from([first, length])
      : length < 0x10000
        ? Buffer.from([first, 126, length >> 8, length & 255])
        : Buffer.from([
            first,
            127,
            0,
            0,
            0,
            0,
            length >> 24,
            (length >> 16) & 255,
            (length >> 8) & 255,
            length & 255,
          ]);
  return Buffer.concat([head, bytes]);
}

const close = (code: number, reason = ''): Buffer =>
  frame(0x88, Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason, 'latin1')]));

for (const [name, frames, said] of [
  [
    'messages',
    [frame(0x82, 'one'), frame(0x81, 'two'), frame(0x82, '')],
    ['binary one', 'text two', 'binary '],
  ],
  ['medium messages', [frame(0x82, 'x'.repeat(126))], [`binary ${'x'.repeat(126)}`]],
  [
    'fragments',
    [frame(0x02, 'a'), frame(0x00, 'b'), frame(0x80, 'c'), frame(0x82, 'd')],
    ['binary abc', 'binary d'],
  ],
  [
    'pings between fragments',
    [frame(0x01, 'a'), frame(0x89, 'p'), frame(0x8a, ''), frame(0x80, 'c')],
    ['ping p', 'pong', 'text ac'],
  ],
  ['a close', [close(4000, 'bye'), frame(0x82, 'late')], ['close 4000 bye']],
  ['a close without a code', [frame(0x88, '')], ['close 1005 ']],
] as const) {
  test(`${name} are read, however they are cut`, () => {
    const bytes = Buffer.concat(frames);
    for (let size = 1; size <= bytes.length; size++) {
      const { it, said: heard } = reader();
      // The buffer is used again, as that of a socket is.
      const buffer = Buffer.alloc(size + 7);
      for (let at = 0; at < bytes.length; at += size) {
        const length = bytes.copy(buffer, 7, at, Math.min(at + size, bytes.length));
        it.push(buffer, 7, 7 + length);
        buffer.fill(0xee);
      }
      assert.deepEqual(heard, said, `in pieces of ${size}`);
    }
  });
}

for (const [name, frames, code] of [
  ['a masked frame', [Buffer.from([0x82, 0x80, 0, 0, 0, 0])], 1002],
  ['a masked frame of a long message', [Buffer.from([0x82, 0xfe, 0, 200, 0, 0])], 1002],
  ['a reserved bit', [frame(0xc2, 'x')], 1002],
  ['an opcode that does not exist', [frame(0x83, 'x')], 1002],
  ['a control opcode that does not exist', [frame(0x8b, 'x')], 1002],
  ['a control frame in parts', [frame(0x09, 'x')], 1002],
  ['a long control frame', [frame(0x89, 'x'.repeat(126))], 1002],
  ['a length that is written too long', [Buffer.from([0x82, 126, 0, 125])], 1002],
  ['a huge length that is written too long', [Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff])], 1002],
  ['a continuation of nothing', [frame(0x80, 'x')], 1002],
  ['a message within a message', [frame(0x02, 'x'), frame(0x82, 'y')], 1002],
  ['a message that is too big', [Buffer.from([0x82, 126, 0x03, 0xe9])], 1009],
  [
    'a message that says it is enormous',
    [Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255])],
    1009,
  ],
  ['fragments that are too big together', [frame(0x02, 'x'.repeat(600)), frame(0x80, 'x'.repeat(600))], 1009],
  ['too many fragments', [frame(0x02, ''), frame(0, ''), frame(0, ''), frame(0, ''), frame(0, '')], 1008],
  ['half a close code', [frame(0x88, 'x')], 1002],
  ['a close code that must not be sent', [close(1006)], 1002],
  ['a close code that nobody has', [close(5000)], 1002],
  ['a reason that is no UTF-8', [close(1000, '\xff')], 1007],
] as const) {
  test(`${name} is a violation, and nothing is read after it`, () => {
    const { it, said } = reader();
    for (const bytes of [...frames, frame(0x82, 'late')]) it.push(bytes, 0, bytes.length);
    assert.equal(said.length, 1, said.join());
    assert.ok(said[0].startsWith(`violation ${code} `), said[0]);
  });
}

test('what is wrong already is not waited for', () => {
  for (const [first, length] of [
    [0x8a, 126],
    [0x89, 127],
    [0x09, 126],
    [0xc2, 126],
    [0x83, 127],
    [0x80, 126],
    [0x88, 1],
  ]) {
    const { it, said } = reader();
    it.push(Uint8Array.of(first, length), 0, 2);
    assert.equal(said.length, 1, `${first}, ${length}: ${said.join()}`);
    assert.ok(said[0].startsWith('violation 1002 '), said[0]);
  }
  const { it, said } = reader();
  it.push(Uint8Array.of(0x82, 127), 0, 2);
  assert.deepEqual(said, []);
});

test('a long message in small pieces takes memory for what has come', () => {
  const { it, said } = reader({ message: 1 << 20, fragments: 4 });
  const bytes = frame(0x82, 'y'.repeat(300_000));
  for (let at = 0; at < bytes.length; at += 1000) it.push(bytes, at, Math.min(at + 1000, bytes.length));
  assert.deepEqual(said, [`binary ${'y'.repeat(300_000)}`]);
});

test('a long message in tiny pieces is not copied for each of them', () => {
  const { it, said } = reader({ message: 1 << 24, fragments: 4 });
  const bytes = frame(0x82, Buffer.alloc(1 << 24, 'z'));
  let moved = 0;
  const counted = mock.method(
    Uint8Array.prototype,
    'copyWithin',
    function (this: Uint8Array, target: number, start: number, end = this.length): Uint8Array {
      moved += end - start;
      this.set(this.slice(start, end), target);
      return this;
    },
  );
  try {
    for (let at = 0; at < bytes.length; at += 4096) it.push(bytes, at, Math.min(at + 4096, bytes.length));
  } finally {
    counted.mock.restore();
  }
  assert.equal(said.length, 1);
  assert.ok(moved <= bytes.length, `${moved} bytes were moved`);
});

test('whatever comes, the reader does not throw', () => {
  let seed = 7;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31);
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: random() % 40 }, () => (random() >> 8) & 0xff);
    const { it } = reader();
    assert.doesNotThrow(() => it.push(bytes, 0, bytes.length));
  }
});
