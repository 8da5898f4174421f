import type { ReconnectOptions } from './backoff.js';
import type { Limits } from './limits.js';
import type { Metadata } from './metadata.js';
import type { WebSocketConstructor } from './socket/web.js';
import type { TappedFrame } from './tap.js';

/** What a client is told when it is made. */
export interface ClientOptions {
  /** What is spoken: Swill's own protocol by default, or JSON-RPC 2.0 as JSON. */
  readonly protocol?: 'swill' | 'json-rpc';
  /**
   * Who this is. Sent as `Authorization: Bearer TOKEN` in Node, and in browsers, which cannot set headers, as the
   * subprotocol `swill.token.TOKEN`. A function is asked before every attempt to connect.
   */
  readonly token?: string | (() => string | Promise<string>);
  /** Headers of the opening handshake. Node only: elsewhere `connect()` fails if there are any. */
  readonly headers?: Readonly<Record<string, string>>;
  /** When and how to connect again; `false` for never. */
  readonly reconnect?: ReconnectOptions | false;
  /** Milliseconds that a call may take unless it says otherwise. 30,000; `null` for as long as it takes. */
  readonly deadline?: number | null;
  /** How much the client takes, keeps and waits for. */
  readonly limits?: Partial<Limits>;
  /**
   * How integers of 64 bits come out: `'auto'`, as `number` where that is exact (up to 2^53) and as `bigint` where it is
   * not, or always as `'number'`. `'auto'` by default.
   */
  readonly int64?: 'auto' | 'number';
  /** A WebSocket in place of the platform's, such as that of the `ws` package. */
  readonly WebSocket?: WebSocketConstructor;
  /** Is shown every message that goes over the wire. What it throws is reported as uncaught and harms nothing. */
  readonly tap?: (frame: TappedFrame) => void;
  /**
   * Hears what a handler (`Client.handle`) has thrown that is no `SwillError`, or why its answer could not be sent. The
   * server learns only that something went wrong. `console.error` by default.
   */
  readonly onError?: (error: unknown, procedure: string) => void;
  /** The subprotocols that are offered, the preferred one first. `swill.1` by default, or `jsonrpc`. */
  readonly subprotocols?: readonly string[];
  /** Options of `tls.connect`, such as `ca`. Node only. */
  readonly tls?: Readonly<Record<string, unknown>>;
}

/** How to connect. */
export interface ConnectOptions {
  /** Gives up when it is aborted. Once there is a connection it means nothing. */
  readonly signal?: AbortSignal;
  /** Milliseconds that an attempt may take. 10,000. */
  readonly timeout?: number;
  /** Return at once and connect in the background, again and again. Calls wait meanwhile. `false` by default. */
  readonly lazy?: boolean;
}

/** What can be said about a call beside its name and parameters. */
export interface CallOptions {
  /** Sent with the call. Not in JSON-RPC. */
  readonly metadata?: Metadata;
  /** Cancels the call, here and on the server; it then fails with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Milliseconds that the call may take, `null` for as long as it takes. Then it fails with code 504, and the server is
   * told to stop.
   *
   * | method | this deadline | the default one |
   * |---|---|---|
   * | `call` | until the answer | until the answer |
   * | `streamIn` | until the answer, sending included | until the call is sent; then from `finish` until the answer |
   * | `stream`, `both` | until the first thing comes back | until the call is sent |
   */
  readonly deadline?: number | null;
  /**
   * It does no harm to execute the call twice: if the connection breaks, it is sent again over the next one instead of
   * failing with an unknown outcome. So is a call that a server has not begun because it is shutting down. A stream in is
   * not sent again; a stream out only if no item has come.
   */
  readonly idempotent?: boolean;
  /**
   * Whether a call that streams in is opened by a message of its own, with the metadata if there is any, as soon as it is
   * made; otherwise it begins with its first item. `true` by default.
   */
  readonly metadataFirst?: boolean;
}
