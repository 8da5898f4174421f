/** A raw message, as it went over the wire. */
export interface TappedFrame {
  /** Where it went: to this client, or to the server. */
  readonly direction: 'in' | 'out';
  /** A binary message, copied for the listener, or a text message. */
  readonly data: Uint8Array | string;
  /** When, in milliseconds of `performance.now()`. */
  readonly at: number;
}
