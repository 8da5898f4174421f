import { Extension } from '../../src/messagepack/extension.js';

/** How many cases each test tries that has no end of them; `SWILL_FUZZ_CASES` makes it more. */
export const CASES = Number(process.env.SWILL_FUZZ_CASES ?? 2000);

/** Chance that is the same each time: what fails once fails again. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number below `end`. */
  below(end: number): number {
    // mulberry32
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)];
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  text(): string {
    return Array.from({ length: this.below(40) }, () => this.pick(LETTERS)).join('');
  }

  /** Any value that MessagePack has a word for. */
  value(depth = 4): unknown {
    switch (this.below(depth === 0 ? 8 : 11)) {
      case 0:
        return null;
      case 1:
        return this.below(2) === 0;
      case 2:
        return this.pick(INTEGERS) + this.below(3);
      case 3:
        return this.pick(FLOATS);
      case 4:
      case 5:
        return this.text();
      case 6:
        return this.bytes(this.below(40));
      case 7:
        return new Extension(this.below(100), this.bytes(this.below(20)));
      case 8:
        // One of no entries comes back as an object.
        return new Map([
          [this.below(1000), this.value(depth - 1)],
          ...this.#several(() => this.#entry(depth)),
        ]);
      case 9:
        return Object.fromEntries(this.#several(() => [`k${this.text()}`, this.value(depth - 1)]));
      default:
        return this.#several(() => this.value(depth - 1));
    }
  }

  /** The same bytes, but for a few that were changed, left out, put in or cut off. */
  spoilt(bytes: Uint8Array): Uint8Array {
    let spoilt = [...bytes];
    for (let times = this.below(4); times > 0 && spoilt.length > 0; times--) {
      const at = this.below(spoilt.length);
      switch (this.below(5)) {
        case 0:
          spoilt[at] ^= 1 << this.below(8);
          break;
        case 1:
          spoilt[at] = this.below(256);
          break;
        case 2:
          spoilt.splice(at, 1);
          break;
        case 3:
          spoilt.splice(at, 0, this.below(256));
          break;
        default:
          spoilt = spoilt.slice(0, at);
      }
    }
    return Uint8Array.from(spoilt);
  }

  /** The bytes in pieces of any length. */
  pieces(bytes: Uint8Array): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length;) {
      const length = 1 + this.below(this.pick([1, 3, 20, 300]));
      pieces.push(bytes.subarray(at, at + length));
      at += length;
    }
    return pieces;
  }

  #entry(depth: number): [number, unknown] {
    return [this.below(1000), this.value(depth - 1)];
  }

  #several<T>(make: () => T): T[] {
    return Array.from({ length: this.below(this.pick([3, 3, 18])) }, make);
  }
}

const LETTERS = ['a', 'b', 'Z', '0', ' ', '"', '\\', 'ä', '€', '😀', '\u0000', '\u2028', '\ufeff'];
const INTEGERS = [
  -(2 ** 53) + 10,
  -(2 ** 31),
  -32769,
  -129,
  -33,
  -1,
  0,
  126,
  254,
  65534,
  2 ** 32 - 2,
  2 ** 40,
];
const FLOATS = [0.5, -1.25, 1e300, 5e-324, Infinity, -Infinity, 3.14159];
