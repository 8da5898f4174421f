import { OVER, type StreamCall } from './call.js';
import type { Metadata } from './metadata.js';

/**
 * The items of a stream out. It is iterated with `for await`; leaving the loop cancels the call.
 *
 * After the end of the server the loop ends; if the call fails it throws, after the items that came before. Unread items
 * are kept up to a limit, see `Limits.streamUnread`: read a stream to its end, or cancel it.
 */
export class Items<T> implements AsyncIterableIterator<T, undefined> {
  /** @internal */
  protected readonly inner: StreamCall;

  /** @internal */
  constructor(inner: StreamCall) {
    this.inner = inner;
  }

  /** The next item, or the end. Several may be asked for at once; they come in order. */
  next(): Promise<IteratorResult<T, undefined>> {
    return this.inner.next() as Promise<IteratorResult<T, undefined>>;
  }

  /** What `for await` does when it is left: cancels the call, if it is still going on. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.cancel();
    return Promise.resolve({ value: undefined, done: true });
  }

  /**
   * What the server says ahead of the first item. Resolves when that has come: by itself, with the first item or with the
   * end. Empty if the server says nothing, and if the call fails before.
   */
  leading(): Promise<Metadata> {
    return this.inner.leading();
  }

  /** What the server said at the end; `undefined` before the end has come, and if the call has failed. */
  get trailing(): Metadata | undefined {
    return this.inner.trailing;
  }

  /** Whether the call has ended. There may be items that nobody has read yet. */
  get isOver(): boolean {
    return this.inner.phase === OVER;
  }

  /** Nobody wants more: the server is told to stop, unread items are dropped, and the iteration ends without an error. */
  cancel(): void {
    this.inner.leave();
  }

  /**
   * All items up to the end.
   *
   * @throws SwillError if the call fails.
   */
  async toArray(): Promise<T[]> {
    const items: T[] = [];
    for (let next = await this.next(); next.done !== true; next = await this.next()) items.push(next.value);
    return items;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Cancels the call, if it is still going on: for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    return Promise.resolve();
  }
}
