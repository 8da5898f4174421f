/** Which of the errors that a procedure announces an error is. The wire says only its code. */

import type { Json } from '../json/value.ts';
import type { ErrorCase, Procedure } from '../spec.ts';
import type { Schemas } from './schemas.ts';
import { validate } from './validate.ts';

/** An error, as it came. */
export interface Came {
  code: number;
  message: string;
  data?: unknown;
}

/** The case, if there is exactly one that fits: by its code, by the type of its data, and by its message. */
export function announced(
  schemas: Schemas,
  procedure: Procedure,
  protocol: 'swill' | 'json-rpc',
  error: Came,
): ErrorCase | undefined {
  const fits = (procedure.errors ?? []).filter(it => {
    if (codeIn(it, protocol) !== error.code) return false;
    return it.data === undefined
      ? true
      : validate(schemas, it.data, error.data as Json | undefined).length === 0;
  });
  if (fits.length <= 1) return fits[0];
  const said = fits.filter(it => pattern(it.message).test(error.message));
  return said.length === 1 ? said[0] : undefined;
}

/** JSON-RPC has codes of its own. */
function codeIn(error: ErrorCase, protocol: 'swill' | 'json-rpc'): number {
  if (protocol === 'swill') return error.code;
  return error.json_rpc_code ?? (error.code === 422 ? -32602 : error.code);
}

/** A message with places in braces, `no such user {id}`, as an expression. */
function pattern(message: string): RegExp {
  const parts = message.split(/\{[^{}]*\}/).map(part => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}
