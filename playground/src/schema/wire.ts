/** From the page's values to those that a client sends: bytes as bytes, parameters by position or by name. */

import { fromBase64 } from '../json/bytes.ts';
import { numberOf } from '../json/parse.ts';
import { isObject, type Json, type JsonObject, put } from '../json/value.ts';
import type { Procedure, Schema } from '../spec.ts';
import { kindOf } from './kind.ts';
import type { Schemas } from './schemas.ts';
import { closest } from './validate.ts';

/** A value as clients take it. */
export type Sendable =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Sendable[]
  | Map<number | bigint, Sendable>
  | { [name: string]: Sendable };

/** What a client is given for a call. In a binary protocol bytes are bytes; in JSON they stay base64. */
export function parametersOnWire(
  schemas: Schemas,
  procedure: Procedure,
  value: Json,
  protocol: 'swill' | 'json-rpc',
): Sendable | undefined {
  const binary = protocol === 'swill';
  const { parameters } = procedure;
  if (!isObject(value)) return binary ? sendable(schemas, true, value) : plain(value);
  const known = new Map(parameters.map(it => [it.name, it.schema]));
  const written: { [name: string]: Sendable } = {};
  for (const [name, member] of Object.entries(value)) {
    put(
      written as JsonObject,
      name,
      (binary ? sendable(schemas, known.get(name) ?? true, member) : plain(member)) as Json,
    );
  }
  const names = Object.keys(written);
  if (parameters.length === 0) return names.length === 0 ? undefined : written;
  if (!binary) return names.length === 0 ? undefined : written;
  const only = parameters.length === 1 ? parameters[0] : undefined;
  if (only) {
    if (names.length === 0) return undefined;
    return names.length === 1 && names[0] === only.name ? written[only.name] : written;
  }
  // By position as long as none is left out before one that is there, and none is unknown.
  const listed = parameters.map(it => (Object.hasOwn(written, it.name) ? written[it.name] : undefined));
  const last = listed.findLastIndex(it => it !== undefined);
  const complete = listed.slice(0, last + 1).every(it => it !== undefined) && names.length === last + 1;
  return complete && last + 1 === parameters.length ? (listed as Sendable[]) : written;
}

/** A value with bytes where the schema has bytes. */
export function sendable(schemas: Schemas, schema: Schema, value: Json): Sendable {
  const kind = kindOf(schemas, schema);
  switch (kind.kind) {
    case 'bytes':
      return typeof value === 'string' ? (fromBase64(value) ?? value) : plain(value);
    case 'nullable':
      return value === null ? null : sendable(schemas, kind.inner, value);
    case 'variants': {
      const branches = kind.variants.map(it => it.schema);
      const branch = branches[closest(schemas, branches, value)];
      return branch === undefined ? plain(value) : sendable(schemas, branch, value);
    }
    case 'list':
      return Array.isArray(value) ? value.map(it => sendable(schemas, kind.items, it)) : plain(value);
    case 'tuple':
      if (!Array.isArray(value)) return plain(value);
      return value.map((it, index) => sendable(schemas, kind.items[index] ?? kind.rest, it));
    case 'map':
      return hasNumbers(kind.keys)
        ? numbered(value, kind.values, schemas)
        : members(value, () => kind.values, schemas);
    case 'struct': {
      const fields = new Map(kind.fields.map(field => [field.name, field.schema]));
      return members(value, name => fields.get(name) ?? kind.rest, schemas);
    }
    default:
      return plain(value);
  }
}

function members(value: Json, schemaOf: (name: string) => Schema, schemas: Schemas): Sendable {
  if (!isObject(value)) return plain(value);
  const result: { [name: string]: Sendable } = {};
  for (const [name, member] of Object.entries(value)) {
    put(result as JsonObject, name, sendable(schemas, schemaOf(name), member) as Json);
  }
  return result;
}

/** Whether the keys of a map are integers, which JSON can only write as text. */
function hasNumbers(keys: Schema): boolean {
  return typeof keys === 'object' && /^\^-?\??\\d\+\$$/.test(keys.pattern ?? '');
}

function numbered(value: Json, values: Schema, schemas: Schemas): Sendable {
  if (!isObject(value)) return plain(value);
  const entries = Object.entries(value).map(
    ([key, member]) => [numberOf(key), sendable(schemas, values, member)] as const,
  );
  // A key that is no number is for the server to refuse.
  if (entries.some(([key]) => key === undefined)) return members(value, () => values, schemas);
  return new Map(entries as [number | bigint, Sendable][]);
}

function plain(value: Json): Sendable {
  return value as Sendable;
}

/**
 * Parameters as somebody may write them, by name: a list is taken by position, a single value as the only
 * one.
 */
export function byName(procedure: Procedure, value: Json): Json {
  if (procedure.items || isObject(value)) return value;
  const { parameters } = procedure;
  const only = parameters.length === 1 ? parameters[0] : undefined;
  const listed =
    Array.isArray(value) && value.length <= parameters.length ? value : only ? [value] : undefined;
  if (!listed) return value;
  const result: JsonObject = {};
  listed.forEach((element, index) => {
    const parameter = parameters[index];
    if (parameter) put(result, parameter.name, element);
  });
  return result;
}
