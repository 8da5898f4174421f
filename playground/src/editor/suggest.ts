/** What can stand at a place of a JSON text, by its schema: names of members, fixed values, literals. */

import { type JsonNode, parse } from '../json/parse.ts';
import { inline, print } from '../json/print.ts';
import { has, isObject, type Json } from '../json/value.ts';
import { example } from '../schema/example.ts';
import { kindOf } from '../schema/kind.ts';
import type { Schemas } from '../schema/schemas.ts';
import { closest } from '../schema/validate.ts';
import { typeWords } from '../schema/words.ts';
import type { Schema } from '../spec.ts';

/** Something that can be written. */
export interface Suggestion {
  label: string;
  /** Beside it. */
  detail: string;
  insert: string;
}

/** What can be written, and in place of what. */
export interface Suggestions {
  from: number;
  to: number;
  list: Suggestion[];
}

/** What can stand at a place of a text. */
export function suggest(schemas: Schemas, schema: Schema, text: string, at: number): Suggestions | undefined {
  const { root } = parse(text);
  return root ? inside(schemas, schema, root, text, at) : values(schemas, schema, text, at, at);
}

function inside(
  schemas: Schemas,
  schema: Schema,
  node: JsonNode,
  text: string,
  at: number,
): Suggestions | undefined {
  if (node.kind === 'object' && at > node.from) return inObject(schemas, schema, node, text, at);
  if (node.kind === 'array' && at > node.from) {
    const index = node.elements.findIndex(it => at >= it.from && at <= it.to);
    const place = index < 0 ? node.elements.filter(it => it.to < at).length : index;
    const element = node.elements[index];
    const own = elementSchema(schemas, schema, node.value, place);
    return element ? inside(schemas, own, element, text, at) : values(schemas, own, text, at, at);
  }
  return values(schemas, schema, text, node.from, Math.max(node.to, at));
}

function inObject(
  schemas: Schemas,
  schema: Schema,
  node: JsonNode,
  text: string,
  at: number,
): Suggestions | undefined {
  for (const member of node.members) {
    if (at >= member.from && at <= member.to)
      return names(schemas, schema, node, text, member.from, member.to, member.name);
    if (member.node && at >= member.node.from && at <= member.node.to) {
      return inside(schemas, memberSchema(schemas, schema, node.value, member.name), member.node, text, at);
    }
  }
  const before = text.slice(node.from, at).trimEnd();
  if (before.endsWith(':')) {
    const member = node.members.filter(it => it.to <= at).at(-1);
    return member && values(schemas, memberSchema(schemas, schema, node.value, member.name), text, at, at);
  }
  return before.endsWith('{') || before.endsWith(',')
    ? names(schemas, schema, node, text, at, at, '')
    : undefined;
}

function names(
  schemas: Schemas,
  schema: Schema,
  node: JsonNode,
  text: string,
  from: number,
  to: number,
  own: string,
): Suggestions | undefined {
  const there = isObject(node.value) ? node.value : {};
  const used = new Set(node.members.map(member => member.name).filter(name => name !== own));
  const colon = /^\s*:/.test(text.slice(to));
  const list: Suggestion[] = [];
  for (const [name, field] of fieldsOf(schemas, schema, there)) {
    if (used.has(name)) continue;
    const value = colon ? '' : `: ${print(example(schemas, field, name), lineIndent(text, from))}`;
    list.push({ label: name, detail: typeWords(schemas, field), insert: `${JSON.stringify(name)}${value}` });
  }
  return list.length === 0 ? undefined : { from, to, list };
}

function lineIndent(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  return /^\s*/.exec(line)?.[0] ?? '';
}

function values(
  schemas: Schemas,
  schema: Schema,
  text: string,
  from: number,
  to: number,
): Suggestions | undefined {
  const list: Suggestion[] = [];
  const add = (value: Json, detail: string) => {
    const label = inline(value, 60);
    if (!list.some(it => it.label === label))
      list.push({ label, detail, insert: print(value, lineIndent(text, from)) });
  };
  const collect = (it: Schema, depth: number): void => {
    const kind = kindOf(schemas, it);
    const flat = schemas.flat(it);
    if (flat !== false && flat.default !== undefined) add(flat.default, 'default');
    if (kind.kind === 'choice') kind.choices.forEach(choice => add(choice.value, choice.doc ?? ''));
    else if (kind.kind === 'boolean') [true, false].forEach(value => add(value, ''));
    else if (kind.kind === 'null') add(null, '');
    else if (kind.kind === 'nullable') {
      collect(kind.inner, depth + 1);
      add(null, '');
    } else if (kind.kind === 'variants' && depth < 3) {
      kind.variants.forEach(variant => add(example(schemas, variant.schema), variant.label));
    } else if (
      kind.kind === 'struct' ||
      kind.kind === 'list' ||
      kind.kind === 'tuple' ||
      kind.kind === 'map'
    ) {
      add(example(schemas, it), typeWords(schemas, it));
    }
  };
  collect(schema, 0);
  return list.length === 0 ? undefined : { from, to, list };
}

function fieldsOf(schemas: Schemas, schema: Schema, value: Json): [string, Schema][] {
  const kind = kindOf(schemas, schema);
  switch (kind.kind) {
    case 'struct':
      return kind.fields.map(field => [field.name, field.schema]);
    case 'nullable':
      return fieldsOf(schemas, kind.inner, value);
    case 'variants': {
      const branches = kind.variants.map(it => it.schema);
      const near = branches[closest(schemas, branches, value)];
      const nearest: [string, Schema][] = near === undefined ? [] : fieldsOf(schemas, near, value);
      const known = new Set(nearest.map(([name]) => name));
      const others = branches
        .flatMap(branch => fieldsOf(schemas, branch, value))
        .filter(([name]) => !known.has(name));
      return isObject(value) && Object.keys(value).length > 0 ? nearest : [...nearest, ...new Map(others)];
    }
    default:
      return [];
  }
}

function memberSchema(schemas: Schemas, schema: Schema, value: Json, name: string): Schema {
  const found = new Map(fieldsOf(schemas, schema, value)).get(name);
  if (found !== undefined) return found;
  const kind = kindOf(schemas, schema);
  if (kind.kind === 'map') return kind.values;
  if (kind.kind === 'nullable') return memberSchema(schemas, kind.inner, value, name);
  return kind.kind === 'struct' && !has({}, name) ? kind.rest || true : true;
}

function elementSchema(schemas: Schemas, schema: Schema, value: Json, index: number): Schema {
  const kind = kindOf(schemas, schema);
  switch (kind.kind) {
    case 'list':
      return kind.items;
    case 'tuple':
      return kind.items[index] ?? kind.rest;
    case 'nullable':
      return elementSchema(schemas, kind.inner, value, index);
    case 'variants': {
      const branches = kind.variants.map(it => it.schema);
      const branch = branches[closest(schemas, branches, value)];
      return branch === undefined ? true : elementSchema(schemas, branch, value, index);
    }
    default:
      return true;
  }
}
