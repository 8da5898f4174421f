import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Json, pathText } from '../src/json/value.ts';
import { announced } from '../src/schema/announced.ts';
import { example, exampleOf, switched } from '../src/schema/example.ts';
import { kindOf } from '../src/schema/kind.ts';
import { matching } from '../src/schema/pattern.ts';
import { refused } from '../src/schema/refused.ts';
import { Schemas } from '../src/schema/schemas.ts';
import { closest, validate } from '../src/schema/validate.ts';
import { byName, parametersOnWire, sendable } from '../src/schema/wire.ts';
import { constraintWords, typeWords } from '../src/schema/words.ts';
import { type Procedure, parametersSchema, type Schema } from '../src/spec.ts';

/** Types as schemars describes them: every kind of enum, recursion, maps, tuples, and limits. */
const DEFS: Record<string, Schema> = {
  Point: { type: 'object', properties: { x: { type: 'integer', format: 'int64' }, y: { type: 'integer', format: 'int64' } }, required: ['x', 'y'] },
  Unit: { type: 'string', enum: ['Metre', 'Foot'] },
  Documented: { oneOf: [{ type: 'string', const: 'a', description: 'First.' }, { type: 'string', enum: ['b', 'c'] }] },
  External: { oneOf: [
    { type: 'string', const: 'Nothing' },
    { type: 'object', properties: { Circle: { type: 'number', format: 'double' } }, required: ['Circle'], additionalProperties: false },
    { type: 'object', properties: { At: { $ref: '#/$defs/Point' } }, required: ['At'], additionalProperties: false },
  ] },
  Internal: { oneOf: [
    { type: 'object', properties: { kind: { type: 'string', const: 'cash' } }, required: ['kind'] },
    { type: 'object', $ref: '#/$defs/Point', properties: { kind: { type: 'string', const: 'point' } }, required: ['kind'] },
  ] },
  Adjacent: { oneOf: [
    { type: 'object', properties: { t: { type: 'string', const: 'n' }, c: { type: 'integer', format: 'int32' } }, required: ['t', 'c'] },
    { type: 'object', properties: { t: { type: 'string', const: 's' }, c: { type: 'string' } }, required: ['t', 'c'] },
  ] },
  Untagged: { anyOf: [{ type: 'integer', format: 'int64' }, { type: 'string' }, { $ref: '#/$defs/Point' }] },
  Tree: { type: 'object', properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' } } }, required: ['value', 'children'] },
  Expression: { oneOf: [
    { type: 'object', properties: { Add: { type: 'array', prefixItems: [{ $ref: '#/$defs/Expression' }, { $ref: '#/$defs/Expression' }], minItems: 2, maxItems: 2 } }, required: ['Add'] },
    { type: 'object', properties: { Number: { type: 'integer' } }, required: ['Number'] },
  ] },
  Endless: { type: 'object', properties: { next: { $ref: '#/$defs/Endless' } }, required: ['next'] },
  'Page<Point>': { type: 'object', properties: { items: { type: 'array', items: { $ref: '#/$defs/Point' } } }, required: ['items'] },
  Flat: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'], oneOf: [
    { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
    { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] },
  ] },
};
/** A map whose keys are integers. */
const NUMBERED: Schema = { type: 'object', patternProperties: { '^\\d+$': { type: 'string' } }, additionalProperties: false };
const schemas = new Schemas(DEFS);
const def = (name: string): Schema => ({ $ref: `#/$defs/${encodeURIComponent(name)}` });

test('every kind of schema is told', () => {
  const table: [Schema, string][] = [
    [true, 'any'], [{}, 'any'], [false, 'never'], [{ type: 'null' }, 'null'], [{ type: 'boolean' }, 'boolean'],
    [{ type: 'integer', format: 'uint8' }, 'integer'], [{ type: 'number' }, 'number'], [{ minimum: 1 }, 'number'], [{ type: 'string' }, 'text'],
    [{ format: 'date-time' }, 'text'], [{ type: 'string', contentEncoding: 'base64' }, 'bytes'], [def('Unit'), 'choice'], [{ const: 1 }, 'choice'],
    [def('Documented'), 'choice'], [{ type: ['integer', 'null'] }, 'nullable'], [{ anyOf: [def('Point'), { type: 'null' }] }, 'nullable'],
    [{ enum: ['a', null] }, 'nullable'], [{ type: ['integer', 'string'] }, 'variants'], [def('External'), 'variants'], [def('Internal'), 'variants'],
    [def('Adjacent'), 'variants'], [def('Untagged'), 'variants'], [def('Flat'), 'variants'], [{ type: 'array', items: true }, 'list'],
    [{ type: 'array', prefixItems: [true, true], minItems: 2, maxItems: 2 }, 'tuple'], [{ type: 'object', additionalProperties: { type: 'integer' } }, 'map'],
    [{ type: 'object' }, 'map'], [NUMBERED, 'map'], [def('Point'), 'struct'], [def('Page<Point>'), 'struct'], [{ type: 'object', additionalProperties: false }, 'struct'],
  ];
  for (const [schema, kind] of table) assert.equal(kindOf(schemas, schema).kind, kind, JSON.stringify(schema));
});

test('variants are called by what tells them', () => {
  const labels = (schema: Schema) => {
    const kind = kindOf(schemas, schema);
    return kind.kind === 'variants' ? kind.variants.map(it => it.label) : [];
  };
  assert.deepEqual(labels(def('External')), ['Nothing', 'Circle', 'At']);
  assert.deepEqual(labels(def('Internal')), ['cash', 'point']);
  assert.deepEqual(labels(def('Adjacent')), ['n', 's']);
  assert.deepEqual(labels(def('Untagged')), ['integer', 'text', 'Point']);
  assert.deepEqual(labels(def('Flat')), ['a', 'b']);
  assert.deepEqual(labels({ oneOf: [{ type: 'boolean' }, { type: 'boolean' }] }), ['boolean', 'boolean (2)']);
});

test('examples fit their schemas', () => {
  const limited: Schema[] = [
    { type: 'integer', minimum: 10, maximum: 12 }, { type: 'integer', exclusiveMinimum: 10 }, { type: 'integer', exclusiveMaximum: -5 },
    { type: 'integer', multipleOf: 5 }, { type: 'integer', format: 'uint8', minimum: 0, maximum: 255 }, { type: 'integer', minimum: 7, multipleOf: 5 },
    { type: 'integer', format: 'int64', minimum: 9223372036854775806n }, { type: 'number', minimum: 0, maximum: 1 }, { type: 'number', exclusiveMaximum: 0 },
    { type: 'string', minLength: 9 }, { type: 'string', maxLength: 2 }, { type: 'string', pattern: '^[A-Z]{3}$' }, { type: 'string', pattern: '^(?:a|b)+\\d{2,}x?$' },
    { type: 'string', pattern: '^(?:[^@ ]+@[^@ ]+$)' }, { type: 'string', format: 'date-time' }, { type: 'string', format: 'uuid' },
    { type: 'string', contentEncoding: 'base64' }, { type: 'array', items: { type: 'integer' }, minItems: 3 }, { type: 'array', maxItems: 0 },
    { type: 'array', items: { type: 'integer' }, minItems: 3, uniqueItems: true }, { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 },
    { type: 'object', propertyNames: { type: 'string', maxLength: 2 }, additionalProperties: { type: 'boolean' } }, { type: 'integer', default: 5 },
    { type: 'integer', minimum: 10, default: 5 }, { type: 'string', examples: ['hi'] }, NUMBERED,
  ];
  for (const schema of [...Object.keys(DEFS).filter(it => it !== 'Endless').map(def), ...limited]) {
    const made = example(schemas, schema);
    assert.deepEqual(validate(schemas, schema, made), [], `${JSON.stringify(schema, (_, it) => (typeof it === 'bigint' ? `${it}` : it))}: ${String(made)}`);
  }
  // There is no value that ends.
  assert.equal(example(schemas, def('Endless')), null);
  assert.equal(matching('(?<=a)b'), undefined);
});

test('values are checked by the rules of servers', () => {
  const table: [Schema, Json | undefined, string[]][] = [
    [{ type: 'integer' }, 1.5, [' type']],
    [{ type: 'integer' }, '1', [' type']],
    [{ type: 'integer' }, null, [' not_null']],
    [{ type: 'integer' }, undefined, [' missing']],
    [{ type: 'integer', format: 'int64' }, 2n ** 63n, [' le']],
    [{ type: 'integer', format: 'int64' }, -(2n ** 63n), []],
    [{ type: 'integer', format: 'uint8' }, -1, [' ge']],
    [{ type: 'integer', format: 'uint64' }, 2n ** 64n - 1n, []],
    [{ type: 'number' }, 1, []],
    [{ type: 'integer', exclusiveMinimum: 10 }, 10, [' gt']],
    [{ type: 'integer', exclusiveMaximum: 10 }, 10, [' lt']],
    [{ type: 'integer', multipleOf: 5 }, 7, [' multiple_of']],
    [{ type: 'number', multipleOf: 0.1 }, 0.3, []],
    [{ type: 'string', minLength: 2 }, '😀', [' min_length']],
    [{ type: 'string', maxLength: 1 }, '😀', []],
    [{ type: 'string', pattern: '^[A-Z]{3}$' }, 'AB', [' pattern']],
    [{ type: 'string', pattern: '(?i)only servers know' }, 'x', []],
    [{ type: 'string', format: 'date-time' }, 'yesterday', [' type']],
    [{ type: 'string', contentEncoding: 'base64' }, '?', [' type']],
    [def('Unit'), 'Mile', [' type']],
    [def('Point'), { x: 1, y: 'a', z: 3 }, ['y type']],
    [def('Point'), { x: 1 }, ['y missing']],
    [def('External'), { Circle: 'x' }, ['Circle type']],
    [def('External'), 'Other', [' type']],
    [def('Internal'), { kind: 'point', x: 1, y: null }, ['y not_null']],
    [def('Untagged'), true, [' type']],
    [def('Flat'), { name: 'n', b: 'x' }, []],
    [def('Tree'), { value: 1, children: [{ value: 2, children: [{ value: '', children: [] }] }] }, ['children[0].children[0].value type']],
    [{ type: 'array', items: { type: 'integer' }, minItems: 1 }, [], [' min_length']],
    [{ type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 }, [1], [' type']],
    [{ type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 }, [1, 2], ['[1] type']],
    [{ type: 'object', additionalProperties: { maximum: 9 }, propertyNames: { maxLength: 1 } }, { ab: 10 }, ['["ab"] max_length', '["ab"] le']],
    [{ type: ['integer', 'null'] }, null, []],
    [NUMBERED, { '1': 'a', x: 'b', '2': 3 }, ['["2"] type', '["x"] unknown']],
    [{ anyOf: [def('Point'), { type: 'null' }] }, { x: 1 }, ['y missing']],
  ];
  for (const [schema, value, expected] of table) {
    const found = validate(schemas, schema, value).map(it => `${pathText(it.path)} ${it.code}`);
    assert.deepEqual(found, expected, JSON.stringify(schema));
  }
  assert.equal(validate(schemas, { items: { type: 'integer' } }, Array.from({ length: 500 }, () => 'x')).length, 100);
});

test('the variant that is meant is found', () => {
  const kind = kindOf(schemas, def('Internal'));
  assert.ok(kind.kind === 'variants');
  const branches = kind.variants.map(it => it.schema);
  assert.equal(closest(schemas, branches, { kind: 'point' }), 1);
  assert.equal(closest(schemas, branches, { kind: 'cash' }), 0);
  assert.deepEqual(switched(schemas, branches[1] ?? true, { kind: 'cash', x: 7 }), { x: 7, y: 1, kind: 'point' });
});

const procedure = (more: Partial<Procedure>): Procedure =>
  ({ name: 'p', streams_in: false, streams_out: false, parameters: [], result: true, ...more });
const INT: Schema = { type: 'integer' };
const integer: Schema = { type: 'integer', format: 'int64' };
const ADD = procedure({ parameters: [{ name: 'a', required: true, schema: integer }, { name: 'b', required: true, schema: integer }] });
const GREET = procedure({ parameters: [{ name: 'name', required: true, schema: { type: 'string' } }] });
const BLOB = procedure({ parameters: [{ name: 'data', required: true, schema: { type: 'string', contentEncoding: 'base64' } }] });
const OPTIONAL = procedure({ parameters: [{ name: 'a', required: false, schema: { type: ['integer', 'null'] } }, { name: 'b', required: false, default: 3, schema: integer }] });

test('parameters begin with examples, and are checked with their names', () => {
  assert.deepEqual(exampleOf(schemas, ADD), { a: 1, b: 2 });
  assert.deepEqual(exampleOf(schemas, OPTIONAL), { b: 3 });
  assert.deepEqual(exampleOf(schemas, procedure({ items: { name: 'n', schema: integer } })), 1);
  const wrong = validate(schemas, parametersSchema(ADD), { a: 1, c: 2 });
  assert.deepEqual(wrong.map(it => `${pathText(it.path)} ${it.code}`), ['b missing', 'c unknown']);
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
    assert.deepEqual(parametersOnWire(schemas, it, value, protocol), expected, `${JSON.stringify(value)} ${protocol}`);
  }
  assert.deepEqual(byName(ADD, [1, 2]), { a: 1, b: 2 });
  assert.deepEqual(byName(ADD, [1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(byName(GREET, 'Ann'), { name: 'Ann' });
});

test('bytes are found wherever they are', () => {
  const blob: Schema = { type: 'string', contentEncoding: 'base64' };
  const schema: Schema = { type: 'object', properties: { list: { type: 'array', items: blob }, maybe: { anyOf: [blob, { type: 'null' }] }, text: { type: 'string' } } };
  const bytes = Uint8Array.of(104, 105);
  assert.deepEqual(sendable(schemas, schema, { list: ['aGk='], maybe: 'aGk=', text: 'aGk=' }), { list: [bytes], maybe: bytes, text: 'aGk=' });
  assert.deepEqual(sendable(schemas, NUMBERED, { '1': 'a' }), new Map([[1, 'a']]));
  assert.deepEqual(sendable(schemas, NUMBERED, { x: 'a' }), { x: 'a' });
  assert.deepEqual(sendable(schemas, schema, { list: ['?'], maybe: null }), { list: ['?'], maybe: null });
});

test('what servers refuse is read', () => {
  const table: [unknown, string[]][] = [
    [{ b: [{ description: 'is text' }] }, ['b: is text']],
    [{ '*': [{ description: 'x' }] }, [': x']],
    [{ order: [{ lines: [{ index: 2, errors: [{ qty: [{ description: 'too much' }] }] }] }, { prices: [{ key: 'tea', errors: [{ description: 'y' }] }] }] },
      ['order.lines[2].qty: too much', 'order.prices["tea"]: y']],
    [{ errors: [{ parameter: 'a', path: 'a.b', code: 'type', message: 'is text' }] }, ['a.b: is text']],
    [{ stock: 3 }, []], ['text', []], [null, []], [{ a: [{ other: 1 }] }, []],
  ];
  for (const [data, expected] of table) assert.deepEqual(refused(data).map(it => `${it.path}: ${it.message}`), expected);
});

test('announced errors are known by code, data and message', () => {
  const errors = [
    { name: 'Unknown', code: 404, message: 'no user {id}', data: { type: 'object', properties: { id: INT }, required: ['id'] } },
    { name: 'Gone', code: 410, message: 'gone' }, { name: 'Late', code: 409, message: 'too {how}' }, { name: 'Early', code: 409, message: 'soon', json_rpc_code: -1 },
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
    [{ type: 'integer', format: 'uint8', minimum: 1, maximum: 10 }, 'integer (8 bit, not negative)', ['1 to 10']],
    [{ type: 'integer', exclusiveMinimum: 1, multipleOf: 5 }, 'integer', ['more than 1', 'multiple of 5']],
    [{ type: 'string', minLength: 1 }, 'text', ['at least 1 character']],
    [{ type: 'string', minLength: 2, maxLength: 2 }, 'text', ['exactly 2 characters']],
    [{ type: 'string', pattern: '^(?:[a-z]+$)' }, 'text', ['matches ^[a-z]+$']],
    [{ type: ['string', 'null'], maxLength: 3 }, 'text or null', ['at most 3 characters']],
    [{ type: 'array', items: def('Point'), maxItems: 3 }, 'list of Point', ['at most 3 elements']],
    [{ type: 'object', additionalProperties: integer, propertyNames: { minLength: 1 } }, 'map to integer (64 bit)', ['keys: at least 1 character']],
    [{ type: 'array', prefixItems: [{ type: 'string' }, true], minItems: 2, maxItems: 2 }, '[text, anything]', []],
    [{ enum: ['a', 'b'] }, '"a" or "b"', []],
    [{ type: 'string', contentEncoding: 'base64' }, 'bytes', ['base64 in JSON']],
    [def('Page<Point>'), 'Page<Point>', []],
    [{ format: 'date-time' }, 'date and time', []],
  ];
  for (const [schema, words, constraints] of table) {
    assert.equal(typeWords(schemas, schema), words);
    assert.deepEqual(constraintWords(schemas, schema), constraints, words);
  }
});
