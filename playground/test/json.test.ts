import assert from 'node:assert/strict';
import { test } from 'node:test';
import { base64, fromBase64, fromHex, hex, hexLines, sizeText } from '../src/json/bytes.ts';
import { numberOf, parse, parseValue } from '../src/json/parse.ts';
import { placeOf } from '../src/json/place.ts';
import { compact, inline, print } from '../src/json/print.ts';
import { numbered } from '../src/json/template.ts';
import {
  at,
  type Json,
  moved,
  type Path,
  pathText,
  renamed,
  same,
  withAt,
  without,
} from '../src/json/value.ts';

test('what is JSON is read as JSON.parse reads it', () => {
  for (const text of [
    '1',
    '-0.5e3',
    '"a\\u00e9\\n"',
    'true',
    'null',
    '[]',
    '{}',
    ' [1, {"a": [true, null]}, "x"] ',
    '{"a":{"b":[{}]}}',
  ]) {
    assert.deepEqual(parseValue(text), JSON.parse(text), text);
    assert.deepEqual(parse(text).problems, [], text);
  }
});

test('integers stay exact', () => {
  const table: [string, number | bigint][] = [
    ['9007199254740991', 9007199254740991],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['18446744073709551615', 18446744073709551615n],
    ['1.5', 1.5],
    ['1e3', 1000],
  ];
  for (const [text, value] of table) {
    assert.equal(parseValue(text), value);
    if (typeof value === 'bigint') assert.equal(print(value), text);
  }
  for (const text of ['', '01', '1.', '.5', '+1', '0x1', 'NaN', '1e999', '--1'])
    assert.equal(numberOf(text), undefined, text);
});

test('mistakes have places, and reading goes on after them', () => {
  const table: [string, number, unknown][] = [
    ['', 0, undefined],
    ['{"a": 1,}', 8, { a: 1 }],
    ['[1 2]', 3, [1, 2]],
    ['{"a" 1}', 1, {}],
    ['{"a": , "b": 2}', 1, { b: 2 }],
    ['{"a": tru, "b": 2}', 6, { a: null, b: 2 }],
    ['"open', 0, 'open'],
    ['[1', 2, [1]],
    ['1 2', 2, 1],
    ['{"a": 1, "a": 2}', 9, { a: 2 }],
    ["{'a': 1}", 1, {}],
  ];
  for (const [text, place, value] of table) {
    const { root, problems } = parse(text);
    assert.equal(problems[0]?.from, place, text);
    assert.deepEqual(root?.value, value, text);
    assert.equal(parseValue(text), undefined, text);
  }
  assert.notDeepEqual(parse('['.repeat(65) + ']'.repeat(65)).problems, []);
  assert.deepEqual(parse('['.repeat(64) + ']'.repeat(64)).problems, []);
});

test('names of objects are only names', () => {
  const value = parseValue('{"__proto__": {"a": 1}}') as Record<string, unknown>;
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(print(value), '{\n  "__proto__": {\n    "a": 1\n  }\n}');
  assert.equal(({} as Record<string, unknown>)['a'], undefined);
});

test('what is printed is read again', () => {
  const value: Json = {
    a: [1, 2, 3],
    b: { c: 'x'.repeat(80), d: [] },
    e: [{ f: null }, {}],
    g: 18446744073709551615n,
  };
  for (const text of [print(value), inline(value), compact(value)])
    assert.ok(same(parseValue(text), value), text);
  assert.equal(print([1, 2]), '[1, 2]');
  assert.equal(compact({ a: [1, 'x'] }), '{"a":[1,"x"]}');
  assert.equal(
    print({ b: Uint8Array.of(104, 105), t: new Date(0) }),
    '{\n  "b": "aGk=",\n  "t": "1970-01-01T00:00:00.000Z"\n}',
  );
  assert.equal(print(new Map<unknown, unknown>([[1, 'a']])), '{\n  "1": "a"\n}');
  const long = inline(
    Array.from({ length: 100_000 }, (_, index) => index),
    50,
  );
  assert.equal(long.length, 50);
  assert.ok(long.endsWith('…'));
});

test('paths lead to values and are written as servers write them', () => {
  const value: Json = { order: { lines: [{ qty: 1 }, { qty: 2 }] }, prices: { tea: 3 } };
  const table: [Path, string, Json | undefined][] = [
    [[], '', value],
    [['order', 'lines', 1, 'qty'], 'order.lines[1].qty', 2],
    [['prices', { key: 'tea' }], 'prices["tea"]', 3],
    [['order', 'none'], 'order.none', undefined],
    [['order', 'lines', 'length'], 'order.lines.length', undefined],
  ];
  for (const [path, text, found] of table) {
    assert.equal(pathText(path), text);
    assert.deepEqual(at(value, path), found);
  }
});

test('values are changed in copies', () => {
  const value: Json = { a: [1, 2, 3], m: { x: 1, y: 2 } };
  assert.deepEqual(withAt(value, ['a', 1], 9), { a: [1, 9, 3], m: { x: 1, y: 2 } });
  assert.deepEqual(withAt(value, ['n', 'o'], 1), { ...value, n: { o: 1 } });
  assert.deepEqual(withAt(1, [], 2), 2);
  assert.deepEqual(without(value, ['a', 0]), { a: [2, 3], m: { x: 1, y: 2 } });
  assert.deepEqual(without(value, ['m', { key: 'x' }]), { a: [1, 2, 3], m: { y: 2 } });
  assert.deepEqual(Object.keys(at(renamed(value, ['m'], 'x', 'z'), ['m']) as object), ['z', 'y']);
  assert.deepEqual(renamed(value, ['m'], 'x', 'y'), value);
  assert.deepEqual(at(moved(value, ['a'], 0, 2), ['a']), [2, 3, 1]);
  assert.deepEqual(moved(value, ['a'], 0, 3), value);
  assert.deepEqual(value, { a: [1, 2, 3], m: { x: 1, y: 2 } });
  assert.ok(same([1, 2n], [1n, 2]) && !same([1], [2]) && !same({ a: 1 }, { b: 1 }));
});

test('the place of a value in its text', () => {
  const text = '{"a": {"b": [10, 20]}, "c": 1}';
  const table: [Path, string][] = [
    [['a', 'b', 1], '20'],
    [['a', 'b'], '['],
    [['c'], '1'],
    [['a', 'none'], '{'],
    [[], '{'],
  ];
  for (const [path, expected] of table) {
    const { from, to } = placeOf(parse(text), path);
    assert.equal(text.slice(from, to), expected, pathText(path));
  }
});

test('many values are made of one', () => {
  const value: Json = { a: 1, b: ['x{n}', 2n ** 60n, 1.5], c: null };
  assert.deepEqual(numbered({ value, countsUp: true }, 2), { a: 3, b: ['x3', 2n ** 60n + 2n, 1.5], c: null });
  assert.deepEqual(numbered({ value, countsUp: false }, 0), { ...value, b: ['x1', 2n ** 60n, 1.5] });
});

test('bytes as text', () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, index) => index & 255);
  assert.deepEqual(fromBase64(base64(bytes)), bytes);
  assert.deepEqual(fromHex(hex(bytes, ' ')), bytes);
  for (const wrong of ['a', 'aGk', '!!!!', 'aGk=='].filter(it => it !== 'aGk'))
    assert.equal(fromBase64(wrong), undefined, wrong);
  assert.equal(fromHex('abc'), undefined);
  assert.deepEqual(hexLines(Uint8Array.of(0x41, 0x00)), [{ offset: '000000', bytes: '41 00', text: 'A·' }]);
  assert.equal(hexLines(bytes).length, 19);
  assert.deepEqual([17, 1229, 5 << 20].map(sizeText), ['17 B', '1.2 KiB', '5.0 MiB']);
});
