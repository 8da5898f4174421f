import { Code, SwillError } from '../errors.js';
import { DEPTH } from '../limits.js';
import { Extension } from './extension.js';

const utf8 = new TextEncoder();

/** What a view shows. */
export function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A buffer that has grown larger than this is not kept. */
const LARGEST_KEPT = 256 << 10;

/** Strings up to this length are written by hand, which is faster than a call of the platform. */
const SHORT = 40;

/**
 * Writes MessagePack into a buffer that is used again and again.
 *
 * Integers are integers: a whole number that is exact (up to 2^53) is never written as a float, whatever its size, since
 * servers tell the two apart.
 */
export class Encoder {
  /** What has been written lies here, up to {@link Encoder.length}, until the next message begins. */
  bytes: Uint8Array = new Uint8Array(4096);
  length = 0;
  #view = new DataView(this.bytes.buffer);

  /** Begins a message. */
  begin(): void {
    if (this.bytes.length > LARGEST_KEPT) this.#replace(new Uint8Array(4096));
    this.length = 0;
  }

  /** A copy of what has been written. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  /** The head of an array, of at most 15 elements. */
  smallArray(length: number): void {
    this.#room(1);
    this.bytes[this.length++] = 0x90 | length;
  }

  nil(): void {
    this.#room(1);
    this.bytes[this.length++] = 0xc0;
  }

  /** A value that has been written already. */
  written(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /**
   * A value.
   *
   * @throws SwillError 400 if it is none of MessagePack, is nested too deep, or refers to itself.
   */
  value(value: unknown, depth = DEPTH): void {
    switch (typeof value) {
      case 'number':
        return this.number(value);
      case 'string':
        return this.string(value);
      case 'boolean':
        this.#room(1);
        this.bytes[this.length++] = value ? 0xc3 : 0xc2;
        return;
      case 'undefined':
        return this.nil();
      case 'bigint':
        return this.#bigint(value);
      case 'object':
        return value === null ? this.nil() : this.#object(value, depth);
      default:
        throw new SwillError(Code.BAD_REQUEST, `a ${typeof value} cannot be sent`);
    }
  }

  number(value: number): void {
    this.#room(9);
    const { bytes } = this;
    if (value >>> 0 === value && !Object.is(value, -0)) {
      if (value < 0x80) {
        bytes[this.length++] = value;
      } else if (value < 0x100) {
        bytes[this.length++] = 0xcc;
        bytes[this.length++] = value;
      } else if (value < 0x10000) {
        bytes[this.length++] = 0xcd;
        this.#view.setUint16(this.length, value);
        this.length += 2;
      } else {
        bytes[this.length++] = 0xce;
        this.#view.setUint32(this.length, value);
        this.length += 4;
      }
    } else if (Number.isSafeInteger(value) && value !== 0) {
      this.#largeInteger(value);
    } else {
      bytes[this.length++] = 0xcb;
      this.#view.setFloat64(this.length, value);
      this.length += 8;
    }
  }

  string(value: string): void {
    const units = value.length;
    if (units <= SHORT) {
      // A unit takes at most three bytes, and they are written behind a head of two.
      this.#room(2 + units * 3);
      const { bytes } = this;
      const head = this.length;
      let at = head + 1;
      let unit = 0;
      for (; unit < units; unit++) {
        const code = value.charCodeAt(unit);
        if (code >= 0x80) break;
        bytes[at++] = code;
      }
      if (unit === units && units < 32) {
        bytes[head] = 0xa0 | units;
        this.length = at;
        return;
      }
    }
    this.#longString(value);
  }

  /** Bytes, as `bin`. */
  binary(data: Uint8Array): void {
    this.#head(data.length, 0xc4, 0xc5, 0xc6);
    this.written(data);
  }

  #longString(value: string): void {
    // The head has the size that the longest possible text would need, unless the text fits into less.
    const most = value.length * 3;
    this.#room(5 + most);
    const size = most < 32 ? 1 : most < 0x100 ? 2 : most < 0x10000 ? 3 : 5;
    const start = this.length + size;
    const { written } = utf8.encodeInto(value, this.bytes.subarray(start));
    const { bytes } = this;
    switch (size) {
      case 1:
        bytes[this.length] = 0xa0 | written;
        break;
      case 2:
        bytes[this.length] = 0xd9;
        bytes[this.length + 1] = written;
        break;
      case 3:
        bytes[this.length] = 0xda;
        this.#view.setUint16(this.length + 1, written);
        break;
      default:
        bytes[this.length] = 0xdb;
        this.#view.setUint32(this.length + 1, written);
    }
    this.length = start + written;
  }

  #largeInteger(value: number): void {
    const { bytes } = this;
    if (value < 0 && value >= -0x80) {
      if (value < -0x20) bytes[this.length++] = 0xd0;
      bytes[this.length++] = value & 0xff;
    } else if (value < 0 && value >= -0x8000) {
      bytes[this.length++] = 0xd1;
      this.#view.setInt16(this.length, value);
      this.length += 2;
    } else if (value < 0 && value >= -0x80000000) {
      bytes[this.length++] = 0xd2;
      this.#view.setInt32(this.length, value);
      this.length += 4;
    } else {
      bytes[this.length++] = value < 0 ? 0xd3 : 0xcf;
      this.#view.setInt32(this.length, Math.floor(value / 0x100000000));
      this.#view.setUint32(this.length + 4, value >>> 0);
      this.length += 8;
    }
  }

  #bigint(value: bigint): void {
    if (value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)) {
      return this.number(Number(value));
    }
    if (BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
      throw new SwillError(Code.BAD_REQUEST, 'an integer of more than 64 bits cannot be sent');
    }
    this.#room(9);
    this.bytes[this.length++] = value < 0n ? 0xd3 : 0xcf;
    this.#view.setBigUint64(this.length, BigInt.asUintN(64, value));
    this.length += 8;
  }

  #object(value: object, depth: number): void {
    if (depth === 0) {
      const message = `a value nested deeper than ${DEPTH} levels cannot be sent`;
      throw new SwillError(Code.BAD_REQUEST, message);
    }
    if (Array.isArray(value)) return this.#array(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    const { toJSON } = value as { toJSON?: unknown };
    if ((prototype === Object.prototype || prototype === null) && typeof toJSON !== 'function') {
      return this.#members(value, depth);
    }
    if (value instanceof Uint8Array) return this.binary(value);
    if (value instanceof ArrayBuffer) return this.binary(new Uint8Array(value));
    if (value instanceof Date) return this.#date(value);
    if (value instanceof Map) return this.#map(value, depth);
    if (value instanceof Set) return this.#array([...value], depth);
    if (value instanceof Extension) return this.#extension(value.type, value.data);
    if (ArrayBuffer.isView(value)) {
      if (value instanceof DataView) return this.binary(bytesOf(value));
      return this.#array(Array.from(value as unknown as ArrayLike<number>), depth);
    }
    if (typeof toJSON === 'function') return this.value(toJSON.call(value, ''), depth - 1);
    if (value instanceof Number || value instanceof String || value instanceof Boolean) {
      return this.value(value.valueOf(), depth - 1);
    }
    return this.#members(value, depth);
  }

  #array(values: readonly unknown[], depth: number): void {
    this.#room(5);
    const { length } = values;
    if (length < 16) this.bytes[this.length++] = 0x90 | length;
    else this.#head(length, undefined, 0xdc, 0xdd);
    for (let at = 0; at < length; at++) this.value(values[at], depth - 1);
  }

  /** Members that are `undefined` are left out, as they are in JSON. */
  #members(value: object, depth: number): void {
    const members = value as Record<string, unknown>;
    const names = Object.keys(members);
    let count = 0;
    for (const name of names) if (members[name] !== undefined) count++;
    this.#mapHead(count);
    for (const name of names) {
      const member = members[name];
      if (member === undefined) continue;
      this.string(name);
      this.value(member, depth - 1);
    }
  }

  #map(value: Map<unknown, unknown>, depth: number): void {
    this.#mapHead(value.size);
    for (const [key, member] of value) {
      this.value(key, depth - 1);
      this.value(member, depth - 1);
    }
  }

  #mapHead(count: number): void {
    this.#room(5);
    if (count < 16) this.bytes[this.length++] = 0x80 | count;
    else this.#head(count, undefined, 0xde, 0xdf);
  }

  /** Text, which is what the schemas of servers say, and what JSON has. */
  #date(value: Date): void {
    if (Number.isNaN(value.getTime()))
      throw new SwillError(Code.BAD_REQUEST, 'a date that is none cannot be sent');
    this.string(value.toISOString());
  }

  #extension(type: number, data: Uint8Array): void {
    this.#room(6);
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.bytes[this.length++] = 0xd4 + fixed;
    else this.#head(data.length, 0xc7, 0xc8, 0xc9);
    this.bytes[this.length++] = type & 0xff;
    this.written(data);
  }

  /** A type and a length of one, two or four bytes. */
  #head(length: number, one: number | undefined, two: number, four: number): void {
    this.#room(6);
    if (one !== undefined && length < 0x100) {
      this.bytes[this.length++] = one;
      this.bytes[this.length++] = length;
    } else if (length < 0x10000) {
      this.bytes[this.length++] = two;
      this.#view.setUint16(this.length, length);
      this.length += 2;
    } else {
      this.bytes[this.length++] = four;
      this.#view.setUint32(this.length, length);
      this.length += 4;
    }
  }

  #room(size: number): void {
    if (this.length + size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + size));
      larger.set(this.bytes.subarray(0, this.length));
      this.#replace(larger);
    }
  }

  #replace(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
