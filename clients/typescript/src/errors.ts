/**
 * What kind of failure a {@link SwillError} is. The named codes have the numbers of the HTTP status codes with the same
 * meaning; an application may use any other number for its own errors.
 */
export const Code = {
  /** The request makes no sense. */
  BAD_REQUEST: 400,
  /** The peer has not said who it is. */
  UNAUTHENTICATED: 401,
  /** The peer may not do this. */
  FORBIDDEN: 403,
  /** There is no such procedure, or no such thing. */
  NOT_FOUND: 404,
  /** The request collides with the present state. */
  CONFLICT: 409,
  /** The request or the answer is too large. */
  TOO_LARGE: 413,
  /** The parameters do not fit the procedure. */
  INVALID: 422,
  /** Too many calls at once; try again later. */
  TOO_MANY: 429,
  /** The call was cancelled. */
  CANCELLED: 499,
  /** Something unexpected went wrong. */
  INTERNAL: 500,
  /** The protocol of this connection cannot carry the call. */
  UNIMPLEMENTED: 501,
  /** Nobody can answer now; or the outcome is unknown, see {@link SwillError.outcomeUnknown}. */
  UNAVAILABLE: 503,
  /** The deadline of the call has passed. */
  DEADLINE: 504,
} as const;

/** What can be said about an error beside its code and message. */
export interface ErrorDetails {
  /** What the server, or a handler, sends along. */
  data?: unknown;
  /** See {@link SwillError.outcomeUnknown}. `false` by default. */
  outcomeUnknown?: boolean;
  /** What it was caused by. It stays on this side. */
  cause?: unknown;
}

/**
 * What a call or a connection fails with.
 *
 * ```ts
 * try {
 *   await client.call('divide', [1, 0]);
 * } catch (error) {
 *   if (error instanceof SwillError && error.code === Code.BAD_REQUEST) console.log(error.message);
 * }
 * ```
 */
export class SwillError extends Error {
  override readonly name = 'SwillError';
  /** What kind of failure it is: one of {@link Code}, a code of JSON-RPC (negative), or an application's own. */
  readonly code: number;
  /** What the server sent along; `undefined` if nothing. */
  readonly data?: unknown;
  /**
   * The connection broke when the call may have reached the server, so that nobody knows whether it was executed.
   * Then {@link SwillError.code | the code} is 503. A call that can be repeated without harm is marked `idempotent`.
   */
  readonly outcomeUnknown: boolean;

  /** An error with a code and a message; handlers throw such errors to tell the server. */
  constructor(code: number, message: string, details?: ErrorDetails) {
    super(message, details !== undefined && 'cause' in details ? { cause: details.cause } : undefined);
    this.code = code;
    if (details?.data !== undefined) this.data = details.data;
    this.outcomeUnknown = details?.outcomeUnknown ?? false;
  }
}

/** How a connection ended, or why there is none. */
export interface Close {
  /**
   * The close code of RFC 6455 (1006 if the connection broke), or, below 1000, the HTTP status of an opening handshake
   * that was refused.
   */
  readonly code: number;
  /** Why, in words. */
  readonly reason: string;
}

const MEANINGS: Record<number, string> = {
  1000: 'closed normally',
  1001: 'the other side is going away',
  1002: 'a rule of WebSocket was broken',
  1003: 'a message of a kind that is not understood',
  1005: 'closed without a code',
  1006: 'the connection broke',
  1007: 'a message that is not valid text',
  1008: 'a rule of the server was broken',
  1009: 'a message was too big',
  1010: 'an extension is missing',
  1011: 'the server met an unexpected condition',
  1012: 'the server restarts',
  1013: 'the server is overloaded; try again later',
  1014: 'a gateway got no good answer',
  1015: 'TLS failed',
  4008: 'the client was too slow',
};

/** A close in words: its reason, or what its code means if it has none. */
export function describeClose(close: Close): string {
  const meaning = MEANINGS[close.code];
  if (close.code < 1000) return close.reason || `the server refused with status ${close.code}`;
  if (close.reason === '') return `${meaning ?? 'closed'} (${close.code})`;
  return `${close.reason} (${close.code})`;
}

/** A call that was not sent, because the client has ended. */
export function closed(close: Close): SwillError {
  // Below 1000 it is the status of a refused handshake, which says more than "unavailable".
  const code = close.code < 1000 ? close.code : Code.UNAVAILABLE;
  return new SwillError(code, `the client is closed: ${describeClose(close)}`);
}

/** A call that may have reached the server when its connection ended. */
export function unknownOutcome(close: Close): SwillError {
  return new SwillError(
    Code.UNAVAILABLE,
    `the outcome of the call is unknown: the connection ended: ${describeClose(close)}`,
    { outcomeUnknown: true },
  );
}

/** Whether a server that is shutting down says that it has not begun a call: another one may do it. */
export function isNotBegun({ code, data }: SwillError): boolean {
  return code === Code.UNAVAILABLE && (data as { begun?: unknown } | undefined | null)?.begun === false;
}

export function deadlinePassed(): SwillError {
  return new SwillError(Code.DEADLINE, 'the deadline of the call has passed');
}

export function cancelled(): SwillError {
  return new SwillError(Code.CANCELLED, 'the call was cancelled');
}

export function tooLarge(size: number, limit: number): SwillError {
  return new SwillError(
    Code.TOO_LARGE,
    `a message of ${size} bytes exceeds the client's limit of ${limit} (\`limits.request\`); it was not sent`,
  );
}

export function cannotCarry(protocol: string, what: string): SwillError {
  return new SwillError(Code.UNIMPLEMENTED, `${protocol} cannot carry ${what}; nothing was sent`);
}
