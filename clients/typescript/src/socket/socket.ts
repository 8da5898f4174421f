import type { Close } from '../errors.js';
import type { Limits } from '../limits.js';

/** What a socket tells: that it is open, then messages, then its end, after which nothing comes. */
export interface SocketEvents {
  opened(socket: Socket): void;
  /** A binary message: a part of a buffer that is used again afterwards. */
  binary(bytes: Uint8Array, start: number, end: number): void;
  text(text: string): void;
  /** There is room again, after {@link Socket.queued} was at or above the limit of the outbox. */
  drained(): void;
  closed(close: Close): void;
}

/** An open WebSocket, whoever made it. */
export interface Socket {
  /** The subprotocol that the server chose; empty if none. */
  readonly subprotocol: string;
  /** Whether it can be told not to read. */
  readonly pausable: boolean;
  /** Bytes that wait to be sent. */
  readonly queued: number;
  /** Sends the first bytes of a buffer that is used again afterwards. */
  binary(bytes: Uint8Array, length: number): void;
  text(text: string): void;
  pause(): void;
  resume(): void;
  /** Begins to close. What was sent before goes out first. */
  close(code: number, reason: string): void;
}

/** What it takes to open a socket. */
export interface SocketOptions {
  readonly url: URL;
  readonly subprotocols: readonly string[];
  /** A token, sent in the way that the platform has for it. */
  readonly token: string | undefined;
  /** Headers of the opening handshake, where they can be set. */
  readonly headers: Readonly<Record<string, string>>;
  readonly limits: Limits;
  /** Whoever has aborted wants no socket any more. */
  readonly signal: AbortSignal;
}

/**
 * Opens a socket, which is handed out by {@link SocketEvents.opened}.
 *
 * @throws Refusal
 */
export type Opener = (options: SocketOptions, events: SocketEvents) => Promise<void>;

/** An attempt to connect has failed. */
export class Refusal extends Error {
  constructor(
    /** The HTTP status of the answer, or a close code. */
    readonly code: number,
    message: string,
    /** Whether another attempt makes sense. */
    readonly temporary: boolean,
    /** The body of the answer, if there was one. */
    readonly body?: string,
  ) {
    super(message);
  }
}
