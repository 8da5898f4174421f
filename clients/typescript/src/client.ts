import type { Batch } from './batch.js';
import type { Handler } from './handlers.js';
import type { Items } from './items.js';
import type { Response } from './metadata.js';
import type { CallOptions, ClientOptions, ConnectOptions } from './options.js';
import type {
  AnyProcedures,
  Arguments,
  IsUntyped,
  ItemOf,
  NameOf,
  ProceduresOf,
  ResultOf,
} from './procedures.js';
import type { Duplex, Sender } from './sender.js';
import type { IntrospectedProcedure, Spec } from './spec.js';
import type { State } from './state.js';
import { SwillClient } from './swill-client.js';

/**
 * A client: typed calls and streams over one WebSocket.
 *
 * ```ts
 * const client = new Client();
 * await client.connect('localhost');
 * console.log(await client.call('add', [1, 2]));
 * ```
 *
 * - A call is executed at most once, unless it is `idempotent`. If the connection breaks when the call may have reached
 *   the server, it fails with {@link SwillError.outcomeUnknown}; if the socket has not seen it, it is sent over the next
 *   connection.
 * - A call whose signal is aborted, or whose deadline has passed (30 s by default), is cancelled on the server.
 * - A lost connection is replaced in the background; calls made meanwhile wait, within their deadlines.
 * - Nothing grows without bound, and nothing that a server sends makes it throw, see {@link Limits}.
 *
 * With a type of procedures, such as a generated one, names, parameters and answers are checked by the compiler:
 *
 * ```ts
 * interface Calc {
 *   add: { shape: 'single'; params: [number, number]; result: number };
 *   count: { shape: 'stream'; params: number; result: number };
 * }
 * const calc = new Client<Calc>();
 * const sum: number = await calc.call('add', [1, 2]);
 * ```
 */
export interface Client<A extends ProceduresOf<A> = AnyProcedures> extends AsyncDisposable {
  /**
   * Connects: to `localhost` by default, in a browser to the host of the page.
   *
   * An address is a URL (`wss://calc.example/ws`), or a host with or without port and path: `localhost` is
   * `ws://localhost:8000/ws`, and any other host `wss://HOST/ws`.
   *
   * @throws SwillError if the first attempt fails: 503 if the server cannot be reached, 504 if it takes too long, the
   * HTTP status if it refuses, 501 if it does not speak the protocol, 400 if the address makes no sense. Of the first two
   * and of the status browsers tell nothing: there it is 503.
   */
  connect(address?: string | URL, options?: ConnectOptions): Promise<void>;

  /**
   * Calls a procedure that answers once.
   *
   * @throws SwillError what the server answered with; 499 or the signal's reason if it was cancelled; 503 if the outcome
   * is unknown, or the client is closed; 504 if the deadline has passed; 413 if it is too large; 404 if its name is longer
   * than 255 bytes; 400 if the parameters cannot be written.
   */
  readonly call: Call<A>;

  /** As {@link Client.call}, and returns the metadata along with the answer. */
  readonly callWithMetadata: CallWithMetadata<A>;

  /** Calls a procedure that streams out. What goes wrong comes out of the stream. */
  readonly stream: Stream<A>;

  /** Calls a procedure that takes a stream in and answers once. Not in JSON-RPC (code 501). */
  readonly streamIn: StreamIn<A>;

  /** Calls a procedure that streams both ways. Not in JSON-RPC (code 501). */
  readonly both: Both<A>;

  /**
   * Tells the server something. Resolves as soon as it is on its way; nobody learns what becomes of it. In JSON-RPC it is
   * a notification; otherwise a call whose answer is dropped.
   */
  notify(name: string, params?: unknown): Promise<void>;

  /**
   * Prepares several calls that go out together: in JSON-RPC as one message, otherwise one after the other.
   *
   * ```ts
   * const [three, seven] = await client.batch().call('add', [1, 2]).call('add', [3, 4]).send();
   * ```
   */
  batch(): Batch;

  /**
   * Serves a procedure to the server, which may call it at any time. JSON-RPC only: in Swill's own protocol servers do
   * not call.
   *
   * @throws Error if there is a handler of that name.
   */
  handle(name: string, handler: Handler): this;

  /** The procedures of the server with the names of their types. */
  introspect(): Promise<IntrospectedProcedure[]>;

  /** The complete description of the server's app. */
  describe(): Promise<Spec>;

  /** What is spoken: {@link ClientOptions.protocol}. */
  readonly protocol: 'swill' | 'json-rpc';

  /** How the client stands with its server. */
  readonly state: State;

  /** Is told every new state. Returns what ends that. */
  onState(listener: (state: State) => void): () => void;

  /**
   * Closes the connection, once what was said has been sent. Calls in flight fail, as their outcome is unknown. Resolves
   * when the server has said goodbye, at the latest after `Limits.close`.
   */
  close(): Promise<void>;
}

type Call<A> =
  IsUntyped<A> extends true
    ? <R = unknown>(name: string, params?: unknown, options?: CallOptions) => Promise<R>
    : <N extends NameOf<A, 'single'>>(
        name: N,
        ...rest: Arguments<A[N], CallOptions>
      ) => Promise<ResultOf<A[N]>>;

type CallWithMetadata<A> =
  IsUntyped<A> extends true
    ? <R = unknown>(name: string, params?: unknown, options?: CallOptions) => Promise<Response<R>>
    : <N extends NameOf<A, 'single'>>(
        name: N,
        ...rest: Arguments<A[N], CallOptions>
      ) => Promise<Response<ResultOf<A[N]>>>;

type Stream<A> =
  IsUntyped<A> extends true
    ? <R = unknown>(name: string, params?: unknown, options?: CallOptions) => Items<R>
    : <N extends NameOf<A, 'stream'>>(
        name: N,
        ...rest: Arguments<A[N], CallOptions>
      ) => Items<ResultOf<A[N]>>;

type StreamIn<A> =
  IsUntyped<A> extends true
    ? <T = unknown, R = unknown>(name: string, options?: CallOptions) => Sender<T, R>
    : <N extends NameOf<A, 'streamIn'>>(
        name: N,
        options?: CallOptions,
      ) => Sender<ItemOf<A[N]>, ResultOf<A[N]>>;

type Both<A> =
  IsUntyped<A> extends true
    ? <T = unknown, R = unknown>(name: string, options?: CallOptions) => Duplex<T, R>
    : <N extends NameOf<A, 'both'>>(name: N, options?: CallOptions) => Duplex<ItemOf<A[N]>, ResultOf<A[N]>>;

/** What makes clients. */
export interface ClientConstructor {
  /**
   * A client that is not connected yet.
   *
   * @throws RangeError if an option makes no sense.
   */
  new <A extends ProceduresOf<A> = AnyProcedures>(options?: ClientOptions): Client<A>;
  readonly prototype: Client;
}

/** Makes clients. See the interface of the same name. */
export const Client = SwillClient as unknown as ClientConstructor;
