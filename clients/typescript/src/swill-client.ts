import { resolveAddress, type PageLocation } from './address.js';
import { reconnectRules, type Reconnect } from './backoff.js';
import { Batch } from './batch.js';
import {
  BOTH,
  MetadataCall,
  Notification,
  SINGLE,
  SingleCall,
  STREAM_IN,
  STREAM_OUT,
  StreamCall,
} from './call.js';
import type { Call, Shape, Until } from './call.js';
import type { Client } from './client.js';
import { systemClock } from './clock.js';
import { report } from './connection.js';
import { cannotCarry, Code, SwillError } from './errors.js';
import type { Handler, Peer } from './handlers.js';
import { Items } from './items.js';
import { JsonRpc } from './jsonrpc.js';
import { limitsWith, type Limits } from './limits.js';
import type { Protocol } from './machine.js';
import type { Metadata, Response } from './metadata.js';
import type { CallOptions, ClientOptions, ConnectOptions } from './options.js';
import { Duplex, Inlet, Sender } from './sender.js';
import { Session } from './session.js';
import { accepting, opener } from './socket/opener.js';
import type { IntrospectedProcedure, IntrospectedType, Spec } from './spec.js';
import type { State } from './state.js';
import { Swill1 } from './swill1.js';

/** What stands behind the interface `Client`. */
export class SwillClient {
  readonly #options: ClientOptions;
  readonly #limits: Limits;
  readonly #rules: Reconnect;
  readonly #protocol: Protocol;
  readonly #deadline: number;
  readonly #handlers = new Map<string, Handler>();
  readonly #listeners = new Set<(state: State) => void>();
  #session: Session | undefined;
  #address: string | URL | undefined;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
    this.#limits = limitsWith(options.limits);
    this.#rules = reconnectRules(options.reconnect);
    this.#deadline = milliseconds(options.deadline, 30_000);
    const settings = { limits: this.#limits, int64: options.int64 ?? 'auto' };
    this.#protocol =
      options.protocol === 'json-rpc'
        ? new JsonRpc(settings, {
            find: (name) => this.#handlers.get(name),
            peer: (signal) => this.#peer(signal),
            failed: (name, error) => this.#failed(name, error),
          })
        : new Swill1(settings);
  }

  get protocol(): 'swill' | 'json-rpc' {
    return this.#options.protocol ?? 'swill';
  }

  get state(): State {
    return this.#session?.state ?? { kind: 'idle' };
  }

  onState(listener: (state: State) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async connect(address?: string | URL, options: ConnectOptions = {}): Promise<void> {
    const { kind } = this.state;
    if (kind !== 'idle' && kind !== 'closed') {
      throw new SwillError(Code.CONFLICT, 'the client is connected already: close it first');
    }
    const page = (globalThis as { location?: PageLocation }).location;
    const onPage = page !== undefined && /^https?:$/.test(page.protocol);
    this.#address = address ?? this.#address ?? (onPage ? '/ws' : 'localhost');
    const url = resolveAddress(this.#address, onPage ? page : undefined);
    const open = opener(this.#options, this.#protocol, this.#limits, url);
    const session = new Session({
      protocol: this.#protocol,
      limits: this.#limits,
      reconnect: this.#rules,
      clock: systemClock,
      url: shown(url),
      timeout: options.timeout ?? 10_000,
      open,
      accept: accepting(this.#options, this.#protocol),
      tap: this.#options.tap,
      entered: (state) => {
        if (this.#session === session) this.#entered(state);
      },
    });
    this.#session = session;
    await session.connect(options.lazy === true, options.signal);
  }

  call(name: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    return this.#single(new SingleCall(this.#begin(), SINGLE, this.#opening(name, params, options)), options);
  }

  callWithMetadata(name: string, params?: unknown, options?: CallOptions): Promise<Response<unknown>> {
    const call = new MetadataCall(this.#begin(), SINGLE, this.#opening(name, params, options));
    return this.#single(call, options) as Promise<Response<unknown>>;
  }

  notify(name: string, params?: unknown): Promise<void> {
    const call = new Notification(this.#begin(), SINGLE, this.#opening(name, params));
    call.reply = false;
    call.until = 'sent';
    return this.#single(call) as Promise<void>;
  }

  stream(name: string, params?: unknown, options?: CallOptions): Items<unknown> {
    const call = new StreamCall(this.#begin(), STREAM_OUT, this.#opening(name, params, options));
    this.#submit(call, options, 'first');
    return new Items(call);
  }

  streamIn(name: string, options?: CallOptions): Sender<unknown, unknown> {
    return new Sender(this.#inlet(name, STREAM_IN, options));
  }

  both(name: string, options?: CallOptions): Duplex<unknown, unknown> {
    return new Duplex(this.#inlet(name, BOTH, options));
  }

  batch(): Batch {
    return new Batch(() => this.#begin(), this.#protocol, this.#limits, this.#deadline);
  }

  handle(name: string, handler: Handler): this {
    if (this.#handlers.has(name)) throw new Error(`there is a handler of the name \`${name}\` already`);
    this.#handlers.set(name, handler);
    return this;
  }

  async introspect(): Promise<IntrospectedProcedure[]> {
    const procedures = (await this.stream('swill.introspect').toArray()) as IntrospectedProcedure[];
    return procedures.map(({ name, request, response }) => ({
      name,
      request: { streams: request.streams, type: named(request.type) },
      response: { streams: response.streams, type: named(response.type) },
    }));
  }

  describe(): Promise<Spec> {
    return this.call('swill.describe') as Promise<Spec>;
  }

  async close(): Promise<void> {
    await this.#session?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The session that calls go to; one that refuses them before there is another. */
  #begin(): Session {
    this.#session ??= new Session({
      protocol: this.#protocol,
      limits: this.#limits,
      reconnect: this.#rules,
      clock: systemClock,
      url: '',
      timeout: 0,
      open: () => Promise.reject(new Error()),
      accept: () => {},
      tap: undefined,
      entered: () => {},
    });
    return this.#session;
  }

  #opening(name: string, params: unknown, options?: CallOptions): Call['opening'] {
    if (options === undefined) return { name, params, metadata: undefined, idempotent: false };
    const { metadata } = options;
    return {
      name,
      params,
      metadata: metadata !== undefined && isEmpty(metadata) ? undefined : metadata,
      idempotent: options.idempotent === true,
      late: options.metadataFirst === false,
    };
  }

  #single(call: SingleCall, options?: CallOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
      if (options === undefined) {
        const session = call.owner as Session;
        if (this.#deadline !== Number.POSITIVE_INFINITY) session.deadline(call, this.#deadline);
        session.submit(call);
      } else {
        this.#submit(call, options, 'end');
      }
    });
  }

  #submit(call: Call, options: CallOptions | undefined, explicit: Until): void {
    const session = call.owner as Session;
    const { metadata } = call.opening;
    if (!this.#protocol.streamsIn && (call.shape.streamsIn || metadata !== undefined)) {
      return call.fail(cannotCarry('JSON-RPC', call.shape.streamsIn ? 'a stream in' : 'metadata'));
    }
    if (options?.signal !== undefined && !call.heed(options.signal)) return;
    const byDefault = options?.deadline === undefined;
    if (explicit !== 'end' || call.shape.streamsIn) call.until = byDefault ? 'sent' : explicit;
    session.deadline(call, milliseconds(options?.deadline, this.#deadline));
    if (call.opening.late !== true || !call.shape.streamsIn) session.submit(call);
  }

  #inlet(name: string, shape: Shape, options?: CallOptions): Inlet {
    const session = this.#begin();
    const call = new StreamCall(session, shape, this.#opening(name, undefined, options));
    const afterEnd =
      shape.streamsOut || options?.deadline !== undefined ? Number.POSITIVE_INFINITY : this.#deadline;
    const inlet = new Inlet(session, this.#protocol, call, afterEnd);
    this.#submit(call, options, shape.streamsOut ? 'first' : 'end');
    return inlet;
  }

  #peer(signal: AbortSignal): Peer {
    return {
      client: this as unknown as Client,
      signal,
      call: <R>(name: string, params?: unknown, options?: CallOptions) =>
        this.call(name, params, options) as Promise<R>,
      notify: (name, params) => this.notify(name, params),
    };
  }

  /** What the server has asked of a handler must not end the program: nothing is left uncaught by default. */
  #failed(name: string, error: unknown): void {
    const { onError } = this.#options;
    if (onError === undefined) return console.error(`the handler of \`${name}\` has failed:`, error);
    try {
      onError(error, name);
    } catch (thrown) {
      report(thrown);
    }
  }

  #entered(state: State): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(state);
      } catch (error) {
        report(error);
      }
    }
  }
}

function isEmpty(metadata: Metadata): boolean {
  for (const _name in metadata) return false;
  return true;
}

function milliseconds(given: number | null | undefined, otherwise: number): number {
  if (given === undefined) return otherwise;
  return given ?? Number.POSITIVE_INFINITY;
}

/** A URL without what may be secret. */
function shown(url: URL): string {
  const copy = new URL(url);
  copy.username = copy.password = copy.search = '';
  return copy.href;
}

/** A type whose arguments have numbers comes as a `Map`. */
function named(type: IntrospectedType): IntrospectedType {
  const { arguments: parts } = type;
  if (parts === undefined) return type;
  const entries =
    (parts as unknown) instanceof Map
      ? [...(parts as unknown as Map<unknown, IntrospectedType>)]
      : Object.entries(parts);
  return {
    ...type,
    arguments: Object.fromEntries(entries.map(([name, part]) => [String(name), named(part)])),
  };
}
