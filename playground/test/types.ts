/** Types and procedures that tests are about. */

import { Schemas } from '../src/schema/schemas.ts';
import type { Procedure, Schema } from '../src/spec.ts';

/** Types as schemars describes them: every kind of enum, recursion, maps, tuples, and limits. */
export const DEFS: Record<string, Schema> = {
  Point: {
    type: 'object',
    properties: { x: { type: 'integer', format: 'int64' }, y: { type: 'integer', format: 'int64' } },
    required: ['x', 'y'],
  },
  Unit: { type: 'string', enum: ['Metre', 'Foot'] },
  Documented: {
    oneOf: [
      { type: 'string', const: 'a', description: 'First.' },
      { type: 'string', enum: ['b', 'c'] },
    ],
  },
  External: {
    oneOf: [
      { type: 'string', const: 'Nothing' },
      {
        type: 'object',
        properties: { Circle: { type: 'number', format: 'double' } },
        required: ['Circle'],
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { At: { $ref: '#/$defs/Point' } },
        required: ['At'],
        additionalProperties: false,
      },
    ],
  },
  Internal: {
    oneOf: [
      { type: 'object', properties: { kind: { type: 'string', const: 'cash' } }, required: ['kind'] },
      {
        type: 'object',
        $ref: '#/$defs/Point',
        properties: { kind: { type: 'string', const: 'point' } },
        required: ['kind'],
      },
    ],
  },
  Adjacent: {
    oneOf: [
      {
        type: 'object',
        properties: { t: { type: 'string', const: 'n' }, c: { type: 'integer', format: 'int32' } },
        required: ['t', 'c'],
      },
      {
        type: 'object',
        properties: { t: { type: 'string', const: 's' }, c: { type: 'string' } },
        required: ['t', 'c'],
      },
    ],
  },
  Untagged: { anyOf: [{ type: 'integer', format: 'int64' }, { type: 'string' }, { $ref: '#/$defs/Point' }] },
  UserId: { type: 'integer', format: 'uint64', minimum: 0 },
  Tree: {
    type: 'object',
    properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/Tree' } } },
    required: ['value', 'children'],
  },
  Expression: {
    oneOf: [
      {
        type: 'object',
        properties: {
          Add: {
            type: 'array',
            prefixItems: [{ $ref: '#/$defs/Expression' }, { $ref: '#/$defs/Expression' }],
            minItems: 2,
            maxItems: 2,
          },
        },
        required: ['Add'],
      },
      { type: 'object', properties: { Number: { type: 'integer' } }, required: ['Number'] },
    ],
  },
  Endless: { type: 'object', properties: { next: { $ref: '#/$defs/Endless' } }, required: ['next'] },
  'Page<Point>': {
    type: 'object',
    properties: { items: { type: 'array', items: { $ref: '#/$defs/Point' } } },
    required: ['items'],
  },
  Flat: {
    type: 'object',
    properties: { name: { type: 'string' } },
    required: ['name'],
    oneOf: [
      { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] },
      { type: 'object', properties: { b: { type: 'string' } }, required: ['b'] },
    ],
  },
};
/** A map whose keys are integers. */
export const NUMBERED: Schema = {
  type: 'object',
  patternProperties: { '^\\d+$': { type: 'string' } },
  additionalProperties: false,
};
export const schemas = new Schemas(DEFS);
export const def = (name: string): Schema => ({ $ref: `#/$defs/${encodeURIComponent(name)}` });

export const procedure = (more: Partial<Procedure>): Procedure => ({
  name: 'p',
  streams_in: false,
  streams_out: false,
  parameters: [],
  result: true,
  ...more,
});
export const INT: Schema = { type: 'integer' };
export const integer: Schema = { type: 'integer', format: 'int64' };
export const ADD = procedure({
  parameters: [
    { name: 'a', required: true, schema: integer },
    { name: 'b', required: true, schema: integer },
  ],
});
export const GREET = procedure({
  parameters: [{ name: 'name', required: true, schema: { type: 'string' } }],
});
export const BLOB = procedure({
  parameters: [{ name: 'data', required: true, schema: { type: 'string', contentEncoding: 'base64' } }],
});
export const OPTIONAL = procedure({
  parameters: [
    { name: 'a', required: false, schema: { type: ['integer', 'null'] } },
    { name: 'b', required: false, default: 3, schema: integer },
  ],
});
