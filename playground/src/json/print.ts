/** Writes values as JSON: exact integers as they are, bytes as base64, points in time as RFC 3339. */

import { base64 } from './bytes.ts';

/** How long a list of scalars may be to stay on one line. */
const LINE = 72;

/** A value over several lines, indented by two blanks. */
export function print(value: unknown, indent = ''): string {
  const short = inline(value);
  if (short.length + indent.length <= LINE && isFlat(value)) return short;
  const deeper = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map(it => deeper + print(it, deeper)).join(',\n')}\n${indent}]`;
  }
  const members = entriesOf(value);
  if (!members) return short;
  if (members.length === 0) return '{}';
  const lines = members.map(([name, member]) => `${deeper}${JSON.stringify(name)}: ${print(member, deeper)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

/** A value on one line; what is beyond `most` characters is left out. */
export function inline(value: unknown, most = Infinity): string {
  const text = new Line(most).add(value);
  return text.length > most ? `${text.slice(0, Math.max(0, most - 1))}…` : text;
}

/** A value on one line without blanks, as machines write it. */
export function compact(value: unknown): string {
  return new Line(Infinity, '').add(value);
}

function isFlat(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(it => typeof it !== 'object' || it === null);
  const members = entriesOf(value);
  return members === undefined || members.length === 0;
}

/** The members of an object or map; `undefined` for everything else. */
function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  if (value instanceof Uint8Array || value instanceof Date) return undefined;
  if (value instanceof Map) return [...value].map(([key, member]) => [nameOf(key), member]);
  return Object.entries(value).filter(([, member]) => member !== undefined);
}

function nameOf(key: unknown): string {
  return typeof key === 'string' ? key : inline(key);
}

/** Writes on one line, and stops soon after it has become too long. */
class Line {
  private left: number;

  constructor(
    most: number,
    private readonly blank = ' ',
  ) {
    this.left = most;
  }

  add(value: unknown): string {
    if (this.left < 0) return '';
    if (Array.isArray(value)) {
      const parts: string[] = [];
      for (const element of value) {
        if (this.left < 0) break;
        parts.push(this.add(element));
      }
      return `[${parts.join(`,${this.blank}`)}]`;
    }
    const members = entriesOf(value);
    if (members) {
      const parts: string[] = [];
      for (const [name, member] of members) {
        if (this.left < 0) break;
        parts.push(`${this.spend(JSON.stringify(name))}:${this.blank}${this.add(member)}`);
      }
      if (parts.length === 0) return '{}';
      return `{${this.blank}${parts.join(`,${this.blank}`)}${this.blank}}`;
    }
    return this.spend(scalar(value));
  }

  private spend(text: string): string {
    this.left -= text.length + 2;
    return text;
  }
}

function scalar(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'number':
      // JSON has no infinity; MessagePack has.
      return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return String(value);
    default:
      if (value instanceof Uint8Array) return JSON.stringify(base64(value));
      if (value instanceof Date)
        return JSON.stringify(Number.isNaN(value.getTime()) ? null : value.toISOString());
      return 'null';
  }
}
