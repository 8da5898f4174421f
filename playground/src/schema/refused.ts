/** What a server says is wrong with parameters, each thing with its place: from the data of its error. */

import { isObject, type Json } from '../json/value.ts';

/** Something that is wrong. */
export interface Refused {
  /** As servers write paths: `order.lines[0].qty`; empty for the whole. */
  path: string;
  message: string;
}

/**
 * The violations in the data of an error, in the form of `swill/1` or of JSON-RPC; none if it is something
 * else.
 */
export function refused(data: unknown): Refused[] {
  if (!isObject(data)) return [];
  const { errors } = data;
  if (Array.isArray(errors) && errors.every(it => isObject(it) && typeof it['message'] === 'string')) {
    return errors.map(it => {
      const { path, parameter, message } = it as Record<string, Json>;
      return { path: text(path ?? parameter), message: text(message) };
    });
  }
  const found: Refused[] = [];
  return ofTree(data, '', found) ? found : [];
}

/** The tree of PROTOCOLS.md, 1.7; `false` if it is none. */
function ofTree(fields: unknown, path: string, found: Refused[]): boolean {
  if (!isObject(fields)) return false;
  return Object.entries(fields).every(([name, items]) => {
    const inside = name === '*' ? path : path === '' ? name : `${path}.${name}`;
    return Array.isArray(items) && items.every(item => ofItem(item, inside, found));
  });
}

function ofItem(item: unknown, path: string, found: Refused[]): boolean {
  if (!isObject(item)) return false;
  const { description, index, key, errors } = item;
  if (typeof description === 'string') {
    found.push({ path, message: description });
    return true;
  }
  if (!Array.isArray(errors)) return ofTree(item, path, found);
  const inside = index === undefined ? `${path}[${JSON.stringify(key)}]` : `${path}[${text(index)}]`;
  return errors.every(it => ofItem(it, inside, found));
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : String(value);
}
