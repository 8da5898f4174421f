/** Schemas without references: what a reference leads to and what stands beside it, as one. */

import type { Json } from '../json/value.ts';
import type { Schema, SchemaObject } from '../spec.ts';

/** The schemas of a description. */
export class Schemas {
  private readonly known = new WeakMap<SchemaObject, SchemaObject | false>();

  constructor(private readonly definitions: Record<string, Schema> = {}) {}

  /**
   * A schema whose own keywords say everything: without `$ref` and `allOf`. `false` if no value fits. Those
   * of its parts are left as they are.
   */
  flat(schema: Schema): SchemaObject | false {
    if (typeof schema === 'boolean') return schema ? {} : false;
    const known = this.known.get(schema);
    if (known !== undefined) return known;
    // What refers to itself and to nothing else means nothing.
    this.known.set(schema, {});
    const flat = this.flatten(schema);
    this.known.set(schema, flat);
    return flat;
  }

  /** The name of the definition that a schema refers to. */
  nameOf(schema: Schema): string | undefined {
    if (typeof schema === 'boolean') return undefined;
    if (schema.$ref !== undefined) return definitionName(schema.$ref);
    const only = schema.allOf?.length === 1 ? schema.allOf[0] : undefined;
    return only === undefined ? undefined : this.nameOf(only);
  }

  /** The definition of this name. */
  definition(name: string): Schema | undefined {
    return Object.hasOwn(this.definitions, name) ? this.definitions[name] : undefined;
  }

  /** Two schemas that both hold, as one. */
  merged(first: SchemaObject, second: SchemaObject): SchemaObject {
    const result: SchemaObject = { ...first, ...second };
    if (first.properties && second.properties) {
      result.properties = { ...first.properties };
      for (const [name, schema] of Object.entries(second.properties)) {
        const before = result.properties[name];
        result.properties[name] = before === undefined ? schema : this.both(before, schema);
      }
    }
    if (first.required && second.required)
      result.required = [...new Set([...first.required, ...second.required])];
    for (const keyword of ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']) {
      bound(result, first, second, keyword, (a, b) => (a > b ? a : b));
    }
    for (const keyword of ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']) {
      bound(result, first, second, keyword, (a, b) => (a < b ? a : b));
    }
    // The parts of a struct that lie flat in it do not know of each other's members.
    if (first.additionalProperties === false && second.properties) delete result.additionalProperties;
    return result;
  }

  private both(first: Schema, second: Schema): Schema {
    if (first === true) return second;
    if (second === true || first === false) return first;
    return second === false ? false : { allOf: [first, second] };
  }

  private flatten(schema: SchemaObject): SchemaObject | false {
    const { $ref, allOf, ...own } = schema;
    const parts: Schema[] = [...(allOf ?? [])];
    if ($ref !== undefined) {
      const name = definitionName($ref);
      parts.unshift((name !== undefined ? this.definition(name) : undefined) ?? true);
    }
    if (parts.length === 0) return own as SchemaObject;
    let result: SchemaObject = {};
    for (const part of parts) {
      const flat = this.flat(part);
      if (flat === false) return false;
      result = this.merged(result, flat);
    }
    return this.merged(result, own as SchemaObject);
  }
}

/** `#/$defs/Page%3CUser%3E` -> `Page<User>`. */
export function definitionName(reference: string): string | undefined {
  const name = reference.startsWith('#/$defs/') ? reference.slice('#/$defs/'.length) : undefined;
  if (name === undefined) return undefined;
  try {
    return decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    return name;
  }
}

/** The schema of everything that is not null, if null is allowed beside it. */
export function withoutNull(schemas: Schemas, schema: SchemaObject): Schema | undefined {
  if (Array.isArray(schema.type) && schema.type.includes('null')) {
    const types = schema.type.filter(type => type !== 'null');
    if (types.length === 0) return undefined;
    const rest: SchemaObject = { ...schema, type: types.length === 1 ? types[0] : types };
    if (schema.enum) rest.enum = schema.enum.filter(value => value !== null);
    return rest;
  }
  if (schema.enum && schema.enum.length > 1 && schema.enum.includes(null)) {
    return { ...schema, enum: schema.enum.filter(value => value !== null) };
  }
  for (const keyword of ['anyOf', 'oneOf'] as const) {
    const branches = schema[keyword];
    const rest = branches?.filter(branch => !isNull(schemas.flat(branch)));
    if (!branches || !rest || rest.length === 0 || rest.length === branches.length) continue;
    const { [keyword]: _, ...beside } = schema;
    const only = rest.length === 1 ? rest[0] : undefined;
    if (only === undefined) return { ...beside, [keyword]: rest };
    return Object.keys(beside).length === 0 || typeof only === 'boolean' ? only : { ...only, ...beside };
  }
  return undefined;
}

function isNull(schema: SchemaObject | false): boolean {
  return schema !== false && (schema.type === 'null' || schema.const === null);
}

type Limit = number | bigint;

function bound(
  result: SchemaObject,
  first: SchemaObject,
  second: SchemaObject,
  keyword: string,
  choose: (a: Limit, b: Limit) => Limit,
): void {
  const [a, b] = [first[keyword] as Json | undefined, second[keyword] as Json | undefined];
  const isLimit = (value: Json | undefined): value is Limit =>
    typeof value === 'number' || typeof value === 'bigint';
  if (isLimit(a) && isLimit(b)) result[keyword] = choose(a, b);
}
