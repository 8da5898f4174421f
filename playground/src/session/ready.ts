/** From what somebody has written to what can be called; or why it cannot. */

import type { Metadata } from '@swill/client';
import { parseValue } from '../json/parse.ts';
import type { Draft } from './draft.ts';
import type { Request } from './call.ts';

/** The metadata of a draft: JSON where it is JSON, text otherwise. `undefined` if there is none. */
export function metadataOf(draft: Draft): Metadata | undefined {
  const rows = draft.metadata.filter(row => row.key !== '');
  if (rows.length === 0) return undefined;
  return Object.fromEntries(rows.map(row => [row.key, parseValue(row.value) ?? row.value]));
}

/** Milliseconds; `null` for none, `undefined` for the default. */
export function deadlineOf(text: string): number | null | undefined {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === '') return undefined;
  if (trimmed === 'none') return null;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m)?$/.exec(trimmed);
  if (!match) return undefined;
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 'ms') as 'ms' | 's' | 'm'];
}

/** Whether a deadline is one. */
export function isDeadline(text: string): boolean {
  return text.trim() === '' || deadlineOf(text) !== undefined;
}

/** What a draft calls. */
export function requestOf(draft: Draft): Request {
  return {
    procedure: draft.procedure,
    value: draft.value,
    metadata: metadataOf(draft),
    deadline: deadlineOf(draft.deadline),
    idempotent: draft.idempotent,
  };
}
