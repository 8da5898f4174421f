/** A procedure on one line. */

import type { Procedure, Schema } from '../spec.ts';
import type { Schemas } from './schemas.ts';
import { typeWords } from './words.ts';

/** What a procedure takes and gives, in a few words. */
export function signature(schemas: Schemas, procedure: Procedure): { takes: string; gives: string } {
  const words = (schema: Schema) =>
    typeWords(schemas, schema)
      .replaceAll(/ \(\d+ bit[^)]*\)/g, '')
      .replace(/^(\w+), .*$/, '$1');
  const result = words(procedure.result);
  const gives = procedure.streams_out ? `stream of ${result}` : result === 'null' ? 'nothing' : result;
  if (procedure.items) {
    return { takes: `${procedure.items.name}: stream of ${words(procedure.items.schema)}`, gives };
  }
  return { takes: procedure.parameters.map(it => (it.required ? it.name : `${it.name}?`)).join(', '), gives };
}
