import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutSecrets } from '../src/schema/secrets.ts';
import { type Json, pathText } from '../src/json/value.ts';
import { announced } from '../src/schema/announced.ts';
import { exampleOf } from '../src/schema/example.ts';
import { refused } from '../src/schema/refused.ts';
import { validate } from '../src/schema/validate.ts';
import { byName, parametersOnWire, sendable } from '../src/schema/wire.ts';
import { constraintWords, typeWords } from '../src/schema/words.ts';
import { type Procedure, type Schema, parametersSchema } from '../src/spec.ts';
import { ADD, BLOB, GREET, INT, NUMBERED, OPTIONAL, def, integer, procedure, schemas } from './types.ts';

test('parameters begin with examples, and are checked with their names', () => {
  assert.deepEqual(exampleOf(schemas, ADD), { a: 1, b: 2 });
  assert.deepEqual(exampleOf(schemas, OPTIONAL), { b: 3 });
  assert.deepEqual(exampleOf(schemas, procedure({ items: { name: 'n', schema: integer } })), 1);
  const wrong = validate(schemas, parametersSchema(ADD), { a: 1, c: 2 });
  assert.deepEqual(
    wrong.map(it => `${pathText(it.path)} ${it.code}`),
    ['b missing', 'c unknown'],
  );
});

test('parameters go by position, by name, or alone', () => {
  const table: [Procedure, Json, 'swill' | 'json-rpc', unknown][] = [
    [ADD, { a: 1, b: 2 }, 'swill', [1, 2]],
    [ADD, { a: 1, b: 2 }, 'json-rpc', { a: 1, b: 2 }],
    [ADD, { b: 2 }, 'swill', { b: 2 }],
    [ADD, { a: 1, b: 2, c: 3 }, 'swill', { a: 1, b: 2, c: 3 }],
    [GREET, { name: 'Ann' }, 'swill', 'Ann'],
    [GREET, { name: 'Ann' }, 'json-rpc', { name: 'Ann' }],
    [GREET, {}, 'swill', undefined],
    [OPTIONAL, { b: 1 }, 'swill', { b: 1 }],
    [OPTIONAL, {}, 'swill', {}],
    [BLOB, { data: 'aGk=' }, 'swill', Uint8Array.of(104, 105)],
    [BLOB, { data: 'aGk=' }, 'json-rpc', { data: 'aGk=' }],
    [procedure({}), {}, 'swill', undefined],
    [procedure({}), {}, 'json-rpc', undefined],
  ];
  for (const [it, value, protocol, expected] of table) {
    assert.deepEqual(
      parametersOnWire(schemas, it, value, protocol),
      expected,
      `${JSON.stringify(value)} ${protocol}`,
    );
  }
  assert.deepEqual(byName(ADD, [1, 2]), { a: 1, b: 2 });
  assert.deepEqual(byName(ADD, [1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(byName(GREET, 'Ann'), { name: 'Ann' });
});

test('bytes are found wherever they are', () => {
  const blob: Schema = { type: 'string', contentEncoding: 'base64' };
  const schema: Schema = {
    type: 'object',
    properties: {
      list: { type: 'array', items: blob },
      maybe: { anyOf: [blob, { type: 'null' }] },
      text: { type: 'string' },
    },
  };
  const bytes = Uint8Array.of(104, 105);
  assert.deepEqual(sendable(schemas, schema, { list: ['aGk='], maybe: 'aGk=', text: 'aGk=' }), {
    list: [bytes],
    maybe: bytes,
    text: 'aGk=',
  });
  assert.deepEqual(sendable(schemas, NUMBERED, { '1': 'a' }), new Map([[1, 'a']]));
  assert.deepEqual(sendable(schemas, NUMBERED, { x: 'a' }), { x: 'a' });
  assert.deepEqual(sendable(schemas, schema, { list: ['?'], maybe: null }), { list: ['?'], maybe: null });
});

test('what servers refuse is read', () => {
  const table: [unknown, string[]][] = [
    [{ b: [{ description: 'is text' }] }, ['b: is text']],
    [{ '*': [{ description: 'x' }] }, [': x']],
    [
      {
        order: [
          { lines: [{ index: 2, errors: [{ qty: [{ description: 'too much' }] }] }] },
          { prices: [{ key: 'tea', errors: [{ description: 'y' }] }] },
        ],
      },
      ['order.lines[2].qty: too much', 'order.prices["tea"]: y'],
    ],
    [{ errors: [{ parameter: 'a', path: 'a.b', code: 'type', message: 'is text' }] }, ['a.b: is text']],
    [{ stock: 3 }, []],
    ['text', []],
    [null, []],
    [{ a: [{ other: 1 }] }, []],
  ];
  for (const [data, expected] of table)
    assert.deepEqual(
      refused(data).map(it => `${it.path}: ${it.message}`),
      expected,
    );
});

test('announced errors are known by code, data and message', () => {
  const errors = [
    {
      name: 'Unknown',
      code: 404,
      message: 'no user {id}',
      data: { type: 'object', properties: { id: INT }, required: ['id'] },
    },
    { name: 'Gone', code: 410, message: 'gone' },
    { name: 'Late', code: 409, message: 'too {how}' },
    { name: 'Early', code: 409, message: 'soon', json_rpc_code: -1 },
    { name: 'Bad', code: 422, message: 'bad' },
  ];
  const it = procedure({ errors });
  const name = (protocol: 'swill' | 'json-rpc', code: number, message: string, data?: unknown) =>
    announced(schemas, it, protocol, { code, message, data })?.name;
  assert.equal(name('swill', 404, 'no user 1', { id: 1 }), 'Unknown');
  assert.equal(name('swill', 404, 'There is no procedure'), undefined);
  assert.equal(name('swill', 410, 'whatever'), 'Gone');
  assert.equal(name('swill', 409, 'too late'), 'Late');
  assert.equal(name('swill', 409, 'else'), undefined);
  assert.equal(name('json-rpc', -1, 'soon'), 'Early');
  assert.equal(name('json-rpc', -32602, 'bad'), 'Bad');
  assert.equal(name('swill', 500, 'x'), undefined);
});

test('types and constraints in words', () => {
  const table: [Schema, string, string[]][] = [
    [{ type: 'integer', format: 'int64' }, 'integer (64 bit)', []],
    [{ type: 'integer', format: 'uint8', minimum: 0, maximum: 255 }, 'integer (8 bit, not negative)', []],
    [
      { type: 'integer', format: 'uint8', minimum: 1, maximum: 10 },
      'integer (8 bit, not negative)',
      ['1 to 10'],
    ],
    [{ type: 'integer', exclusiveMinimum: 1, multipleOf: 5 }, 'integer', ['more than 1', 'multiple of 5']],
    [{ type: 'string', minLength: 1 }, 'text', ['at least 1 character']],
    [{ type: 'string', minLength: 2, maxLength: 2 }, 'text', ['exactly 2 characters']],
    [{ type: 'string', pattern: '^(?:[a-z]+$)' }, 'text', ['matches ^[a-z]+$']],
    [{ type: ['string', 'null'], maxLength: 3 }, 'text or null', ['at most 3 characters']],
    [{ type: 'array', items: def('Point'), maxItems: 3 }, 'list of Point', ['at most 3 elements']],
    [
      { type: 'object', additionalProperties: integer, propertyNames: { minLength: 1 } },
      'map to integer (64 bit)',
      ['keys: at least 1 character'],
    ],
    [
      { type: 'array', prefixItems: [{ type: 'string' }, true], minItems: 2, maxItems: 2 },
      '[text, anything]',
      [],
    ],
    [{ enum: ['a', 'b'] }, '"a" or "b"', []],
    [{ type: 'string', contentEncoding: 'base64' }, 'bytes', ['base64 in JSON']],
    [def('Page<Point>'), 'Page<Point>', []],
    [def('UserId'), 'UserId, integer (64 bit, not negative)', []],
    [{ type: 'array', items: def('UserId') }, 'list of UserId', []],
    [{ format: 'date-time' }, 'date and time', []],
  ];
  for (const [schema, words, constraints] of table) {
    assert.equal(typeWords(schemas, schema), words);
    assert.deepEqual(constraintWords(schemas, schema), constraints, words);
  }
});

test('secrets stay out of links', () => {
  const password: Schema = { type: 'string', format: 'password' };
  const schema: Schema = {
    type: 'object',
    properties: {
      user: { type: 'string' },
      password,
      list: {
        type: 'array',
        items: { type: 'object', properties: { pin: { type: 'string', writeOnly: true } } },
      },
      maybe: { anyOf: [password, { type: 'null' }] },
    },
  };
  const value = { user: 'Ann', password: 'x', list: [{ pin: '1', other: 2 }], maybe: 'y' };
  assert.deepEqual(withoutSecrets(schemas, schema, value), { user: 'Ann', list: [{ other: 2 }] });
});
