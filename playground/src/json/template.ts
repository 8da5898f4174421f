/** Values of which many are made: each with its own number. */

import { isInteger, isObject, type Json, type JsonObject, put } from './value.ts';

/** How numbers get into a value. */
export interface Template {
  value: Json;
  /** Every integer goes up by one from value to value. */
  countsUp: boolean;
}

/** The value with this number, from 0. In texts `{n}` becomes the number, from 1. */
export function numbered({ value, countsUp }: Template, index: number): Json {
  if (typeof value === 'string') return value.replaceAll('{n}', String(index + 1));
  if (countsUp && isInteger(value)) return typeof value === 'bigint' ? value + BigInt(index) : value + index;
  if (Array.isArray(value)) return value.map(it => numbered({ value: it, countsUp }, index));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, member] of Object.entries(value))
    put(result, name, numbered({ value: member, countsUp }, index));
  return result;
}
