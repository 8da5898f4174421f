/** A procedure on one line. */

import type { Procedure } from '../spec.ts';
import type { Schemas } from './schemas.ts';
import { typeWords } from './words.ts';

/** What a procedure takes and gives, in a few words. */
export function signature(schemas: Schemas, procedure: Procedure): { takes: string; gives: string } {
  const result = typeWords(schemas, procedure.result);
  const gives = procedure.streams_out ? `stream of ${result}` : result === 'null' ? 'nothing' : result;
  if (procedure.items) {
    return { takes: `${procedure.items.name}: stream of ${typeWords(schemas, procedure.items.schema)}`, gives };
  }
  return { takes: procedure.parameters.map(it => (it.required ? it.name : `${it.name}?`)).join(', '), gives };
}
