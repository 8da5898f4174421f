import { DEPTH } from '../limits.js';
import { Extension, TIMESTAMP } from './extension.js';

/** How 64-bit integers come out: as `number` where that is exact and `bigint` where it is not, or always as `number`. */
export type Int64 = 'auto' | 'number';

/** What was read is no MessagePack. */
export class Malformed extends Error {}

/** What was read is nested too deep. */
export class TooDeep extends Error {}

const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Strings up to this length are read by hand, which is faster than a call of the platform. */
const SHORT = 24;

/** Reads MessagePack out of a part of a buffer. It believes no length before it has seen the bytes. */
export class Decoder {
  /** Where the next value begins. */
  at = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  constructor(private readonly int64: Int64 = 'auto') {}

  /** Begins with a message. The bytes are not kept by the values that come out. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.at = start;
    this.#end = end;
  }

  /** Whether everything has been read. */
  get done(): boolean {
    return this.at === this.#end;
  }

  /** The first byte of the next value, by which its type is told. */
  peek(): number {
    if (this.at >= this.#end) throw new Malformed('the message is cut off');
    return this.#bytes[this.at];
  }

  /** The head of an array. */
  arrayLength(): number {
    const head = this.#byte();
    if (head >> 4 === 9) return this.#count(head & 15, 1);
    if (head === 0xdc) return this.#count(this.#unsigned(2), 1);
    if (head === 0xdd) return this.#count(this.#unsigned(4), 1);
    throw new Malformed('it is no array');
  }

  /**
   * The next value.
   *
   * @throws Malformed if it is none, TooDeep if it is nested deeper than `depth` levels.
   */
  value(depth = DEPTH): unknown {
    const head = this.#byte();
    if (head < 0x80) return head;
    if (head >= 0xe0) return head - 0x100;
    if (head < 0x90) return this.#map(head & 15, depth);
    if (head < 0xa0) return this.#array(head & 15, depth);
    if (head < 0xc0) return this.#string(head & 31);
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#binary(this.#unsigned(1));
      case 0xc5:
        return this.#binary(this.#unsigned(2));
      case 0xc6:
        return this.#binary(this.#unsigned(4));
      case 0xc7:
        return this.#extension(this.#unsigned(1));
      case 0xc8:
        return this.#extension(this.#unsigned(2));
      case 0xc9:
        return this.#extension(this.#unsigned(4));
      case 0xca:
        return this.#view.getFloat32(this.#skip(4));
      case 0xcb:
        return this.#view.getFloat64(this.#skip(8));
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return this.#wide(this.#view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return this.#view.getInt8(this.#skip(1));
      case 0xd1:
        return this.#view.getInt16(this.#skip(2));
      case 0xd2:
        return this.#view.getInt32(this.#skip(4));
      case 0xd3:
        return this.#wide(this.#view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
        return this.#string(this.#unsigned(1));
      case 0xda:
        return this.#string(this.#unsigned(2));
      case 0xdb:
        return this.#string(this.#unsigned(4));
      case 0xdc:
        return this.#array(this.#unsigned(2), depth);
      case 0xdd:
        return this.#array(this.#unsigned(4), depth);
      case 0xde:
        return this.#map(this.#unsigned(2), depth);
      case 0xdf:
        return this.#map(this.#unsigned(4), depth);
      default:
        throw new Malformed('0xc1 is no value');
    }
  }

  #byte(): number {
    if (this.at >= this.#end) throw new Malformed('the message is cut off');
    return this.#bytes[this.at++];
  }

  /** Goes on by so many bytes, and tells where they begin. */
  #skip(count: number): number {
    const start = this.at;
    if (count > this.#end - start) throw new Malformed('the message is cut off');
    this.at = start + count;
    return start;
  }

  #unsigned(size: 1 | 2 | 4): number {
    const start = this.#skip(size);
    if (size === 1) return this.#bytes[start];
    return size === 2 ? this.#view.getUint16(start) : this.#view.getUint32(start);
  }

  /** A number of elements, each of which has at least so many bytes. */
  #count(count: number, size: number): number {
    if (count * size > this.#end - this.at) throw new Malformed('the message is cut off');
    return count;
  }

  #wide(value: bigint): number | bigint {
    const number = Number(value);
    return this.int64 === 'number' || Number.isSafeInteger(number) ? number : value;
  }

  #string(length: number): string {
    const start = this.#skip(length);
    const end = start + length;
    const bytes = this.#bytes;
    if (length <= SHORT) {
      let text = '';
      let at = start;
      for (; at < end; at++) {
        const byte = bytes[at];
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (at === end) return text;
    }
    return utf8.decode(bytes.subarray(start, end));
  }

  #binary(length: number): Uint8Array {
    const start = this.#skip(length);
    // Not `slice`, which would be a view of the same memory if the bytes are a `Buffer`.
    const copy = new Uint8Array(length);
    copy.set(this.#bytes.subarray(start, start + length));
    return copy;
  }

  #array(length: number, depth: number): unknown[] {
    if (depth === 0) throw new TooDeep();
    this.#count(length, 1);
    const values: unknown[] = [];
    for (let at = 0; at < length; at++) values.push(this.value(depth - 1));
    return values;
  }

  /** An object if all keys are text, else a `Map`. */
  #map(length: number, depth: number): Record<string, unknown> | Map<unknown, unknown> {
    if (depth === 0) throw new TooDeep();
    this.#count(length, 2);
    const object: Record<string, unknown> = {};
    for (let at = 0; at < length; at++) {
      const key = this.value(depth - 1);
      if (typeof key !== 'string') return this.#rest(object, key, length - at, depth);
      const value = this.value(depth - 1);
      if (key === '__proto__') {
        Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
      } else {
        object[key] = value;
      }
    }
    return object;
  }

  /** A key that is no text has come: what there is becomes a `Map`, and the rest goes into it. */
  #rest(object: Record<string, unknown>, first: unknown, left: number, depth: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>(Object.entries(object));
    map.set(first, this.value(depth - 1));
    for (; left > 1; left--) {
      const key = this.value(depth - 1);
      map.set(key, this.value(depth - 1));
    }
    return map;
  }

  #extension(length: number): unknown {
    this.#count(length + 1, 1);
    const type = this.#view.getInt8(this.#skip(1));
    if (type !== TIMESTAMP) return new Extension(type, this.#binary(length));
    switch (length) {
      case 4:
        return new Date(this.#unsigned(4) * 1000);
      case 8: {
        const high = this.#unsigned(4);
        const seconds = (high & 3) * 0x100000000 + this.#unsigned(4);
        return new Date(seconds * 1000 + Math.floor((high >>> 2) / 1_000_000));
      }
      case 12: {
        const nanoseconds = this.#unsigned(4);
        const seconds = Number(this.#view.getBigInt64(this.#skip(8)));
        return new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
      }
      default:
        throw new Malformed('a timestamp has 4, 8 or 12 bytes');
    }
  }
}
