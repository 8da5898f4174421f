import type { Call, Payload } from './call.js';
import { Code, isNotBegun, SwillError, tooLarge } from './errors.js';
import { LONGEST_NAME } from './limits.js';
import type { Machine, Protocol, ProtocolSettings, Wire } from './machine.js';
import { Decoder, Malformed, TooDeep } from './messagepack/decoder.js';
import { Encoder } from './messagepack/encoder.js';
import type { Metadata } from './metadata.js';

/** Types of messages, PROTOCOLS.md 1.2. The last one is CANCEL from the client and ERROR from the server. */
const MESSAGE = 0;
const END_OF_STREAM = 1;
const METADATA = 2;
const CANCEL = 3;
const ERROR = 3;

const NIL = 0xc0;

/** Swill's own protocol. Its other name, `swill/1`, is no token, and no browser asks for it. */
export class Swill1 implements Protocol {
  readonly name = 'swill';
  readonly subprotocols = ['swill.1'];
  readonly needsSubprotocol = true;
  readonly streamsIn = true;
  readonly batches = false;
  #encoder = new Encoder();

  constructor(private readonly settings: ProtocolSettings) {}

  parameters(value: unknown): Payload {
    return this.item(value);
  }

  item(value: unknown): Payload {
    const encoder = this.#encoder;
    encoder.begin();
    encoder.value(value);
    checkSize(encoder.length + LONGEST_NAME, this.settings.limits.request);
    return encoder.copy();
  }

  machine(wire: Wire): Machine {
    return new Swill1Machine(wire, this.#encoder, this.settings);
  }
}

function checkSize(size: number, limit: number): void {
  if (size > limit) throw tooLarge(size, limit);
}

/**
 * The client's side of `swill/1` (PROTOCOLS.md chapter 1).
 *
 * A server that breaks the rules ends the connection: 1003 for text, 1002 for a message that is none. An answer that is
 * right but exceeds a limit only fails its call. What a server says of calls that are over is ignored.
 *
 * When an answer arrives before the stream in has ended, the machine ends it, for the server keeps the call until it
 * hears so.
 */
class Swill1Machine implements Machine {
  #calls = new Map<number, Call>();
  /** Counts from 1; a number is never used again. */
  #last = 0;
  #decoder: Decoder;

  constructor(
    private readonly wire: Wire,
    private readonly encoder: Encoder,
    private readonly settings: ProtocolSettings,
  ) {
    this.#decoder = new Decoder(settings.int64);
  }

  get inFlight(): number {
    return this.#calls.size;
  }

  abandon(): Call[] {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    return calls;
  }

  open(call: Call): boolean {
    const { opening, payload } = call;
    const { name, metadata } = opening;
    const alone = call.shape.streamsIn && payload === undefined;
    const seq = this.#last + 1;
    const { encoder } = this;
    encoder.begin();
    encoder.smallArray(metadata !== undefined ? 5 : alone ? 4 : 3);
    encoder.number(seq);
    if (alone) encoder.nil();
    else if (payload !== undefined) encoder.written(payload as Uint8Array);
    else encoder.value(opening.params);
    const before = encoder.length;
    encoder.string(name);
    if (encoder.length - before > LONGEST_NAME + 3) throw longName();
    if (alone) encoder.number(METADATA);
    else if (metadata !== undefined) encoder.number(MESSAGE);
    if (metadata !== undefined) encoder.value(metadata);
    checkSize(encoder.length, this.settings.limits.request);
    this.#last = call.seq = seq;
    this.#calls.set(seq, call);
    this.wire.sendBinary(encoder.bytes, encoder.length);
    return true;
  }

  item(call: Call, payload: Payload): void {
    if (!this.#calls.has(call.seq) || call.halfClosed) return;
    const { encoder } = this;
    encoder.begin();
    encoder.smallArray(3);
    encoder.number(call.seq);
    encoder.written(payload as Uint8Array);
    encoder.string(call.opening.name);
    this.wire.sendBinary(encoder.bytes, encoder.length);
  }

  end(call: Call): void {
    if (!this.#calls.has(call.seq) || call.halfClosed) return;
    call.halfClosed = true;
    this.#word(call, END_OF_STREAM);
  }

  has(call: Call): boolean {
    return this.#calls.get(call.seq) === call;
  }

  cancel(call: Call): void {
    if (!this.#calls.delete(call.seq)) return;
    this.#word(call, CANCEL);
    this.wire.freed();
  }

  text(): void {
    this.wire.broken(1003, 'swill/1 is binary');
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    const decoder = this.#decoder;
    let call: Call | undefined;
    try {
      decoder.begin(bytes, start, end);
      const length = decoder.arrayLength();
      const seq = decoder.value(0);
      if (typeof seq !== 'number' && typeof seq !== 'bigint') throw new Malformed('seq is no integer');
      call = this.#calls.get(seq as number);
      if (call === undefined) return;
      if (length < 3) throw new Malformed('a response has five elements');
      const before = decoder.at;
      const data = decoder.value();
      const size = decoder.at - before;
      const type = decoder.value(0);
      const leading = length > 3 ? this.#metadata() : undefined;
      const trailing = length > 4 ? this.#metadata() : undefined;
      for (let element = 5; element < length; element++) decoder.value();
      if (!decoder.done) throw new Malformed('bytes are left over');
      this.#receive(call, type, data, leading, trailing, size);
    } catch (error) {
      this.#refuse(call, error);
    }
  }

  #receive(
    call: Call,
    type: unknown,
    data: unknown,
    leading: Metadata | undefined,
    trailing: Metadata | undefined,
    size: number,
  ): void {
    switch (type) {
      case MESSAGE:
        if (call.shape.streamsOut) return call.item(data, size, leading);
        this.#finish(call);
        return call.succeed(data, leading, trailing);
      case END_OF_STREAM:
        this.#finish(call);
        if (call.shape.streamsOut) return call.succeed(undefined, leading, trailing);
        return call.fail(new SwillError(Code.INTERNAL, 'the server ended the call without an answer'));
      case METADATA:
        return leading === undefined ? undefined : call.lead(leading);
      case ERROR: {
        const error = failure(data);
        // It stays, and is sent again when the server closes the connection.
        if (call.again && isNotBegun(error)) return;
        this.#finish(call);
        return call.fail(error);
      }
      default:
        throw new Malformed('a type that does not exist');
    }
  }

  #metadata(): Metadata | undefined {
    const decoder = this.#decoder;
    if (decoder.peek() === NIL) {
      decoder.at++;
      return undefined;
    }
    const start = decoder.at;
    const metadata = decoder.value();
    if (typeof metadata !== 'object' || Object.getPrototypeOf(metadata) !== Object.prototype) {
      throw new Malformed('metadata is no map with text keys');
    }
    const { metadataBytes, metadataKeys } = this.settings.limits;
    if (decoder.at - start > metadataBytes || Object.keys(metadata as object).length > metadataKeys) {
      throw new SwillError(Code.TOO_LARGE, "the server's metadata exceeds the client's limits");
    }
    return metadata as Metadata;
  }

  /** Forgets a call that is over, and ends its stream in if that is still open. */
  #finish(call: Call): void {
    this.#calls.delete(call.seq);
    if (!call.halfClosed) {
      call.halfClosed = true;
      this.#word(call, END_OF_STREAM);
    }
    this.wire.freed();
  }

  #refuse(call: Call | undefined, error: unknown): void {
    if (call === undefined || !(error instanceof TooDeep || error instanceof SwillError)) {
      const why = error instanceof Error ? error.message : String(error);
      return this.wire.broken(1002, `a message that is none of swill/1: ${why}`);
    }
    this.cancel(call);
    call.fail(
      error instanceof SwillError
        ? error
        : new SwillError(Code.TOO_LARGE, 'the answer is nested deeper than the client takes'),
    );
  }

  /** A message without data. */
  #word(call: Call, type: number): void {
    const { encoder } = this;
    encoder.begin();
    encoder.smallArray(4);
    encoder.number(call.seq);
    encoder.nil();
    encoder.string(call.opening.name);
    encoder.number(type);
    this.wire.sendBinary(encoder.bytes, encoder.length);
  }
}

export function longName(): SwillError {
  return new SwillError(Code.NOT_FOUND, `the name of a procedure has at most ${LONGEST_NAME} bytes`);
}

/** The data of an ERROR as an error. */
export function failure(data: unknown): SwillError {
  const { code, message, data: more } = (data ?? {}) as Record<string, unknown>;
  if (typeof code !== 'number' || typeof message !== 'string') {
    return new SwillError(Code.INTERNAL, "the call failed; the server's reason cannot be read");
  }
  return new SwillError(code, message, { data: more });
}
