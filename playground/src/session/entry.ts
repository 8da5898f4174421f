/** What happened in a call, one thing after the other. */

/** Something that happened in a call. */
export interface Entry {
  /** Counts from 1 in the call. */
  number: number;
  direction: 'in' | 'out' | 'note';
  kind: 'open' | 'item' | 'metadata' | 'result' | 'end' | 'error' | 'cancel';
  /** Milliseconds since the call began. */
  at: number;
  /** Bytes on the wire; `undefined` if it was no message of its own. */
  size: number | undefined;
  /** What was sent or came, or words about it. */
  value: unknown;
}

/** What the kinds are called. */
export const KINDS: Record<Entry['kind'], string> = {
  open: 'call',
  item: 'item',
  metadata: 'metadata',
  result: 'answer',
  end: 'end',
  error: 'error',
  cancel: 'cancel',
};

/** An entry as a line of a file. */
export function entryRecord(entry: Entry): Record<string, unknown> {
  const { number, direction, kind, at, size, value } = entry;
  return {
    number,
    at: Math.round(at * 1000) / 1000,
    direction,
    kind,
    ...(size !== undefined && { size }),
    value,
  };
}
