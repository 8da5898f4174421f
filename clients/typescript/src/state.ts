/**
 * How a client stands with its server.
 *
 * | kind | |
 * |---|---|
 * | `idle` | nobody has asked for a connection yet; calls fail |
 * | `connecting` | a connection is being opened; calls wait |
 * | `open` | calls go out at once |
 * | `waiting` | there is no connection, and the next attempt comes by itself; calls wait |
 * | `closed` | there is no connection and there will be none; calls fail |
 */
export type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting'; readonly url: string; readonly attempt: number }
  | { readonly kind: 'open'; readonly url: string; readonly subprotocol: string }
  | {
      readonly kind: 'waiting';
      readonly url: string;
      /** Which attempt in a row will be next, from 1. */
      readonly attempt: number;
      /** Milliseconds between the loss and the next attempt. */
      readonly delay: number;
      /** When the next attempt begins, in milliseconds of `Date.now()`. */
      readonly nextAttemptAt: number;
      /** What ended the last connection or attempt; below 1000 it is an HTTP status. */
      readonly code: number;
      /** The same in words. */
      readonly reason: string;
    }
  | {
      readonly kind: 'closed';
      /** 1000 after `close()`, the close code of a connection that ended for good, or, below 1000, an HTTP status. */
      readonly code: number;
      /** The same in words. */
      readonly reason: string;
    };
