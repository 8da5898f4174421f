/** A call on the command line, with `swill call`. */

import { compact } from '../json/print.ts';
import { parametersOnWire } from '../schema/wire.ts';
import type { Snippet } from './snippet.ts';

/** The line. */
export function shell(it: Snippet): string {
  const parts = ['swill', 'call', quoted(it.address), quoted(it.procedure.name)];
  // A single parameter stands alone, whatever the protocol: the command puts it where that wants it.
  const params = it.procedure.items
    ? undefined
    : parametersOnWire(it.schemas, it.procedure, it.value, 'swill');
  if (it.procedure.items) parts.push(quoted(compact(it.item)));
  else if (params !== undefined) parts.push(quoted(compact(params)));
  for (const [key, value] of Object.entries(it.metadata ?? {})) {
    parts.push(
      '--metadata',
      quoted(typeof value === 'string' ? `${key}=${value}` : `${key}:=${compact(value)}`),
    );
  }
  if (it.deadline !== undefined) parts.push('--deadline', it.deadline === null ? 'none' : `${it.deadline}ms`);
  if (it.protocol === 'json-rpc') parts.push('--protocol', 'json-rpc');
  if (it.hasToken) parts.push('--token', '"$SWILL_TOKEN"');
  return parts.join(' ');
}

/** A word as shells take it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
