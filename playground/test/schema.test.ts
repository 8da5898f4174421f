import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Json, pathText } from '../src/json/value.ts';
import { example, switched } from '../src/schema/example.ts';
import { kindOf } from '../src/schema/kind.ts';
import { matching } from '../src/schema/pattern.ts';
import { closest, validate } from '../src/schema/validate.ts';
import { type Schema } from '../src/spec.ts';
import { DEFS, NUMBERED, def, schemas } from './types.ts';

test('every kind of schema is told', () => {
  const table: [Schema, string][] = [
    [true, 'any'],
    [{}, 'any'],
    [false, 'never'],
    [{ type: 'null' }, 'null'],
    [{ type: 'boolean' }, 'boolean'],
    [{ type: 'integer', format: 'uint8' }, 'integer'],
    [{ type: 'number' }, 'number'],
    [{ minimum: 1 }, 'number'],
    [{ type: 'string' }, 'text'],
    [{ format: 'date-time' }, 'text'],
    [{ type: 'string', contentEncoding: 'base64' }, 'bytes'],
    [def('Unit'), 'choice'],
    [{ const: 1 }, 'choice'],
    [def('Documented'), 'choice'],
    [{ type: ['integer', 'null'] }, 'nullable'],
    [{ anyOf: [def('Point'), { type: 'null' }] }, 'nullable'],
    [{ enum: ['a', null] }, 'nullable'],
    [{ type: ['integer', 'string'] }, 'variants'],
    [def('External'), 'variants'],
    [def('Internal'), 'variants'],
    [def('Adjacent'), 'variants'],
    [def('Untagged'), 'variants'],
    [def('Flat'), 'variants'],
    [{ type: 'array', items: true }, 'list'],
    [{ type: 'array', prefixItems: [true, true], minItems: 2, maxItems: 2 }, 'tuple'],
    [{ type: 'object', additionalProperties: { type: 'integer' } }, 'map'],
    [{ type: 'object' }, 'map'],
    [NUMBERED, 'map'],
    [def('Point'), 'struct'],
    [def('Page<Point>'), 'struct'],
    [{ type: 'object', additionalProperties: false }, 'struct'],
  ];
  for (const [schema, kind] of table)
    assert.equal(kindOf(schemas, schema).kind, kind, JSON.stringify(schema));
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
    { type: 'integer', minimum: 10, maximum: 12 },
    { type: 'integer', exclusiveMinimum: 10 },
    { type: 'integer', exclusiveMaximum: -5 },
    { type: 'integer', multipleOf: 5 },
    { type: 'integer', format: 'uint8', minimum: 0, maximum: 255 },
    { type: 'integer', minimum: 7, multipleOf: 5 },
    { type: 'integer', format: 'int64', minimum: 9223372036854775806n },
    { type: 'number', minimum: 0, maximum: 1 },
    { type: 'number', exclusiveMaximum: 0 },
    { type: 'string', minLength: 9 },
    { type: 'string', maxLength: 2 },
    { type: 'string', pattern: '^[A-Z]{3}$' },
    { type: 'string', pattern: '^(?:a|b)+\\d{2,}x?$' },
    { type: 'string', pattern: '^(?:[^@ ]+@[^@ ]+$)' },
    { type: 'string', format: 'date-time' },
    { type: 'string', format: 'uuid' },
    { type: 'string', contentEncoding: 'base64' },
    { type: 'array', items: { type: 'integer' }, minItems: 3 },
    { type: 'array', maxItems: 0 },
    { type: 'array', items: { type: 'integer' }, minItems: 3, uniqueItems: true },
    { type: 'object', additionalProperties: { type: 'integer' }, minProperties: 2 },
    {
      type: 'object',
      propertyNames: { type: 'string', maxLength: 2 },
      additionalProperties: { type: 'boolean' },
    },
    { type: 'integer', default: 5 },
    { type: 'integer', minimum: 10, default: 5 },
    { type: 'string', examples: ['hi'] },
    NUMBERED,
  ];
  for (const schema of [
    ...Object.keys(DEFS)
      .filter(it => it !== 'Endless')
      .map(def),
    ...limited,
  ]) {
    const made = example(schemas, schema);
    assert.deepEqual(
      validate(schemas, schema, made),
      [],
      `${JSON.stringify(schema, (_, it) => (typeof it === 'bigint' ? `${it}` : it))}: ${String(made)}`,
    );
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
    [
      def('Tree'),
      { value: 1, children: [{ value: 2, children: [{ value: '', children: [] }] }] },
      ['children[0].children[0].value type'],
    ],
    [{ type: 'array', items: { type: 'integer' }, minItems: 1 }, [], [' min_length']],
    [
      { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 },
      [1],
      [' type'],
    ],
    [
      { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'string' }], minItems: 2, maxItems: 2 },
      [1, 2],
      ['[1] type'],
    ],
    [
      { type: 'object', additionalProperties: { maximum: 9 }, propertyNames: { maxLength: 1 } },
      { ab: 10 },
      ['["ab"] max_length', '["ab"] le'],
    ],
    [{ type: ['integer', 'null'] }, null, []],
    [NUMBERED, { '1': 'a', x: 'b', '2': 3 }, ['["2"] type', '["x"] unknown']],
    [{ anyOf: [def('Point'), { type: 'null' }] }, { x: 1 }, ['y missing']],
  ];
  for (const [schema, value, expected] of table) {
    const found = validate(schemas, schema, value).map(it => `${pathText(it.path)} ${it.code}`);
    assert.deepEqual(found, expected, JSON.stringify(schema));
  }
  assert.equal(
    validate(
      schemas,
      { items: { type: 'integer' } },
      Array.from({ length: 500 }, () => 'x'),
    ).length,
    100,
  );
});

test('the variant that is meant is found', () => {
  const kind = kindOf(schemas, def('Internal'));
  assert.ok(kind.kind === 'variants');
  const branches = kind.variants.map(it => it.schema);
  assert.equal(closest(schemas, branches, { kind: 'point' }), 1);
  assert.equal(closest(schemas, branches, { kind: 'cash' }), 0);
  assert.deepEqual(switched(schemas, branches[1] ?? true, { kind: 'cash', x: 7 }), {
    x: 7,
    y: 1,
    kind: 'point',
  });
});
