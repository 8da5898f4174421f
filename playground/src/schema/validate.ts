/**
 * Checks values by the rules that the server has: types, missing and unknown names, ranges, lengths,
 * patterns.
 */

import { fromBase64 } from '../json/bytes.ts';
import { has, isInteger, isObject, type Json, type Path, same } from '../json/value.ts';
import type { Schema, SchemaObject } from '../spec.ts';
import { rangeOf, tagOf } from './kind.ts';
import { plainPattern } from './pattern.ts';
import type { Schemas } from './schemas.ts';

/** Something that is wrong with a value. */
export interface Violation {
  path: Path;
  message: string;
  /** As servers name rules: `missing`, `type`, `ge`, `min_length`, … */
  code: string;
}

/** When so much is wrong, no more is looked for. */
const MOST = 100;

/** Everything that is wrong with a value. */
export function validate(schemas: Schemas, schema: Schema, value: Json | undefined): Violation[] {
  const check = new Check(schemas);
  check.value(schema, value, []);
  return check.found;
}

/** Which of several schemas a value is meant for: one that it fits, or the one that it fits best. */
export function closest(schemas: Schemas, branches: readonly Schema[], value: Json | undefined): number {
  let best = { index: 0, score: Infinity };
  branches.forEach((branch, index) => {
    const found = validate(schemas, branch, value);
    if (found.length === 0 && best.score > -1) best = { index, score: -1 };
    const shallow = found.filter(it => it.path.length === 0).length;
    const score = found.length + shallow * 10 + (hasOtherTag(schemas, branch, value) ? 1000 : 0);
    if (score < best.score) best = { index, score };
  });
  return best.index;
}

function hasOtherTag(schemas: Schemas, branch: Schema, value: Json | undefined): boolean {
  const flat = schemas.flat(branch);
  const tag = flat === false ? undefined : tagOf(schemas, flat);
  if (!tag) return false;
  return !isObject(value) || !has(value, tag.name) || !same(value[tag.name], tag.value);
}

class Check {
  readonly found: Violation[] = [];

  constructor(private readonly schemas: Schemas) {}

  value(schema: Schema, value: Json | undefined, path: Path): void {
    if (this.found.length >= MOST) return;
    if (value === undefined) return this.wrong(path, 'missing', 'is missing');
    const flat = this.schemas.flat(schema);
    if (flat === false) return this.wrong(path, 'unknown', 'may not be here');
    if (flat.const !== undefined && !same(flat.const, value)) {
      return this.wrong(path, 'type', `must be ${JSON.stringify(plain(flat.const))}`);
    }
    if (flat.enum && !flat.enum.some(choice => same(choice, value))) {
      const choices = flat.enum.map(choice => JSON.stringify(plain(choice)));
      return this.wrong(path, 'type', `must be one of ${choices.slice(0, 20).join(', ')}`);
    }
    if (!this.type(flat, value, path)) return;
    for (const keyword of ['oneOf', 'anyOf'] as const) this.branches(flat, flat[keyword], value, path);
    if (typeof value === 'number' || typeof value === 'bigint') this.number(flat, value, path);
    else if (typeof value === 'string') this.text(flat, value, path);
    else if (Array.isArray(value)) this.list(flat, value, path);
    else if (isObject(value)) this.object(flat, value, path);
  }

  private type(schema: SchemaObject, value: Json, path: Path): boolean {
    if (schema.type === undefined) return true;
    const types = Array.isArray(schema.type) ? schema.type : [schema.type];
    if (types.some(type => isOfType(type, value))) return true;
    const expected = types.map(type => WORDS[type] ?? type).join(' or ');
    const isNull = value === null;
    this.wrong(
      path,
      isNull ? 'not_null' : 'type',
      isNull ? `is null, not ${expected}` : `is not ${expected}`,
    );
    return false;
  }

  private branches(base: SchemaObject, branches: Schema[] | undefined, value: Json, path: Path): void {
    if (!branches || branches.length === 0) return;
    // A struct that lies flat in another has its members beside the variants'.
    const alone = branches.map(branch => {
      const flat = this.schemas.flat(branch);
      return flat !== false && base.properties && flat.additionalProperties === false
        ? { ...flat, additionalProperties: true }
        : branch;
    });
    const branch = alone[closest(this.schemas, alone, value)];
    if (branch === undefined) return;
    const own = new Check(this.schemas);
    own.value(branch, value, path);
    if (own.found.length === 0) return;
    const elsewhere = own.found.filter(it => it.path.length > path.length);
    if (elsewhere.length > 0 && elsewhere.length === own.found.length) this.found.push(...elsewhere);
    else
      this.wrong(
        path,
        'type',
        branches.length === 1 ? (own.found[0]?.message ?? '') : 'fits none of the variants',
      );
  }

  private number(schema: SchemaObject, value: number | bigint, path: Path): void {
    const range = schema.type === 'integer' || isInteger(value) ? rangeOf(schema.format) : {};
    const min = schema.minimum ?? range.min;
    const max = schema.maximum ?? range.max;
    if (min !== undefined && value < min) this.wrong(path, 'ge', `must be at least ${min}`);
    if (max !== undefined && value > max) this.wrong(path, 'le', `must be at most ${max}`);
    const { exclusiveMinimum: above, exclusiveMaximum: below, multipleOf: step } = schema;
    if (above !== undefined && value <= above) this.wrong(path, 'gt', `must be more than ${above}`);
    if (below !== undefined && value >= below) this.wrong(path, 'lt', `must be less than ${below}`);
    if (step !== undefined && !isMultiple(value, step))
      this.wrong(path, 'multiple_of', `must be a multiple of ${step}`);
  }

  private text(schema: SchemaObject, value: string, path: Path): void {
    const { minLength: least, maxLength: most } = schema;
    const length = least === undefined && most === undefined ? 0 : [...value].length;
    if (least !== undefined && length < least) {
      this.wrong(path, 'min_length', `must have at least ${count(least, 'character')}`);
    }
    if (most !== undefined && length > most) {
      this.wrong(path, 'max_length', `must have at most ${count(most, 'character')}`);
    }
    const pattern = schema.pattern === undefined ? undefined : expression(schema.pattern);
    if (pattern && !pattern.test(value))
      this.wrong(path, 'pattern', `must match ${plainPattern(schema.pattern ?? '')}`);
    const format = schema.contentEncoding === 'base64' ? 'base64' : schema.format;
    if (format !== undefined && Object.hasOwn(FORMATS, format)) {
      const rule = FORMATS[format];
      if (rule && !rule.holds(value)) this.wrong(path, 'type', `must be ${rule.words}`);
    }
  }

  private list(schema: SchemaObject, value: Json[], path: Path): void {
    const { minItems: least, maxItems: most, prefixItems: tuple } = schema;
    if (tuple && least === most && least !== undefined && value.length !== least) {
      this.wrong(path, 'type', `must have exactly ${count(least, 'element')}`);
    } else {
      if (least !== undefined && value.length < least) {
        this.wrong(path, 'min_length', `must have at least ${count(least, 'element')}`);
      }
      if (most !== undefined && value.length > most) {
        this.wrong(path, 'max_length', `must have at most ${count(most, 'element')}`);
      }
    }
    if (schema.uniqueItems) {
      const twice = value.findIndex((element, index) =>
        value.slice(0, index).some(before => same(before, element)),
      );
      if (twice > 0) this.wrong([...path, twice], 'custom', 'has come before in the list');
    }
    value.forEach((element, index) => {
      const items = tuple?.[index] ?? schema.items;
      if (items !== undefined && items !== false) this.value(items, element, [...path, index]);
    });
  }

  private object(schema: SchemaObject, value: { [name: string]: Json }, path: Path): void {
    const {
      properties = {},
      required = [],
      additionalProperties: rest,
      propertyNames: keys,
      patternProperties = {},
    } = schema;
    const patterns = Object.entries(patternProperties).map(([pattern, it]) => ({
      pattern: expression(pattern),
      schema: it,
    }));
    const isMap = Object.keys(properties).length === 0;
    const step = (name: string) => (isMap ? { key: name } : name);
    for (const name of required) {
      if (!has(value, name)) this.wrong([...path, name], 'missing', 'is missing');
    }
    const names = Object.keys(value);
    for (const name of names) {
      const inside = [...path, step(name)];
      if (keys !== undefined) {
        const own = new Check(this.schemas);
        own.value(keys, name, inside);
        this.found.push(...own.found.map(it => ({ ...it, message: `key ${it.message}` })));
      }
      const member = has(properties, name) ? properties[name] : undefined;
      const matching = patterns.find(it => !it.pattern || it.pattern.test(name));
      if (member !== undefined) this.value(member, value[name], inside);
      else if (matching) this.value(matching.schema, value[name], inside);
      else if (rest === false) this.wrong(inside, 'unknown', 'is not known here');
      else if (rest !== undefined && rest !== true) this.value(rest, value[name], inside);
    }
    const { minProperties: least, maxProperties: most } = schema;
    if (least !== undefined && names.length < least) {
      this.wrong(path, 'min_length', `must have at least ${count(least, 'entry', 'entries')}`);
    }
    if (most !== undefined && names.length > most) {
      this.wrong(path, 'max_length', `must have at most ${count(most, 'entry', 'entries')}`);
    }
  }

  private wrong(path: Path, code: string, message: string): void {
    if (this.found.length < MOST) this.found.push({ path, code, message });
  }
}

const WORDS: Record<string, string> = {
  integer: 'an integer',
  number: 'a number',
  boolean: 'true or false',
  string: 'text',
  array: 'a list',
  object: 'an object',
  null: 'null',
};

function isOfType(type: string, value: Json): boolean {
  switch (type) {
    case 'integer':
      return isInteger(value);
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'null':
      return value === null;
    default:
      return typeof value === type;
  }
}

function isMultiple(value: number | bigint, step: number | bigint): boolean {
  if (isInteger(value) && isInteger(step))
    return step !== 0 && step !== 0n && BigInt(value) % BigInt(step) === 0n;
  const quotient = Number(value) / Number(step);
  return Math.abs(quotient - Math.round(quotient)) < 1e-9 * Math.max(1, Math.abs(quotient));
}

/** A pattern as JavaScript has it; `undefined` if it cannot be written so, and only the server can say. */
function expression(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

/** `1 character`, `2 characters`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

function plain(value: Json): Json {
  return typeof value === 'bigint' ? value.toString() : value;
}

const DATE = '\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])';
const TIME = '([01]\\d|2[0-3]):[0-5]\\d:([0-5]\\d|60)(\\.\\d+)?';

const matches = (source: string, words: string) => {
  const pattern = new RegExp(`^(?:${source})$`);
  return { holds: (text: string) => pattern.test(text), words };
};

const FORMATS: Record<string, { holds: (text: string) => boolean; words: string }> = {
  'date-time': matches(
    `${DATE}[Tt ]${TIME}([Zz]|[+-]\\d{2}:\\d{2})`,
    'a point in time with its zone, as 2026-01-31T12:00:00Z',
  ),
  'partial-date-time': matches(`${DATE}[Tt ]${TIME}`, 'a date and a time, as 2026-01-31T12:00:00'),
  date: matches(DATE, 'a date, as 2026-01-31'),
  uuid: matches('[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}', 'a UUID'),
  base64: { holds: text => fromBase64(text) !== undefined, words: 'bytes in base64' },
};
