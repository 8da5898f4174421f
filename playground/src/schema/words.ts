/** Types and constraints in words. */

import type { Json } from '../json/value.ts';
import { inline } from '../json/print.ts';
import type { Schema, SchemaObject } from '../spec.ts';
import { kindOf } from './kind.ts';
import { plainPattern } from './pattern.ts';
import type { Schemas } from './schemas.ts';
import { count } from './validate.ts';

/** A type in a few words: `integer`, `list of Order`, `text or null`. Definitions go by their names. */
export function typeWords(schemas: Schemas, schema: Schema, depth = 0): string {
  const name = schemas.nameOf(schema);
  if (name !== undefined) return depth > 0 ? name : named(schemas, schema, name);
  if (depth > 6) return '…';
  const inner = (it: Schema) => typeWords(schemas, it, depth + 1);
  const flat = schemas.flat(schema);
  const kind = kindOf(schemas, schema);
  switch (kind.kind) {
    case 'any':
      return 'anything';
    case 'never':
      return 'nothing';
    case 'integer':
    case 'number':
      return numberWords(flat === false ? {} : flat);
    case 'text':
      return textWords(flat === false ? {} : flat);
    case 'choice':
      return kind.choices.length > 6
        ? `one of ${kind.choices.length} values`
        : kind.choices.map(choice => quoted(choice.value)).join(' or ');
    case 'nullable':
      return `${inner(kind.inner)} or null`;
    case 'variants':
      return kind.variants.length > 6
        ? `one of ${kind.variants.length} variants`
        : kind.variants.map(it => it.label).join(' or ');
    case 'list':
      return `list of ${inner(kind.items)}`;
    case 'tuple':
      return `[${kind.items.map(inner).join(', ')}${kind.rest === false ? '' : ', …'}]`;
    case 'map':
      return `map to ${inner(kind.values)}`;
    case 'struct':
      return 'object';
    default:
      return kind.kind;
  }
}

/** A name; of what has no parts, such as an id, with what it is. */
function named(schemas: Schemas, schema: Schema, name: string): string {
  const { kind } = kindOf(schemas, schema);
  if (!['integer', 'number', 'text', 'boolean', 'bytes', 'null'].includes(kind)) return name;
  const flat = schemas.flat(schema);
  return flat === false ? name : `${name}, ${typeWords(schemas, { ...flat }, 1)}`;
}

function numberWords(schema: SchemaObject): string {
  const format = schema.format;
  if (schema.type === 'number') return format === 'float' ? 'number (32 bit)' : 'number';
  const bits = /^(u?)int(\d+)$/.exec(format ?? '');
  if (!bits) return 'integer';
  return `integer (${bits[2]} bit${bits[1] ? ', not negative' : ''})`;
}

const TEXTS: Record<string, string> = {
  'date-time': 'date and time',
  'partial-date-time': 'date and time without zone',
  date: 'date',
  time: 'time of day',
  duration: 'duration',
  uuid: 'UUID',
  email: 'mail address',
  uri: 'URL',
  char: 'one character',
};

function textWords(schema: SchemaObject): string {
  if (schema.format === undefined) return 'text';
  return Object.hasOwn(TEXTS, schema.format) ? (TEXTS[schema.format] ?? 'text') : `text (${schema.format})`;
}

function quoted(value: Json): string {
  return inline(value, 40);
}

/** What holds for the values of a schema beside their type, each in a few words. */
export function constraintWords(schemas: Schemas, schema: Schema): string[] {
  const flat = schemas.flat(schema);
  if (flat === false) return [];
  const words: string[] = [];
  const say = (limit: unknown, text: (limit: string) => string) => {
    if (limit !== undefined) words.push(text(String(limit)));
  };
  const kind = kindOf(schemas, schema);
  if (kind.kind === 'nullable') return constraintWords(schemas, kind.inner);
  // The limits of the type itself are in its name.
  const min = kind.kind === 'integer' && same(flat.minimum, kind.range.min) ? undefined : flat.minimum;
  const max = kind.kind === 'integer' && same(flat.maximum, kind.range.max) ? undefined : flat.maximum;
  if (min !== undefined && max !== undefined) words.push(`${min} to ${max}`);
  else {
    say(min, it => `at least ${it}`);
    say(max, it => `at most ${it}`);
  }
  say(flat.exclusiveMinimum, it => `more than ${it}`);
  say(flat.exclusiveMaximum, it => `less than ${it}`);
  say(flat.multipleOf, it => `multiple of ${it}`);
  span(words, flat.minLength, flat.maxLength, 'character');
  if (kind.kind !== 'tuple') span(words, flat.minItems, flat.maxItems, 'element');
  span(words, flat.minProperties, flat.maxProperties, 'entry', 'entries');
  if (flat.uniqueItems) words.push('no element twice');
  say(flat.pattern, it => `matches ${plainPattern(it)}`);
  if (kind.kind === 'bytes') words.push('base64 in JSON');
  if (flat.deprecated) words.push('deprecated');
  if (kind.kind === 'map' && kind.keys !== true) {
    const keys = constraintWords(schemas, kind.keys);
    if (keys.length > 0) words.push(`keys: ${keys.join(', ')}`);
  }
  return words;
}

function same(limit: number | bigint | undefined, own: bigint | undefined): boolean {
  return limit !== undefined && own !== undefined && BigInt(Math.trunc(Number(limit))) === own;
}

function span(
  words: string[],
  least: number | undefined,
  most: number | undefined,
  one: string,
  many = `${one}s`,
): void {
  if (least !== undefined && most !== undefined) {
    words.push(least === most ? `exactly ${count(least, one, many)}` : `${least} to ${most} ${many}`);
  } else if (least !== undefined) {
    words.push(`at least ${count(least, one, many)}`);
  } else if (most !== undefined) {
    words.push(`at most ${count(most, one, many)}`);
  }
}

/** All words of a schema, for the search: names of types and members, and what is said about them. */
export function searchWords(schemas: Schemas, schema: Schema): string {
  const seen = new Set<string>();
  const words: string[] = [];
  const add = (it: Schema, depth: number): void => {
    if (depth > 8) return;
    const name = schemas.nameOf(it);
    if (name !== undefined) {
      if (seen.has(name)) return;
      seen.add(name);
      words.push(name);
    }
    const flat = schemas.flat(it);
    if (flat === false) return;
    if (flat.description !== undefined) words.push(flat.description);
    const kind = kindOf(schemas, it);
    if (kind.kind === 'struct') {
      for (const field of kind.fields) {
        words.push(field.name);
        add(field.schema, depth + 1);
      }
    } else if (kind.kind === 'variants') {
      for (const variant of kind.variants) {
        words.push(variant.label);
        add(variant.schema, depth + 1);
      }
    } else if (kind.kind === 'choice') {
      words.push(...kind.choices.map(choice => String(choice.value)));
    } else if (kind.kind === 'list') add(kind.items, depth + 1);
    else if (kind.kind === 'tuple') kind.items.forEach(item => add(item, depth + 1));
    else if (kind.kind === 'map') add(kind.values, depth + 1);
    else if (kind.kind === 'nullable') add(kind.inner, depth + 1);
    else words.push(typeWords(schemas, it));
  };
  add(schema, 0);
  return words.join(' ');
}
