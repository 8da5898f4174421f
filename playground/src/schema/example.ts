/**
 * Values to begin with: of the right type, within all limits, and so plain that a call can be tried at once.
 */

import { type Json, type JsonObject, put } from '../json/value.ts';
import type { Procedure, Schema, SchemaObject } from '../spec.ts';
import { type Kind, kindOf } from './kind.ts';
import { matching } from './pattern.ts';
import type { Schemas } from './schemas.ts';
import { validate } from './validate.ts';

/** The parameters of a procedure by their names, or an item of its stream in. */
export function exampleOf(schemas: Schemas, procedure: Procedure): Json {
  if (procedure.items) return example(schemas, procedure.items.schema, procedure.items.name);
  const value: JsonObject = {};
  // A stream of a single item shows little of what streams are.
  let number = procedure.streams_out ? 4 : 0;
  for (const parameter of procedure.parameters) {
    if (parameter.default !== undefined) {
      put(value, parameter.name, parameter.default);
      continue;
    }
    if (!parameter.required) continue;
    const made = new Maker(schemas, (number += 1)).make(parameter.schema, parameter.name, []);
    put(value, parameter.name, made ?? null);
  }
  return value;
}

/** A value that fits a schema. */
export function example(schemas: Schemas, schema: Schema, name = ''): Json {
  return new Maker(schemas, 1).make(schema, name, []) ?? null;
}

/** How many of the same definition may lie in each other. */
const NESTED = 1;

class Maker {
  constructor(
    private readonly schemas: Schemas,
    /** What numbers begin with. */
    private readonly number: number,
  ) {}

  /** `undefined` if there is none that ends. */
  make(schema: Schema, name: string, inside: readonly string[]): Json | undefined {
    const own = this.schemas.nameOf(schema);
    if (own !== undefined) {
      if (inside.filter(it => it === own).length >= NESTED) return undefined;
      inside = [...inside, own];
    }
    const flat = this.schemas.flat(schema);
    if (flat === false) return undefined;
    const given = flat.default ?? flat.examples?.[0];
    if (given !== undefined && validate(this.schemas, flat, given).length === 0) return given;
    return this.ofKind(kindOf(this.schemas, flat), flat, name, inside);
  }

  private ofKind(kind: Kind, flat: SchemaObject, name: string, inside: readonly string[]): Json | undefined {
    switch (kind.kind) {
      case 'never':
        return undefined;
      case 'any':
      case 'null':
      case 'nullable':
        return null;
      case 'boolean':
        return true;
      case 'integer':
        return integer(flat, kind.range, this.number);
      case 'number':
        return number(flat, this.number);
      case 'text':
        return text(flat, name);
      case 'bytes':
        return 'c3dpbGw=';
      case 'choice':
        return kind.choices[0]?.value;
      case 'variants':
        return this.variant(
          kind.variants.map(it => it.schema),
          name,
          inside,
        );
      case 'list':
        return this.list(kind.items, flat, name, inside);
      case 'tuple':
        return this.tuple(kind.items, name, inside);
      case 'map':
        return this.map(kind, flat, inside);
      case 'struct':
        return this.struct(kind, inside);
    }
  }

  private variant(schemas: Schema[], name: string, inside: readonly string[]): Json | undefined {
    for (const schema of schemas) {
      const made = this.make(schema, name, inside);
      if (made !== undefined) return made;
    }
    return undefined;
  }

  private list(
    items: Schema,
    flat: SchemaObject,
    name: string,
    inside: readonly string[],
  ): Json[] | undefined {
    const least = flat.minItems ?? 0;
    const count = Math.min(Math.max(least, 1), flat.maxItems ?? Infinity, 100);
    const list: Json[] = [];
    while (list.length < count) {
      const from = flat.uniqueItems ? this.number + list.length : this.number;
      const made = new Maker(this.schemas, from).make(items, singular(name), inside);
      if (made === undefined) break;
      list.push(made);
    }
    return list.length < least ? undefined : list;
  }

  private tuple(items: Schema[], name: string, inside: readonly string[]): Json[] | undefined {
    const tuple = items.map((item, index) =>
      new Maker(this.schemas, this.number + index).make(item, name, inside),
    );
    return tuple.every(it => it !== undefined) ? tuple : undefined;
  }

  private map(
    kind: Kind & { kind: 'map' },
    flat: SchemaObject,
    inside: readonly string[],
  ): JsonObject | undefined {
    const map: JsonObject = {};
    const least = flat.minProperties ?? 0;
    const key = this.make(kind.keys === true ? { type: 'string' } : kind.keys, 'key', inside);
    const made = kind.values === true ? null : this.make(kind.values, '', inside);
    // A map of anything says nothing by an example.
    if (made !== undefined && (kind.values !== true || least > 0)) {
      put(map, typeof key === 'string' ? key : 'key', made);
      for (let index = 2; index <= Math.min(least, 100); index += 1) put(map, `${key}${index}`, made);
    }
    return Object.keys(map).length < least ? undefined : map;
  }

  private struct(kind: Kind & { kind: 'struct' }, inside: readonly string[]): JsonObject | undefined {
    const struct: JsonObject = {};
    for (const field of kind.fields) {
      if (!field.required) continue;
      const made = this.make(field.schema, field.name, inside);
      if (made === undefined) return undefined;
      put(struct, field.name, made);
    }
    return struct;
  }
}

/** A value for another variant that keeps what fits it. */
export function switched(schemas: Schemas, schema: Schema, before: Json | undefined): Json {
  const made = example(schemas, schema);
  if (typeof made !== 'object' || made === null || Array.isArray(made)) return made;
  if (typeof before !== 'object' || before === null || Array.isArray(before)) return made;
  const flat = schemas.flat(schema);
  const properties = flat === false ? {} : (flat.properties ?? {});
  const result: JsonObject = { ...made };
  for (const [name, value] of Object.entries(before)) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (own !== undefined && validate(schemas, own, value).length === 0) put(result, name, value);
  }
  return validate(schemas, schema, result).length === 0 ? result : made;
}

function integer(schema: SchemaObject, range: { min?: bigint; max?: bigint }, start: number): Json {
  const big = (limit: number | bigint, round: (it: number) => number) =>
    typeof limit === 'bigint' ? limit : BigInt(round(limit));
  let min = schema.minimum === undefined ? range.min : big(schema.minimum, Math.ceil);
  let max = schema.maximum === undefined ? range.max : big(schema.maximum, Math.floor);
  if (schema.exclusiveMinimum !== undefined) min = big(schema.exclusiveMinimum, Math.floor) + 1n;
  if (schema.exclusiveMaximum !== undefined) max = big(schema.exclusiveMaximum, Math.ceil) - 1n;
  const step =
    schema.multipleOf === undefined ? 1n : big(schema.multipleOf, it => Math.max(1, Math.round(it)));
  let value = BigInt(start) * step;
  if (min !== undefined && value < min) value = min + (((-min % step) + step) % step);
  if (max !== undefined && value > max) value = max - (((max % step) + step) % step);
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function number(schema: SchemaObject, start: number): Json {
  const low = Number(schema.minimum ?? schema.exclusiveMinimum ?? -Infinity);
  const high = Number(schema.maximum ?? schema.exclusiveMaximum ?? Infinity);
  const wanted = schema.multipleOf === undefined ? start + 0.5 : Number(schema.multipleOf) * start;
  const fits = (it: number) => validate(EMPTY, schema, it).length === 0;
  const middle =
    Number.isFinite(low) && Number.isFinite(high)
      ? (low + high) / 2
      : Number.isFinite(low)
        ? low + 1
        : high - 1;
  return [wanted, start, low, middle, high, 0].find(it => Number.isFinite(it) && fits(it)) ?? start;
}

const EMPTY = { flat: (schema: Schema) => (typeof schema === 'boolean' ? {} : schema) } as unknown as Schemas;

const FORMATS: Record<string, string> = {
  'date-time': '2026-01-31T12:00:00Z',
  'partial-date-time': '2026-01-31T12:00:00',
  date: '2026-01-31',
  time: '12:00:00',
  'partial-time': '12:00:00',
  duration: 'PT1M',
  uuid: '6f1c2b54-8b1f-4a51-9d0e-3f3f6d3c2a10',
  email: 'ann@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  ip: '127.0.0.1',
  ipv4: '127.0.0.1',
  ipv6: '::1',
  char: 'a',
};

const NAMES: Record<string, string> = {
  name: 'Ann',
  user: 'Ann',
  title: 'Title',
  email: 'ann@example.com',
  language: 'en',
  city: 'Paris',
  message: 'hello',
  text: 'hello',
};

function text(schema: SchemaObject, name: string): Json {
  if (schema.format !== undefined && Object.hasOwn(FORMATS, schema.format))
    return FORMATS[schema.format] ?? '';
  const least = schema.minLength ?? 0;
  const most = schema.maxLength ?? Infinity;
  if (schema.pattern !== undefined) {
    const found = matching(schema.pattern);
    if (found !== undefined)
      return [...found].length < least ? found.padEnd(least, found.at(-1) ?? 'a') : found;
  }
  const plain = Object.hasOwn(NAMES, name) ? (NAMES[name] ?? '') : 'text';
  return plain.padEnd(Math.min(least, 10_000), 'x').slice(0, most);
}

function singular(name: string): string {
  return name.endsWith('s') ? name.slice(0, -1) : name;
}
