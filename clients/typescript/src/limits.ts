/**
 * How much a client takes from a server, keeps and waits for. Every limit is on by default, and each can be changed by
 * `new Client({ limits: { … } })`.
 */
export interface Limits {
  /** Bytes of an incoming message. 16 MiB. Beyond: the connection is closed with 1009. */
  readonly message: number;
  /** Frames of an incoming message. 65,536. Beyond: the connection is closed with 1008. Node only. */
  readonly fragments: number;
  /** Keys of leading or trailing metadata. 64. Beyond: the call fails with code 413. */
  readonly metadataKeys: number;
  /** Bytes of leading or trailing metadata. 8 KiB. Beyond: the call fails with code 413. */
  readonly metadataBytes: number;
  /** Bytes of an outgoing message. 1 MiB. Beyond: the call or item fails with code 413, and nothing is sent. */
  readonly request: number;
  /** Calls and streams in flight. 128. Beyond: the next one waits, within its deadline. */
  readonly calls: number;
  /** Calls of the server that wait in handlers. 128. Beyond: the next one is refused with code 429. */
  readonly serving: number;
  /** Elements of a batch of the server, in JSON-RPC. 1,024. Beyond: the batch is refused. */
  readonly batch: number;
  /** Bytes that wait to be sent. 64 KiB. Beyond: calls and senders wait. */
  readonly outbox: number;
  /**
   * Bytes of unread items of one stream. 256 KiB. Beyond: nothing is read from the socket until half of it is free; in
   * browsers, which cannot stop reading, the stream fails with code 429.
   */
  readonly streamUnread: number;
  /** Bytes of unread items of all streams. 4 MiB. Beyond: as {@link Limits.streamUnread}, for the fullest stream. */
  readonly unread: number;
  /**
   * Milliseconds that a full stream of which nothing is taken may hold up other calls. 10 s. Beyond: the stream fails
   * with code 429, and reading goes on. Node only.
   */
  readonly streamStall: number;
  /** Milliseconds of silence before a ping. 20 s. Node only: browsers cannot ping. */
  readonly pingAfter: number;
  /** Milliseconds that the answer to a ping may take. 20 s. Beyond: the connection counts as broken. Node only. */
  readonly pongWithin: number;
  /** Milliseconds that the socket may take nothing. 30 s. Beyond: the connection counts as broken. Node only. */
  readonly writeStall: number;
  /** Milliseconds that the closing handshake may take. 5 s. Beyond: the socket is dropped. */
  readonly close: number;
}

/** The limits that hold unless a client is told otherwise. */
export const DEFAULT_LIMITS: Limits = Object.freeze({
  message: 16 << 20,
  fragments: 65_536,
  metadataKeys: 64,
  metadataBytes: 8 << 10,
  request: 1 << 20,
  calls: 128,
  serving: 128,
  batch: 1024,
  outbox: 64 << 10,
  streamUnread: 256 << 10,
  unread: 4 << 20,
  streamStall: 10_000,
  pingAfter: 20_000,
  pongWithin: 20_000,
  writeStall: 30_000,
  close: 5_000,
});

/** The deepest nesting of a value that is sent or taken, in levels. */
export const DEPTH = 64;

/** The longest name of a procedure that servers take, in bytes of UTF-8. */
export const LONGEST_NAME = 255;

/**
 * The defaults with changes.
 *
 * @throws RangeError if a limit is no number above zero, or is not known.
 */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in DEFAULT_LIMITS)) throw new RangeError(`there is no limit \`${name}\``);
    if (value !== undefined && !(value > 0)) throw new RangeError(`the limit \`${name}\` has to be above 0`);
  }
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  return { ...DEFAULT_LIMITS, ...given };
}
