import { Code, SwillError } from './errors.js';
import { DEPTH } from './limits.js';
import type { Int64 } from './messagepack/decoder.js';
import { bytesOf } from './messagepack/encoder.js';
import { Extension } from './messagepack/extension.js';

/** Text that no value has: it marks integers for which `number` has no room. */
const MARK = `\u0001${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}:`;
const MARKED = new RegExp(`"${MARK.replace('\u0001', '\\\\u0001')}(-?\\d+)"`, 'g');

/** Strings and numbers of JSON. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * A value as JSON: bytes as base64, dates as ISO 8601, integers exact.
 *
 * @throws SwillError 400 if it cannot be written.
 */
export function stringify(value: unknown): string {
  let marked = false;
  let text: string | undefined;
  try {
    text = JSON.stringify(value, function (this: Record<string, unknown>, key, member: unknown): unknown {
      if (typeof member === 'bigint') {
        marked = true;
        return MARK + member.toString();
      }
      return typeof member === 'object' && member !== null ? jsonOf(this[key], member) : member;
    });
  } catch (error) {
    if (error instanceof SwillError) throw error;
    throw new SwillError(
      Code.BAD_REQUEST,
      `the value cannot be written as JSON: ${(error as Error).message}`,
    );
  }
  if (text === undefined) throw new SwillError(Code.BAD_REQUEST, `a ${typeof value} cannot be sent`);
  return marked ? text.replace(MARKED, '$1') : text;
}

/**
 * JSON as a value.
 *
 * @throws Error if it is none, or nested too deep.
 */
export function parse(text: string, int64: Int64): unknown {
  // The envelope of a message, of its parameters, and of a batch around it.
  if (isDeeper(text, DEPTH + 3)) throw new SyntaxError('it is nested too deep');
  if (int64 === 'number' || !/\d{16}/.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, (token) => {
    const isWide = token.length >= 16 && /^-?\d+$/.test(token) && !Number.isSafeInteger(Number(token));
    return isWide ? JSON.stringify(MARK + token) : token;
  });
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/**
 * Refuses what is nested deeper than servers take.
 *
 * @throws SwillError 400
 */
export function checkDepth(text: string): void {
  if (isDeeper(text, DEPTH)) {
    throw new SwillError(Code.BAD_REQUEST, `a value nested deeper than ${DEPTH} levels cannot be sent`);
  }
}

/** What an object is in JSON. `original` is what it was before its own `toJSON`. */
function jsonOf(original: unknown, member: object): unknown {
  if (original instanceof Uint8Array) return base64(original);
  if (original instanceof ArrayBuffer) return base64(new Uint8Array(original));
  if (member instanceof Map)
    return Object.fromEntries([...member].map(([key, value]) => [String(key), value]));
  if (member instanceof Set) return [...member];
  if (member instanceof DataView) return base64(bytesOf(member));
  if (ArrayBuffer.isView(member)) return Array.from(member as unknown as ArrayLike<number>);
  if (member instanceof Extension) {
    throw new SwillError(Code.BAD_REQUEST, 'JSON has no room for an extension of MessagePack');
  }
  return member;
}

/** Bytes as text, in the alphabet of RFC 4648, section 4. */
export function base64(bytes: Uint8Array): string {
  let text = '';
  // Not all at once: a call has no room for that many arguments.
  for (let at = 0; at < bytes.length; at += 4096) {
    text += String.fromCharCode(...bytes.subarray(at, at + 4096));
  }
  return btoa(text);
}

/** Whether more than so many lists and maps lie in each other. */
function isDeeper(text: string, most: number): boolean {
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x5b || code === 0x7b) {
      if (++depth > most) return true;
    } else if (code === 0x5d || code === 0x7d) {
      depth--;
    }
  }
  return false;
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}
