import { OVER, type StreamCall } from './call.js';
import { Code, SwillError } from './errors.js';
import { Items } from './items.js';
import type { Metadata, Response } from './metadata.js';
import type { Protocol } from './machine.js';
import type { Session } from './session.js';

/** The way in of a call that streams in. */
export class Inlet {
  /** The call begins with its first item. */
  #late: boolean;
  #ended = false;

  constructor(
    private readonly session: Session,
    private readonly protocol: Protocol,
    readonly call: StreamCall,
    /** Milliseconds that the answer may take after the end of the stream. */
    private readonly afterEnd: number,
  ) {
    this.#late = call.opening.late === true;
  }

  send(item: unknown): Promise<void> {
    if (this.#ended) {
      return Promise.reject(
        new SwillError(Code.BAD_REQUEST, 'the stream in has ended: nothing more can be sent'),
      );
    }
    try {
      // Of a call that is over, the item is dropped.
      if (this.call.phase === OVER) return this.session.item(this.call, undefined);
      const payload = this.protocol.item(item);
      if (!this.#late) return this.session.item(this.call, payload);
      this.#late = false;
      this.call.payload = payload;
      this.session.submit(this.call);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async sendAll(items: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const item of items) {
        if (this.call.phase === OVER) break;
        await this.send(item);
      }
    } catch (error) {
      this.session.cancel(this.call, error);
      throw error;
    }
    if (this.call.failure !== undefined) throw this.call.failure;
  }

  end(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    this.#ended = true;
    if (this.#late) {
      this.#late = false;
      this.session.submit(this.call);
    }
    if (this.afterEnd !== Number.POSITIVE_INFINITY) {
      this.call.until = 'end';
      this.session.deadline(this.call, this.afterEnd);
    }
    return this.session.item(this.call, undefined);
  }
}

/**
 * A stream in that ends with one answer.
 *
 * ```ts
 * const numbers = client.streamIn('total');
 * await numbers.send(1);
 * await numbers.send(2);
 * console.log(await numbers.finish()); // 3
 * ```
 */
export class Sender<T, R> {
  readonly #inlet: Inlet;

  /** @internal */
  constructor(inlet: Inlet) {
    this.#inlet = inlet;
  }

  /**
   * Sends an item. Resolves when there was room for it: who waits for it goes no faster than the server.
   *
   * After the server has answered, items are dropped without an error; see {@link Sender.isOver}.
   *
   * @throws SwillError what the call has failed with; 413 if the item is too large, which does not end the call.
   */
  send(item: T): Promise<void> {
    return this.#inlet.send(item);
  }

  /**
   * Sends every item, each as soon as there is room, and stops early if the server has answered.
   *
   * @throws what the call has failed with; and what the iteration throws, after the call has been cancelled.
   */
  sendAll(items: Iterable<T> | AsyncIterable<T>): Promise<void> {
    return this.#inlet.sendAll(items);
  }

  /**
   * Ends the stream and waits for the answer.
   *
   * @throws SwillError as `Client.call`.
   */
  finish(): Promise<R> {
    this.#finished ??= this.#finish();
    return this.#finished;
  }

  #finished: Promise<R> | undefined;

  async #finish(): Promise<R> {
    // Asked for first, so that a failure is heard of here and nowhere else.
    const answer = this.#inlet.call.answer() as Promise<R>;
    await Promise.all([answer, this.#inlet.end()]);
    return answer;
  }

  /**
   * Ends the stream and waits for the answer and the metadata around it.
   *
   * @throws SwillError as `Client.call`.
   */
  async finishWithMetadata(): Promise<Response<R>> {
    const value = await this.finish();
    return { value, leading: await this.leading(), trailing: this.#inlet.call.trailing ?? {} };
  }

  /** What the server says ahead of its answer. Empty if nothing, and if the call fails before. */
  leading(): Promise<Metadata> {
    return this.#inlet.call.leading();
  }

  /** Whether the call is over already: the server has answered before the stream has ended, or the call has failed. */
  get isOver(): boolean {
    return this.#inlet.call.phase === OVER;
  }

  /** Cancels the call: the server is told to stop, and `finish` fails with code 499. */
  cancel(): void {
    this.#inlet.call.leave();
  }

  /** Cancels the call, if it is still going on: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}

/**
 * A call that streams both ways: items go in by {@link Duplex.send} and come out by `for await`, independently.
 *
 * ```ts
 * const products = client.both('multiply');
 * await products.send(2);
 * await products.send(3);
 * await products.end();
 * for await (const product of products) console.log(product); // 2, 6
 * ```
 */
export class Duplex<T, R> extends Items<R> {
  readonly #inlet: Inlet;

  /** @internal */
  constructor(inlet: Inlet) {
    super(inlet.call);
    this.#inlet = inlet;
  }

  /**
   * Sends an item. Resolves when there was room for it. After the server has ended its stream, items are dropped.
   *
   * @throws SwillError what the call has failed with; 413 if the item is too large, which does not end the call.
   */
  send(item: T): Promise<void> {
    return this.#inlet.send(item);
  }

  /**
   * Sends every item, each as soon as there is room, and stops early if the server has ended the call.
   *
   * @throws what the call has failed with; and what the iteration throws, after the call has been cancelled.
   */
  sendAll(items: Iterable<T> | AsyncIterable<T>): Promise<void> {
    return this.#inlet.sendAll(items);
  }

  /** Ends the stream in. The stream out goes on. */
  end(): Promise<void> {
    return this.#inlet.end();
  }
}
