/** JSON values with exact integers, and the paths that lead into them. */

/** A JSON value. Integers that a number cannot hold exactly are `bigint`. */
export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  [name: string]: Json;
}

/** A step into a value: the name of a member, an index, or the key of a map. */
export type Step = string | number | { readonly key: string };

/** From the whole value inwards. */
export type Path = readonly Step[];

/** Whether a value is an object, and neither a list nor null. */
export function isObject(value: unknown): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  );
}

/** Whether a value is an integer, however large. */
export function isInteger(value: unknown): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}

/** Sets a member, also one whose name means something to JavaScript. */
export function put(object: JsonObject, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}

/** Whether an object has a member of its own with this name. */
export function has(object: object, name: string): boolean {
  return Object.hasOwn(object, name);
}

/** A path as text: `order.lines[0].qty`, `prices["tea"]`. Empty for the whole value. */
export function pathText(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (typeof step === 'object') text += `[${JSON.stringify(step.key)}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}

/** What a step is in an object or list. */
export function stepKey(step: Step): string | number {
  return typeof step === 'object' ? step.key : step;
}

/** What lies at a path; `undefined` if nothing does. */
export function at(value: Json | undefined, path: Path): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path) {
    const key = stepKey(step);
    if (Array.isArray(here)) {
      here = typeof key === 'number' ? here[key] : undefined;
    } else if (isObject(here)) {
      here = has(here, String(key)) ? here[String(key)] : undefined;
    } else {
      return undefined;
    }
  }
  return here;
}

/** A copy in which something else lies at a path. What is missing on the way is made. */
export function withAt(value: Json | undefined, path: Path, replacement: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  const key = stepKey(step);
  if (typeof key === 'number') {
    const list: Json[] = Array.isArray(value) ? [...value] : [];
    while (list.length < key) list.push(null);
    list[key] = withAt(list[key], rest, replacement);
    return list;
  }
  const object = copy(value);
  put(object, key, withAt(has(object, key) ? object[key] : undefined, rest, replacement));
  return object;
}

/** A copy without what lies at a path. */
export function without(value: Json | undefined, path: Path): Json {
  const last = path.at(-1);
  if (last === undefined || value === undefined) return null;
  const parent = at(value, path.slice(0, -1));
  const key = stepKey(last);
  if (Array.isArray(parent) && typeof key === 'number') {
    return withAt(value, path.slice(0, -1), parent.toSpliced(key, 1));
  }
  if (!isObject(parent)) return value;
  const object = copy(parent);
  delete object[String(key)];
  return withAt(value, path.slice(0, -1), object);
}

/** A copy in which a member has another name, at the place where it was. */
export function renamed(value: Json | undefined, path: Path, from: string, to: string): Json {
  const object = at(value, path);
  if (!isObject(object) || from === to || has(object, to)) return value ?? null;
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(object)) put(result, name === from ? to : name, member);
  return withAt(value, path, result);
}

/** A copy in which an element of a list has changed its place. */
export function moved(value: Json | undefined, path: Path, from: number, to: number): Json {
  const list = at(value, path);
  const element = Array.isArray(list) ? list[from] : undefined;
  if (!Array.isArray(list) || element === undefined || to < 0 || to >= list.length) return value ?? null;
  return withAt(value, path, list.toSpliced(from, 1).toSpliced(to, 0, element));
}

/** Whether two values are the same. */
export function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((element, index) => same(element, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length && names.every(name => has(b, name) && same(a[name], b[name]))
    );
  }
  // 1 and 1n are one number.
  return isInteger(a) && isInteger(b) && BigInt(a) === BigInt(b);
}

function copy(value: Json | undefined): JsonObject {
  const object: JsonObject = {};
  if (isObject(value)) for (const [name, member] of Object.entries(value)) put(object, name, member);
  return object;
}
