/** What is better not seen, and is not put into links: members that are marked as passwords, or only to be written. */

import { isObject, type Json, type JsonObject, put } from '../json/value.ts';
import type { Schema, SchemaObject } from '../spec.ts';
import { kindOf } from './kind.ts';
import type { Schemas } from './schemas.ts';
import { closest } from './validate.ts';

/** Whether a schema, without references, is that of a secret. */
export function isSecret(flat: SchemaObject): boolean {
  return flat.format === 'password' || flat['writeOnly'] === true;
}

/** A value without its secrets; `undefined` if it is one itself. */
export function withoutSecrets(schemas: Schemas, schema: Schema, value: Json): Json | undefined {
  const flat = schemas.flat(schema);
  if (flat !== false && isSecret(flat)) return undefined;
  const kind = kindOf(schemas, schema);
  switch (kind.kind) {
    case 'nullable':
      return value === null ? null : withoutSecrets(schemas, kind.inner, value);
    case 'variants': {
      const branches = kind.variants.map(it => it.schema);
      const branch = branches[closest(schemas, branches, value)];
      return branch === undefined ? value : withoutSecrets(schemas, branch, value);
    }
    case 'list':
      return Array.isArray(value) ? value.map(it => withoutSecrets(schemas, kind.items, it) ?? null) : value;
    case 'map':
      return members(value, (_, it) => withoutSecrets(schemas, kind.values, it));
    case 'struct': {
      const fields = new Map(kind.fields.map(field => [field.name, field.schema]));
      return members(value, (name, it) => withoutSecrets(schemas, fields.get(name) ?? true, it));
    }
    default:
      return value;
  }
}

function members(value: Json, keep: (name: string, member: Json) => Json | undefined): Json {
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value)) {
    const kept = keep(name, member);
    if (kept !== undefined) put(result, name, kept);
  }
  return result;
}
