/** A call as it is written in a program or a shell. */

import type { Json } from '../json/value.ts';
import { parametersOnWire, type Sendable, sendable } from '../schema/wire.ts';
import type { Schemas } from '../schema/schemas.ts';
import { type Procedure, type Shape, shapeOf } from '../spec.ts';

/** What a call is made of. */
export interface Snippet {
  schemas: Schemas;
  procedure: Procedure;
  shape: Shape;
  address: string;
  protocol: 'swill' | 'json-rpc';
  /** Whether the page has a token. It is never written: programs read it from their environment. */
  hasToken: boolean;
  /** The value as the page has it: the parameters by name, or an item. */
  value: Json;
  /** What the client is given; `undefined` if nothing. */
  params: Sendable | undefined;
  /** An item of the stream in. */
  item: Sendable;
  metadata: Record<string, unknown> | undefined;
  /** Milliseconds. */
  deadline: number | null | undefined;
  idempotent: boolean;
}

/** Prepares a snippet. */
export function snippetOf(given: Omit<Snippet, 'shape' | 'params' | 'item'>): Snippet {
  const { schemas, procedure, protocol, value } = given;
  const items = procedure.items;
  return {
    ...given,
    // JSON-RPC has none.
    metadata: protocol === 'json-rpc' ? undefined : given.metadata,
    shape: shapeOf(procedure),
    params: items ? undefined : parametersOnWire(schemas, procedure, value, protocol),
    item: items ? sendable(schemas, items.schema, value) : null,
  };
}

/** Lines, those that are there. */
export function linesOf(...lines: (string | undefined | false)[]): string {
  return lines.filter(line => line !== undefined && line !== false).join('\n');
}

/** Values as a language writes them. */
export interface Writer {
  null: string;
  true: string;
  false: string;
  list: [string, string];
  map: [string, string];
  number(value: number | bigint): string;
  text(value: string): string;
  bytes(value: Uint8Array): string;
  member(name: string, value: string): string;
  /** A map whose keys are numbers. */
  numbered(pairs: [string, string][]): string;
}

/** A value as a language writes it, on one line if it is short. */
export function written(writer: Writer, value: unknown, indent = ''): string {
  if (value === null || value === undefined) return writer.null;
  if (typeof value === 'boolean') return value ? writer.true : writer.false;
  if (typeof value === 'number' || typeof value === 'bigint') return writer.number(value);
  if (typeof value === 'string') return writer.text(value);
  if (value instanceof Uint8Array) return writer.bytes(value);
  const deeper = `${indent}  `;
  if (value instanceof Map) {
    return writer.numbered(
      [...value].map(([key, it]) => [written(writer, key), written(writer, it, deeper)]),
    );
  }
  const parts = Array.isArray(value)
    ? value.map(it => written(writer, it, deeper))
    : Object.entries(value).map(([name, it]) => writer.member(name, written(writer, it, deeper)));
  const [open, close] = Array.isArray(value) ? writer.list : writer.map;
  if (parts.length === 0) return open.trimEnd() + close.trimStart();
  const line = `${open}${parts.join(', ')}${close}`;
  if (line.length + indent.length <= 88 && !line.includes('\n')) return line;
  return `${open.trimEnd()}\n${parts.map(part => `${deeper}${part},`).join('\n')}\n${indent}${close.trimStart()}`;
}
