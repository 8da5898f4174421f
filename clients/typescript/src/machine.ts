import type { Call, Payload } from './call.js';
import type { Limits } from './limits.js';

/** What the machine of a protocol has to say to the socket, and of the connection. */
export interface Wire {
  /** Sends a binary message: the first bytes of a buffer that is used again afterwards. */
  sendBinary(bytes: Uint8Array, length: number): void;
  /** Sends a text message. */
  sendText(text: string): void;
  /** The server has broken the rules: the connection is closed with this code. */
  broken(code: number, reason: string): void;
  /** A call is in flight no more. */
  freed(): void;
}

/**
 * The client's side of a protocol on one connection, without IO: messages come in through {@link Machine.binary} and
 * {@link Machine.text}, calls through the others. What a server says never makes it throw.
 */
export interface Machine {
  /** How many calls are in flight. */
  readonly inFlight: number;

  // What comes from the socket.
  binary(bytes: Uint8Array, start: number, end: number): void;
  text(text: string): void;
  /** The connection is gone: the calls that were in flight, in their order. */
  abandon(): Call[];

  // What callers say.
  /**
   * Opens a call. Whether something is to be expected of it.
   *
   * @throws SwillError if it cannot be written or is too large; then nothing was sent.
   */
  open(call: Call): boolean;
  item(call: Call, payload: Payload): void;
  end(call: Call): void;
  cancel(call: Call): void;
  /** Whether a call is in flight. */
  has(call: Call): boolean;
}

/** A protocol: what it can say, and how values are written in it. */
export interface Protocol {
  readonly name: 'swill' | 'json-rpc';
  /** The subprotocols that ask for it, the preferred one first. */
  readonly subprotocols: readonly string[];
  /** Whether the server has to choose one of them. */
  readonly needsSubprotocol: boolean;
  /** Whether it has streams in and metadata. */
  readonly streamsIn: boolean;
  /** Whether it has messages with several calls. */
  readonly batches: boolean;
  /**
   * Parameters, or an item, in their written form; `undefined` if there are none.
   *
   * @throws SwillError if they cannot be written or are too large.
   */
  parameters(value: unknown): Payload | undefined;
  item(value: unknown): Payload;
  machine(wire: Wire): Machine;
}

/** What protocols are told. */
export interface ProtocolSettings {
  readonly limits: Limits;
  readonly int64: 'auto' | 'number';
}
