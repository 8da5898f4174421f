/** Values of scenarios: what JSON cannot say is written with tags. */

/** What stands for `$run` and `$i`. */
export interface Scope {
  readonly run: string;
  readonly round: number | undefined;
}

/** A scenario is not as it has to be: the runner is at fault, or the list. */
export class Unknown extends Error {}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A text with its places filled in. */
export function text(template: string, scope: Scope): string {
  return template
    .replaceAll('$run', scope.run)
    .replaceAll('$i', scope.round === undefined ? '$i' : String(scope.round));
}

/** The only entry of a map with a tag. */
function tagOf(value: unknown): [string, Json] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value as Record<string, Json>);
  const [first] = entries;
  return entries.length === 1 && first !== undefined && first[0].startsWith('$') && first[0] !== '$run'
    ? first
    : undefined;
}

/** A value as the client is given it. */
export function build(written: unknown, scope: Scope): unknown {
  if (typeof written === 'string') return text(written, scope);
  if (typeof written !== 'object' || written === null) return written;
  if (Array.isArray(written)) return written.map((item) => build(item, scope));
  const tag = tagOf(written);
  if (tag !== undefined) return tagged(tag[0], tag[1], scope);
  return Object.fromEntries(
    Object.entries(written).map(([key, value]) => [text(key, scope), build(value, scope)]),
  );
}

function tagged(tag: string, value: Json, scope: Scope): unknown {
  const list = value as [never, never];
  switch (tag) {
    case '$int':
      return BigInt(value as string);
    case '$float':
      return float(value as string);
    case '$bytes':
      return Uint8Array.from(atob(value as string), (char) => char.charCodeAt(0));
    case '$fill':
      return new Uint8Array(list[1]).fill(list[0]);
    case '$repeat':
      return text(list[0], scope).repeat(list[1]);
    case '$nest': {
      let nested = build(list[1], scope);
      for (let level = 0; level < (list[0] as number); level++) nested = [nested];
      return nested;
    }
    case '$range':
      return Array.from({ length: list[1] - list[0] }, (_, at) => at + (list[0] as number));
    case '$map': {
      const pairs = (value as [Json, Json][]).map(([key, member]) => [
        build(key, scope),
        build(member, scope),
      ]);
      return new Map(pairs as [unknown, unknown][]);
    }
    case '$index':
      return (scope.round ?? 0) + (value as number);
    default:
      throw new Unknown(`there is no tag ${tag}`);
  }
}

function float(written: string): number {
  const words: Record<string, number> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };
  return words[written] ?? Number(written);
}

/** Why a value is not what is expected; `undefined` if it is. */
export function differs(expected: unknown, actual: unknown, scope: Scope, place = 'it'): string | undefined {
  const tag = tagOf(expected);
  switch (tag?.[0]) {
    case '$any':
      return isA(tag[1] as string, actual) ? undefined : `${place} is no ${String(tag[1])}: ${show(actual)}`;
    case '$text':
      return typeof actual === 'string' && actual.includes(text(tag[1] as string, scope))
        ? undefined
        : `${place} has no ${show(tag[1])} in it: ${show(actual)}`;
    case '$has':
      return hasMembers(tag[1] as Record<string, Json>, actual, scope, place);
    case undefined:
      break;
    default:
      return equals(build(expected, scope), actual, place);
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return `${place} is no list: ${show(actual)}`;
    if (actual.length !== expected.length) return `${place} has ${actual.length} elements: ${show(actual)}`;
    return first(expected.map((item, at) => differs(item, actual[at], scope, `${place}[${at}]`)));
  }
  if (typeof expected === 'object' && expected !== null) {
    const members = hasMembers(expected as Record<string, Json>, actual, scope, place);
    if (members !== undefined) return members;
    const more = entriesOf(actual).length - Object.keys(expected).length;
    return more === 0 ? undefined : `${place} has ${more} entries too many: ${show(actual)}`;
  }
  return equals(build(expected, scope), actual, place);
}

function hasMembers(
  expected: Record<string, Json>,
  actual: unknown,
  scope: Scope,
  place: string,
): string | undefined {
  if (!isA('map', actual)) return `${place} is no map: ${show(actual)}`;
  const members = new Map(entriesOf(actual));
  return first(
    Object.entries(expected).map(([template, value]) => {
      const key = text(template, scope);
      if (!members.has(key)) return `${place} has no ${key}: ${show(actual)}`;
      return differs(value, members.get(key), scope, `${place}.${key}`);
    }),
  );
}

/** Whether two values are the same: integers exactly, all else by kind and value. */
function equals(expected: unknown, actual: unknown, place: string): string | undefined {
  const wrong = `${place} is not ${show(expected)}: ${show(actual)}`;
  if (isNumeric(expected)) {
    if (!isNumeric(actual)) return wrong;
    const same =
      isA('integer', expected) && isA('integer', actual) ? BigInt(expected) === BigInt(actual) : false;
    return (same && !isMinusZero(expected) && !isMinusZero(actual)) || Object.is(expected, actual)
      ? undefined
      : wrong;
  }
  if (typeof expected !== 'object' || expected === null)
    return Object.is(expected, actual) ? undefined : wrong;
  if (expected instanceof Uint8Array) {
    if (!(actual instanceof Uint8Array) || actual.length !== expected.length) return wrong;
    return expected.every((byte, at) => byte === actual[at]) ? undefined : wrong;
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return wrong;
    return first(expected.map((item, at) => equals(item, actual[at], `${place}[${at}]`)));
  }
  if (!isA('map', actual)) return wrong;
  const entries = entriesOf(expected);
  const others = entriesOf(actual);
  if (entries.length !== others.length) return wrong;
  return first(
    entries.map(([key, value]) => {
      const found = others.find(([other]) => equals(key, other, '') === undefined);
      return found === undefined ? wrong : equals(value, found[1], `${place}.${String(key)}`);
    }),
  );
}

function first(differences: (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isMinusZero(value: unknown): boolean {
  return Object.is(value, -0);
}

function entriesOf(value: unknown): [unknown, unknown][] {
  return value instanceof Map ? [...(value as Map<unknown, unknown>)] : Object.entries(value as object);
}

function isA(kind: string, value: unknown): boolean {
  switch (kind) {
    case 'value':
      return value !== undefined;
    case 'null':
      return value === null;
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value);
    case 'float':
      return typeof value === 'number';
    case 'text':
      return typeof value === 'string';
    case 'bytes':
      return value instanceof Uint8Array;
    case 'list':
      return Array.isArray(value);
    case 'map':
      return (
        typeof value === 'object' &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof Uint8Array) &&
        !(value instanceof Date)
      );
    default:
      throw new Unknown(`there is no kind ${kind}`);
  }
}

/** A value for people. */
export function show(value: unknown): string {
  const seen = JSON.stringify(value, (_key, member: unknown) => {
    if (typeof member === 'bigint') return `${member}n`;
    if (member instanceof Uint8Array) return `${member.length} bytes`;
    if (member instanceof Map) return [...(member as Map<unknown, unknown>)];
    return member;
  });
  return (seen ?? String(value)).slice(0, 300);
}
