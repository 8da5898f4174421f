/** A call as it goes over the wire. */

import { Encoder } from '../../../clients/typescript/src/messagepack/encoder.ts';
import { hex } from '../json/bytes.ts';
import { compact } from '../json/print.ts';
import { linesOf, type Snippet } from './snippet.ts';

/** The messages: in hexadecimal digits, or as JSON. The call's number is 1. */
export function frame(it: Snippet): string {
  return it.protocol === 'swill' ? swill(it) : jsonRpc(it);
}

function swill(it: Snippet): string {
  const { name } = it.procedure;
  const { metadata } = it;
  if (!it.procedure.items) {
    return linesOf(bytes(1, it.params ?? null, name, ...(metadata ? [0, metadata] : [])));
  }
  return linesOf(
    `# open\n${bytes(1, null, name, 2, ...(metadata ? [metadata] : []))}`,
    `# an item\n${bytes(1, it.item, name)}`,
    `# the end\n${bytes(1, null, name, 1)}`,
  );
}

function jsonRpc(it: Snippet): string {
  if (it.procedure.items) return '# JSON-RPC has no streams in';
  const message = {
    jsonrpc: '2.0',
    method: it.procedure.name,
    ...(it.params !== undefined && { params: it.params }),
    id: 1,
  };
  return compact(message);
}

function bytes(...message: unknown[]): string {
  const encoder = new Encoder();
  encoder.begin();
  encoder.value(message);
  return hex(encoder.copy(), ' ');
}
