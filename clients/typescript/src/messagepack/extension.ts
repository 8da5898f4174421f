/**
 * A value of a type that an application has added to MessagePack. Timestamps (type -1) come in as `Date`s; a `Date` goes out
 * as text, and a timestamp as such a value.
 */
export class Extension {
  constructor(
    /** The number of the type, from -128 to 127. */
    readonly type: number,
    /** What it consists of. */
    readonly data: Uint8Array,
  ) {}
}

/** The type of timestamps. */
export const TIMESTAMP = -1;
