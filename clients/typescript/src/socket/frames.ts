import type { Close } from '../errors.js';
import type { Limits } from '../limits.js';

/** Opcodes of RFC 6455, section 5.2. */
export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** What comes out of frames. */
export interface FrameEvents {
  /** A message: a part of a buffer that is used again afterwards. */
  message(opcode: typeof TEXT | typeof BINARY, bytes: Uint8Array, start: number, end: number): void;
  ping(payload: Uint8Array): void;
  pong(): void;
  closing(close: Close): void;
  /** The server has broken a rule; nothing more is read. */
  violation(close: Close): void;
}

/** The client's receiving half of WebSocket (RFC 6455), without IO. */
export class FrameReader {
  /** The beginning of a frame that is not complete. */
  #rest = new Bytes();
  /** The message so far that comes in several frames. */
  #parts = new Bytes();
  #opcode = CONTINUATION;
  #fragments = 0;
  #over = false;

  constructor(
    private readonly limits: Pick<Limits, 'message' | 'fragments'>,
    private readonly events: FrameEvents,
  ) {}

  /** Takes what has been read. It is not kept. */
  push(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    const rest = this.#rest;
    if (rest.length === 0) {
      const read = this.#read(bytes, start, end);
      if (read < end) rest.append(bytes, read, end);
    } else {
      rest.append(bytes, start, end);
      rest.drop(this.#read(rest.bytes, 0, rest.length));
    }
  }

  /** Reads whole frames, and returns where the rest begins. */
  #read(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (end - at >= 2 && !this.#over) {
      const first = bytes[at];
      let length = bytes[at + 1];
      let head = 2;
      if (length > 125) {
        if (length > 127) return this.#violation(1002, 'a frame of a server is not masked');
        head = length === 126 ? 4 : 10;
        // What is wrong already is not waited for.
        if (end - at < head) return this.#allowed(first, (first & 15) < CLOSE ? 0 : length) ? at : end;
        length = lengthOf(bytes, at + 2, head - 2);
        if (length < (head === 4 ? 126 : 0x10000))
          return this.#violation(1002, 'a length is written too long');
      }
      if (!this.#allowed(first, length)) return end;
      const from = at + head;
      if (end - from < length) return at;
      at = from + length;
      this.#frame(first, bytes, from, at);
    }
    return this.#over ? end : at;
  }

  /** Checks the head of a frame before its payload is waited for. */
  #allowed(first: number, length: number): boolean {
    const opcode = first & 15;
    if ((first & 0x70) !== 0) {
      this.#violation(1002, 'a reserved bit is set');
    } else if (opcode >= CLOSE) {
      if (opcode > PONG) this.#violation(1002, `there is no opcode ${opcode}`);
      else if (first < 0x80 || length > 125) this.#violation(1002, 'a control frame is short and whole');
      else if (opcode === CLOSE && length === 1) this.#violation(1002, 'a close code has two bytes');
    } else if (opcode > BINARY) {
      this.#violation(1002, `there is no opcode ${opcode}`);
    } else if ((opcode === CONTINUATION) !== (this.#opcode !== CONTINUATION)) {
      this.#violation(1002, 'a frame is no continuation, or one of nothing');
    } else if (length + this.#parts.length > this.limits.message) {
      this.#violation(1009, `a message exceeds the limit of ${this.limits.message} bytes`);
    }
    return !this.#over;
  }

  #frame(first: number, bytes: Uint8Array, start: number, end: number): void {
    const opcode = first & 15;
    const last = first >= 0x80;
    if (opcode >= CLOSE) {
      this.#control(opcode, bytes, start, end);
    } else if (last && opcode !== CONTINUATION) {
      this.events.message(opcode as typeof TEXT | typeof BINARY, bytes, start, end);
    } else {
      this.#fragment(opcode, last, bytes, start, end);
    }
  }

  #fragment(opcode: number, last: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (opcode !== CONTINUATION) this.#opcode = opcode;
    if (++this.#fragments > this.limits.fragments) {
      this.#violation(1008, `a message comes in more than ${this.limits.fragments} frames`);
      return;
    }
    const parts = this.#parts;
    parts.append(bytes, start, end);
    if (!last) return;
    const whole = this.#opcode as typeof TEXT | typeof BINARY;
    const { length } = parts;
    this.#opcode = CONTINUATION;
    this.#fragments = 0;
    this.events.message(whole, parts.bytes, 0, length);
    parts.drop(length);
  }

  #control(opcode: number, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === PING) return this.events.ping(bytes.slice(start, end));
    if (opcode === PONG) return this.events.pong();
    const length = end - start;
    if (length === 0) {
      this.#over = true;
      return this.events.closing({ code: 1005, reason: '' });
    }
    const code = bytes[start] * 256 + bytes[start + 1];
    if (!isCloseCode(code)) return void this.#violation(1002, 'a close code that must not be sent');
    const reason = textOf(bytes, start + 2, end);
    if (reason === undefined) return void this.#violation(1007, 'the reason of a close is no UTF-8');
    this.#over = true;
    this.events.closing({ code, reason });
  }

  #violation(code: number, reason: string): number {
    this.#over = true;
    this.events.violation({ code, reason });
    return Number.MAX_SAFE_INTEGER;
  }
}

/** Bytes that become more, and memory for no more than twice of what has come. */
class Bytes {
  bytes: Uint8Array = new Uint8Array(0);
  length = 0;

  append(bytes: Uint8Array, start: number, end: number): void {
    const length = this.length + end - start;
    if (length > this.bytes.length) {
      const larger = new Uint8Array(Math.max(length, Math.min(this.bytes.length * 2, length * 2)));
      larger.set(this.bytes.subarray(0, this.length));
      this.bytes = larger;
    }
    this.bytes.set(bytes.subarray(start, end), this.length);
    this.length = length;
  }

  /** Forgets the first of them. */
  drop(count: number): void {
    // A large frame comes in many pieces, and is not to be moved for each of them.
    if (count === 0) return;
    const LARGEST_KEPT = 256 << 10;
    this.bytes.copyWithin(0, Math.min(count, this.length), this.length);
    this.length = Math.max(0, this.length - count);
    if (this.length === 0 && this.bytes.length > LARGEST_KEPT) this.bytes = new Uint8Array(0);
  }
}

function lengthOf(bytes: Uint8Array, start: number, size: number): number {
  let length = 0;
  for (let at = start; at < start + size; at++) length = length * 256 + bytes[at];
  return length;
}

/** Whether a close code may be in a frame (RFC 6455, section 7.4). */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes as text; `undefined` if they are none. */
export function textOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return utf8.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}
