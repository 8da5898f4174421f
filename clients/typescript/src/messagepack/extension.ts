/** A value of a type that an application has added to MessagePack. Timestamps are not among them: they are `Date`s. */
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
