import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDepth, parse, stringify } from '../../src/json.js';
import type { SwillError } from '../../src/errors.js';

for (const [name, value, text] of [
  [
    'integers beyond what a number can hold',
    [2n ** 64n - 1n, -(2n ** 63n)],
    '[18446744073709551615,-9223372036854775808]',
  ],
  ['small bigints', { a: 1n }, '{"a":1}'],
  ['bytes as base64', [new Uint8Array([0, 1, 254]), Buffer.from([255])], '["AAH+","/w=="]'],
  ['a view as base64', [new DataView(new Uint8Array([1, 255]).buffer, 1)], '["/w=="]'],
  ['maps and sets', [new Map([[1, 'a']]), new Set(['b'])], '[{"1":"a"},["b"]]'],
  ['dates', new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ['members that are undefined', { a: undefined, b: 1 }, '{"b":1}'],
  ['numbers in texts', ['12345678901234567890', 1n], '["12345678901234567890",1]'],
] as const) {
  test(`${name} are written`, () => {
    assert.equal(stringify(value), text);
  });
}

for (const [text, value] of [
  ['[18446744073709551615,-9223372036854775808]', [2n ** 64n - 1n, -(2n ** 63n)]],
  ['[9007199254740991,9007199254740993]', [9007199254740991, 9007199254740993n]],
  [
    '{"a":12345678901234567890,"12345678901234567890":"12345678901234567890"}',
    { a: 12345678901234567890n, '12345678901234567890': '12345678901234567890' },
  ],
  [
    '[0.12345678901234567890,1e22,12345678901234567890.5]',
    [0.12345678901234568, 1e22, 1.2345678901234567e19],
  ],
  [
    '["\\"12345678901234567890,\\\\",1234567890123456789]',
    ['"12345678901234567890,\\', 1234567890123456789n],
  ],
] as const) {
  test(`${text} is read exactly`, () => {
    assert.deepEqual(parse(text, 'auto'), value);
  });
}

test('wide integers are numbers if one likes', () => {
  assert.deepEqual(parse('[18446744073709551615]', 'number'), [2 ** 64]);
});

test('what is nested too deep is refused both ways, brackets in texts do not count', () => {
  const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);
  assert.doesNotThrow(() => checkDepth(nested(64)));
  assert.throws(
    () => checkDepth(nested(65)),
    (error: SwillError) => error.code === 400,
  );
  assert.doesNotThrow(() => checkDepth(JSON.stringify(['[{'.repeat(500), '\\"[[[', '\\'])));
  assert.throws(() => parse(nested(100_000), 'auto'), SyntaxError);
});

test('what JSON has no room for is refused', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  for (const value of [circle, () => 1, Symbol('s')]) {
    assert.throws(
      () => stringify(value),
      (error: SwillError) => error.code === 400,
    );
  }
});
