import { BatchCall, OVER, type Call, type Payload } from './call.js';
import { Code, isNotBegun, SwillError, tooLarge } from './errors.js';
import type { Serving } from './handlers.js';
import { checkDepth, parse, stringify } from './json.js';
import { LONGEST_NAME } from './limits.js';
import type { Machine, Protocol, ProtocolSettings, Wire } from './machine.js';
import { RpcServer, invalid, type RpcObject } from './jsonrpc-server.js';
import { failure, longName } from './swill1.js';

/** JSON-RPC 2.0 as JSON (PROTOCOLS.md chapter 2). */
export class JsonRpc implements Protocol {
  readonly name = 'json-rpc';
  readonly subprotocols = ['jsonrpc'];
  readonly needsSubprotocol = false;
  readonly streamsIn = false;
  readonly batches = true;

  constructor(
    private readonly settings: ProtocolSettings,
    private readonly serving: Serving,
  ) {}

  /** Parameters are a list or a map: any other value becomes a list of one, and nothing stays nothing. */
  parameters(value: unknown): Payload | undefined {
    if (value === undefined || value === null) return undefined;
    const text = stringify(value);
    if (text === 'null') return undefined;
    const listed = text.startsWith('[') || text.startsWith('{') ? text : `[${text}]`;
    // Servers would take the whole message for no JSON-RPC, and answer nobody.
    checkDepth(listed);
    checkSize(listed, this.settings.limits.request);
    return listed;
  }

  item(): Payload {
    throw new SwillError(Code.UNIMPLEMENTED, 'JSON-RPC cannot carry a stream in');
  }

  machine(wire: Wire): Machine {
    return new JsonRpcMachine(wire, this, this.settings, this.serving);
  }
}

const utf8 = new TextEncoder();

/** Text of this size may be too large; most is far from it, and is not counted exactly. */
function checkSize(text: string, limit: number): void {
  if (text.length * 3 <= limit) return;
  const size = utf8.encode(text).length;
  if (size > limit) throw tooLarge(size, limit);
}

/** About as much of a message with an item is not the item. */
const ENVELOPE = 74;

/**
 * The client's side of JSON-RPC on one connection. Streams out and cancellation are those of PROTOCOLS.md 2.8. A response
 * that nobody waits for is ignored, and never answered.
 */
class JsonRpcMachine implements Machine {
  /** Requests without a response. */
  #calls = new Map<number, Call>();
  /** Streams that are open, by their subscriptions. */
  #streams = new Map<string, Call>();
  #keys = new Map<Call, unknown>();
  #last = 0;
  #server: RpcServer;

  constructor(
    private readonly wire: Wire,
    private readonly protocol: JsonRpc,
    private readonly settings: ProtocolSettings,
    serving: Serving,
  ) {
    this.#server = new RpcServer(serving, settings.limits, (text) => wire.sendText(text));
  }

  get inFlight(): number {
    return this.#calls.size + this.#streams.size;
  }

  abandon(): Call[] {
    const calls = [...this.#calls.values(), ...this.#streams.values()];
    this.#calls.clear();
    this.#streams.clear();
    this.#keys.clear();
    this.#server.stop();
    return calls.sort((one, other) => one.seq - other.seq);
  }

  open(call: Call): boolean {
    if (call instanceof BatchCall) return this.#openBatch(call);
    const text = this.#request(call, this.#last + 1);
    checkSize(text, this.settings.limits.request);
    this.#register(call);
    this.wire.sendText(text);
    return call.reply;
  }

  item(): void {}

  end(): void {}

  has(call: Call): boolean {
    return this.#calls.get(call.seq) === call || this.#keys.has(call);
  }

  cancel(call: Call): void {
    const subscription = this.#keys.get(call);
    if (this.#calls.delete(call.seq)) {
      this.wire.sendText(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":${call.seq}}}`);
    } else if (this.#forget(call)) {
      const params = stringify({ subscription });
      this.wire.sendText(`{"jsonrpc":"2.0","method":"$/cancelRequest","params":${params}}`);
    } else {
      return;
    }
    this.wire.freed();
  }

  binary(): void {
    this.wire.broken(1003, 'JSON is text');
  }

  text(text: string): void {
    let message: unknown;
    try {
      message = parse(text, this.settings.int64);
    } catch {
      this.wire.sendText('{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}');
      return;
    }
    if (Array.isArray(message)) this.#batch(message as unknown[]);
    else if (!this.#response(message, text.length - ENVELOPE)) this.#server.receive(message);
  }

  // Sending.

  #openBatch(batch: BatchCall): boolean {
    const members = batch.members.filter((member) => member.phase !== OVER);
    const texts = members.map((member, at) => this.#request(member, this.#last + 1 + at));
    const text = `[${texts.join(',')}]`;
    checkSize(text, this.settings.limits.request);
    if (members.length > 0) {
      for (const member of members) this.#register(member);
      this.wire.sendText(text);
    }
    return false;
  }

  #request(call: Call, id: number): string {
    const { name, params } = call.opening;
    if (name.length * 3 > LONGEST_NAME && utf8.encode(name).length > LONGEST_NAME) throw longName();
    const payload = (call.payload ?? this.protocol.parameters(params)) as string | undefined;
    const head = `{"jsonrpc":"2.0","method":${JSON.stringify(name)}`;
    const middle = payload === undefined ? '' : `,"params":${payload}`;
    return call.reply ? `${head}${middle},"id":${id}}` : `${head}${middle}}`;
  }

  #register(call: Call): void {
    this.#last += 1;
    call.seq = this.#last;
    if (call.reply) this.#calls.set(call.seq, call);
  }

  // Receiving.

  #batch(messages: unknown[]): void {
    if (messages.length === 0 || messages.length > this.settings.limits.batch) {
      this.wire.sendText(stringify(invalid(null)));
      return;
    }
    const others = messages.filter((message) => Array.isArray(message) || !this.#response(message, 0));
    if (others.length > 0) this.#server.receiveBatch(others);
  }

  /** Takes a message if it is a response, or belongs to a stream. */
  #response(message: unknown, size: number): boolean {
    if (typeof message !== 'object' || message === null) return false;
    const { method, params, id, result, error } = message as RpcObject;
    if (method !== undefined) {
      if (method !== '$/stream' || 'id' in message) return false;
      this.#streamed(params, size);
      return true;
    }
    if (result === undefined && error === undefined) return false;
    const call = typeof id === 'number' ? this.#calls.get(id) : undefined;
    if (call === undefined) return true;
    // Older servers say `"result": null` beside an error.
    const failed = result === undefined || (error !== undefined && error !== null);
    const why = failed ? failure(error) : undefined;
    // It stays, and is sent again when the server closes the connection.
    if (why !== undefined && call.again && isNotBegun(why)) return true;
    this.#calls.delete(call.seq);
    if (why !== undefined) {
      this.wire.freed();
      call.fail(why);
    } else if (call.shape.streamsOut) {
      this.#opened(call, result);
    } else {
      this.wire.freed();
      call.succeed(result, undefined, undefined);
    }
    return true;
  }

  #opened(call: Call, subscription: unknown): void {
    const key = keyOf(subscription);
    if (key === undefined || this.#streams.has(key)) {
      this.wire.freed();
      const message = 'the server has answered with what is no stream: the procedure may answer once';
      call.fail(new SwillError(Code.INTERNAL, message, { data: subscription }));
      return;
    }
    this.#streams.set(key, call);
    this.#keys.set(call, subscription);
    call.lead({});
  }

  #streamed(params: unknown, size: number): void {
    const { subscription, result, end, error } = (params ?? {}) as Record<string, unknown>;
    const call = this.#streams.get(keyOf(subscription) ?? '');
    if (call === undefined) return;
    if (error !== undefined && error !== null) {
      this.#close(call);
      call.fail(failure(error));
    } else if (end === true) {
      this.#close(call);
      call.succeed(undefined, undefined, undefined);
    } else if (result !== undefined) {
      call.item(result, size, undefined);
    }
  }

  #close(call: Call): void {
    if (this.#forget(call)) this.wire.freed();
  }

  #forget(call: Call): boolean {
    const key = keyOf(this.#keys.get(call));
    return this.#keys.delete(call) && key !== undefined && this.#streams.delete(key);
  }
}

/** The id of a subscription: a number and a text that look alike are two. */
function keyOf(subscription: unknown): string | undefined {
  const type = typeof subscription;
  if (type !== 'number' && type !== 'string' && type !== 'bigint') return undefined;
  return `${type}:${String(subscription)}`;
}
