import type { Client } from './client.js';
import type { CallOptions } from './options.js';

/** The server, as a handler sees it: what it can be asked while it waits for the handler's answer. */
export interface Peer {
  /** The client that the handler belongs to. */
  readonly client: Client;
  /** Aborted when the server does not want the answer any more, and when the connection ends. */
  readonly signal: AbortSignal;
  /** Calls the server. See `Client.call`. */
  call<R = unknown>(name: string, params?: unknown, options?: CallOptions): Promise<R>;
  /** Tells the server something. See `Client.notify`. */
  notify(name: string, params?: unknown): Promise<void>;
}

/**
 * Serves a call of the server: takes its parameters (an array, an object, or `undefined` if there are none) and returns
 * the answer, or a promise of it. A `SwillError` goes to the server as it is; of anything else that is thrown the server
 * learns only that something went wrong, and `ClientOptions.onError` hears of it.
 */
export type Handler = (params: unknown, peer: Peer) => unknown;

/** How handlers are found and run. */
export interface Serving {
  find(name: string): Handler | undefined;
  peer(signal: AbortSignal): Peer;
  /** A handler has thrown something that nobody expected. */
  failed(name: string, error: unknown): void;
}
