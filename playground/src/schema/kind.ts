/** What kind of value a schema is about: the one place where JSON Schema is taken apart. */

import { isObject, type Json } from '../json/value.ts';
import type { Schema, SchemaObject } from '../spec.ts';
import { type Schemas, withoutNull } from './schemas.ts';

/** A kind of value. */
export type Kind =
  | { kind: 'any' }
  | { kind: 'never' }
  | { kind: 'null' }
  | { kind: 'boolean' }
  | { kind: 'integer'; range: Range }
  | { kind: 'number' }
  | { kind: 'text' }
  | { kind: 'bytes' }
  | { kind: 'choice'; choices: Choice[] }
  | { kind: 'nullable'; inner: Schema }
  | { kind: 'variants'; variants: Variant[] }
  | { kind: 'list'; items: Schema }
  | { kind: 'tuple'; items: Schema[]; rest: Schema }
  | { kind: 'map'; keys: Schema; values: Schema }
  | { kind: 'struct'; fields: Field[]; rest: Schema };

/** The integers that a type can hold; no limit is none. */
export interface Range {
  min?: bigint;
  max?: bigint;
}

/** One of several fixed values. */
export interface Choice {
  value: Json;
  doc?: string;
}

/** One of several schemas. */
export interface Variant {
  label: string;
  schema: Schema;
  doc?: string;
}

/** A member of a struct. */
export interface Field {
  name: string;
  schema: Schema;
  required: boolean;
  doc?: string;
  /** Another field says what it is. */
  hidden?: boolean;
}

const RANGES: Record<string, Range> = {
  int8: { min: -128n, max: 127n },
  int16: { min: -32768n, max: 32767n },
  int32: { min: -2147483648n, max: 2147483647n },
  int64: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  int128: { min: -(2n ** 127n), max: 2n ** 127n - 1n },
  int: { min: -(2n ** 63n), max: 2n ** 63n - 1n },
  uint8: { min: 0n, max: 255n },
  uint16: { min: 0n, max: 65535n },
  uint32: { min: 0n, max: 4294967295n },
  uint64: { min: 0n, max: 2n ** 64n - 1n },
  uint128: { min: 0n, max: 2n ** 128n - 1n },
  uint: { min: 0n, max: 2n ** 64n - 1n },
};

/** The range of an integer's format. */
export function rangeOf(format: string | undefined): Range {
  return (format !== undefined && Object.hasOwn(RANGES, format) && RANGES[format]) || {};
}

/** The kind of value that a schema is about. */
export function kindOf(schemas: Schemas, schema: Schema): Kind {
  const flat = schemas.flat(schema);
  if (flat === false) return { kind: 'never' };
  if (flat.const !== undefined) {
    return flat.const === null ? { kind: 'null' } : { kind: 'choice', choices: [{ value: flat.const }] };
  }
  const inner = withoutNull(schemas, flat);
  if (inner !== undefined) return { kind: 'nullable', inner };
  if (flat.enum) return { kind: 'choice', choices: flat.enum.map(value => ({ value })) };
  const branches = flat.oneOf ?? flat.anyOf;
  if (branches && branches.length > 0) return ofBranches(schemas, flat, branches);
  if (Array.isArray(flat.type)) {
    const types = flat.type;
    if (types.length === 1) return kindOf(schemas, { ...flat, type: types[0] });
    return { kind: 'variants', variants: types.map(type => ({ label: type, schema: { ...flat, type } })) };
  }
  return ofType(flat);
}

function ofType(schema: SchemaObject): Kind {
  switch (schema.type ?? impliedType(schema)) {
    case 'null':
      return { kind: 'null' };
    case 'boolean':
      return { kind: 'boolean' };
    case 'integer':
      return { kind: 'integer', range: rangeOf(schema.format) };
    case 'number':
      return { kind: 'number' };
    case 'string':
      return schema.contentEncoding === 'base64' ? { kind: 'bytes' } : { kind: 'text' };
    case 'array':
      if (schema.prefixItems) {
        const rest = schema.items ?? (schema.maxItems === schema.prefixItems.length ? false : true);
        return { kind: 'tuple', items: schema.prefixItems, rest };
      }
      return { kind: 'list', items: schema.items ?? true };
    case 'object':
      return ofObject(schema);
    default:
      return { kind: 'any' };
  }
}

function ofObject(schema: SchemaObject): Kind {
  const rest = schema.additionalProperties ?? true;
  const names = Object.keys(schema.properties ?? {});
  const [patterned, ...others] = Object.entries(schema.patternProperties ?? {});
  if (names.length === 0 && patterned && others.length === 0 && schema.additionalProperties === false) {
    return { kind: 'map', keys: { type: 'string', pattern: patterned[0] }, values: patterned[1] };
  }
  if (names.length === 0 && schema.additionalProperties !== false) {
    return { kind: 'map', keys: schema.propertyNames ?? true, values: rest };
  }
  const required = new Set(schema.required ?? []);
  const fields = names.map(name => {
    const field = schema.properties?.[name] ?? true;
    const doc = typeof field === 'object' ? field.description : undefined;
    return { name, schema: field, required: required.has(name), ...(doc !== undefined && { doc }) };
  });
  return { kind: 'struct', fields, rest };
}

/** The type of a schema that does not say it. */
function impliedType(schema: SchemaObject): string | undefined {
  const says = (...keywords: string[]) => keywords.some(keyword => schema[keyword] !== undefined);
  if (says('properties', 'additionalProperties', 'propertyNames', 'patternProperties')) return 'object';
  if (says('prefixItems', 'items', 'minItems', 'maxItems')) return 'array';
  if (says('pattern', 'minLength', 'maxLength', 'contentEncoding')) return 'string';
  if (
    schema.format !== undefined &&
    /^(date|time|date-time|uuid|email|uri|duration|ip|ipv4|ipv6)$/.test(schema.format)
  ) {
    return 'string';
  }
  return says('minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf')
    ? 'number'
    : undefined;
}

function ofBranches(schemas: Schemas, base: SchemaObject, branches: Schema[]): Kind {
  const { oneOf, anyOf, description, title, default: _, ...common } = base;
  const variants: Variant[] = [];
  for (const branch of branches) {
    const flat = schemas.flat(branch);
    if (flat === false) continue;
    const doc = flat.description;
    if (flat.enum && Object.keys(common).every(keyword => keyword === 'type')) {
      for (const value of flat.enum) variants.push(variant(labelOf(value), { const: value }, doc));
      continue;
    }
    const alone = Object.keys(common).length === 0;
    const whole = alone ? branch : schemas.merged(common as SchemaObject, flat);
    variants.push(variant(variantLabel(schemas, branch, flat), whole, doc));
  }
  const choices = variants.map(it => {
    const flat = schemas.flat(it.schema);
    return flat !== false && flat.const !== undefined
      ? { value: flat.const, ...(it.doc && { doc: it.doc }) }
      : undefined;
  });
  if (choices.every(choice => choice !== undefined)) return { kind: 'choice', choices };
  const only = variants.length === 1 ? variants[0] : undefined;
  return only ? kindOf(schemas, only.schema) : { kind: 'variants', variants: distinct(variants) };
}

function variant(label: string, schema: Schema, doc: string | undefined): Variant {
  return { label, schema, ...(doc !== undefined && { doc }) };
}

/** What a variant is called: by its tag, its only member, its name, or else its type. */
function variantLabel(schemas: Schemas, branch: Schema, flat: SchemaObject): string {
  if (flat.const !== undefined) return labelOf(flat.const);
  if (flat.title !== undefined) return flat.title;
  const tag = tagOf(schemas, flat);
  if (tag !== undefined) return labelOf(tag.value);
  const names = Object.keys(flat.properties ?? {});
  const name = names[0];
  if (names.length === 1 && name !== undefined && flat.required?.includes(name)) return name;
  const named = schemas.nameOf(branch);
  if (named !== undefined) return named;
  if (names.length > 0) return `{ ${names.join(', ')} }`;
  const words: Record<string, string> = {
    string: 'text',
    array: flat.prefixItems ? 'tuple' : 'list',
    object: 'map',
  };
  const type = typeof flat.type === 'string' ? flat.type : undefined;
  return (type !== undefined ? (words[type] ?? type) : undefined) ?? flat.format ?? 'other';
}

/** The member that says which variant a struct is. */
export function tagOf(schemas: Schemas, flat: SchemaObject): { name: string; value: Json } | undefined {
  for (const name of flat.required ?? []) {
    const field = schemas.flat(flat.properties?.[name] ?? true);
    if (field === false) continue;
    const value = field.const ?? (field.enum?.length === 1 ? field.enum[0] : undefined);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

function labelOf(value: Json): string {
  return typeof value === 'string'
    ? value
    : Array.isArray(value) || isObject(value)
      ? JSON.stringify(value)
      : String(value);
}

function distinct(variants: Variant[]): Variant[] {
  const seen = new Map<string, number>();
  return variants.map(it => {
    const count = (seen.get(it.label) ?? 0) + 1;
    seen.set(it.label, count);
    return count === 1 ? it : { ...it, label: `${it.label} (${count})` };
  });
}
