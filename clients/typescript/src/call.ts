import type { Expiring } from './deadlines.js';
import { cancelled } from './errors.js';
import type { Metadata, Response } from './metadata.js';
import { heed, ignore } from './signals.js';

/** A value in its written form: bytes of MessagePack or text of JSON. */
export type Payload = Uint8Array | string;

/** Which directions of a call stream. */
export interface Shape {
  readonly streamsIn: boolean;
  readonly streamsOut: boolean;
}

export const SINGLE: Shape = { streamsIn: false, streamsOut: false };
export const STREAM_OUT: Shape = { streamsIn: false, streamsOut: true };
export const STREAM_IN: Shape = { streamsIn: true, streamsOut: false };
export const BOTH: Shape = { streamsIn: true, streamsOut: true };

/** Until when the deadline of a call counts. */
export type Until = 'sent' | 'first' | 'end';

/** How far a call is. */
export const WAITING = 0;
export const SENT = 1;
export const OVER = 2;

/** What a call asks of the client that it belongs to. */
export interface Owner {
  /** The time of a call is up. */
  expire(call: Call): void;
  /** Nobody wants to hear more of a call. */
  cancel(call: Call, reason: unknown): void;
  /** The deadline of a call means nothing any more. */
  relax(call: Call): void;
  /** A call has ended, however. */
  release(call: Call): void;
  /** Something of a stream is unread, or is so no more. */
  arrived(call: StreamCall, cost: number): void;
  took(call: StreamCall, cost: number): void;
}

/** What is known of a call when it begins. */
export interface Opening {
  readonly name: string;
  readonly params?: unknown;
  readonly metadata?: Metadata | undefined;
  /** There is a payload already, or none is to be sent with the opening. */
  readonly payload?: Payload | undefined;
  /** The stream in begins with its first item, not with a message of its own. */
  readonly late?: boolean;
  /** It may be sent again. */
  readonly idempotent?: boolean;
}

/**
 * One call, from its beginning to its end: what the machine of a protocol tells, and where it goes. Subclasses say what
 * becomes of it.
 */
export abstract class Call implements Expiring {
  phase = WAITING;
  /** Its number on the connection. */
  seq = 0;
  /** The stream in has ended, or there is none. */
  halfClosed: boolean;
  /** Whether there will be an answer. */
  reply = true;
  /** It is to be sent again if the connection breaks. */
  again: boolean;
  /** It was sent over a connection that has broken. */
  tried = false;
  /** How it was written, if it had to wait. */
  payload: Payload | undefined;
  /** How many calls are in flight because of it. */
  slots = 1;
  /** Until when its deadline counts. */
  until: Until = 'end';
  /** Items of the stream in that wait for room. */
  queued: Outgoing[] | undefined;
  /** Why it failed, for those who send to it later. */
  failure: unknown;

  due = 0;
  line: Expiring['line'];
  earlier: Expiring | undefined;
  later: Expiring | undefined;

  #signal: AbortSignal | undefined;
  #abort: (() => void) | undefined;

  constructor(
    readonly owner: Owner,
    readonly shape: Shape,
    readonly opening: Opening,
  ) {
    this.halfClosed = !shape.streamsIn;
    this.again = opening.idempotent === true && !shape.streamsIn;
    this.payload = opening.payload;
  }

  /** It has been handed to the socket. */
  sent(): void {}

  /** The server has said something ahead of everything else. */
  lead(_leading: Metadata): void {}

  /** An item of the stream out has come. */
  item(_item: unknown, _cost: number, _leading: Metadata | undefined): void {}

  /** It has ended well. */
  abstract succeed(value: unknown, leading: Metadata | undefined, trailing: Metadata | undefined): void;

  /** It has failed. */
  abstract fail(error: unknown): void;

  expired(): void {
    this.owner.expire(this);
  }

  /** The first thing has come back. */
  protected heard(): void {
    if (this.until === 'first' && this.line !== undefined) this.owner.relax(this);
  }

  /** Cancels it when the signal says so. Whether it may begin at all. */
  heed(signal: AbortSignal): boolean {
    if (signal.aborted) {
      this.fail(signal.reason);
      return false;
    }
    this.#signal = signal;
    this.#abort = () => this.owner.cancel(this, signal.reason);
    heed(signal, this.#abort);
    return true;
  }

  /** It is over: nothing that comes later changes that. Whether it was not over before. */
  protected finish(): boolean {
    if (this.phase === OVER) return false;
    this.phase = OVER;
    if (this.#signal !== undefined && this.#abort !== undefined) ignore(this.#signal, this.#abort);
    this.owner.release(this);
    return true;
  }
}

/** An item, or the end, of a stream in that waits for room. */
export interface Outgoing {
  /** `undefined` for the end. */
  readonly payload: Payload | undefined;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** A call that answers once, whose metadata nobody asks for. */
export class SingleCall extends Call {
  resolve!: (value: unknown) => void;
  reject!: (error: unknown) => void;

  override succeed(value: unknown): void {
    if (this.finish()) this.resolve(value);
  }

  override fail(error: unknown): void {
    if (this.finish()) this.reject(error);
  }
}

/** A call that answers once, with metadata. */
export class MetadataCall extends SingleCall {
  #leading: Metadata | undefined;

  override lead(leading: Metadata): void {
    this.#leading ??= leading;
  }

  override succeed(value: unknown, leading?: Metadata, trailing?: Metadata): void {
    const response: Response<unknown> = {
      value,
      leading: this.#leading ?? leading ?? {},
      trailing: trailing ?? {},
    };
    super.succeed(response);
  }
}

/** A call without an answer: done as soon as it is sent. */
export class Notification extends SingleCall {
  override sent(): void {
    this.resolve(undefined);
  }
}

/** Calls that go out in one message. */
export class BatchCall extends Call {
  constructor(
    owner: Owner,
    readonly members: readonly SingleCall[],
  ) {
    super(owner, SINGLE, { name: '' });
    this.slots = members.filter((member) => member.reply).length;
  }

  override succeed(): void {
    this.finish();
  }

  override fail(error: unknown): void {
    if (!this.finish()) return;
    for (const member of this.members) member.fail(error);
  }
}

/** What an item counts beside its payload. */
const COST = 32;

interface Waiter {
  resolve(result: IteratorResult<unknown, undefined>): void;
  reject(error: unknown): void;
}

/** A call that streams: what has come for it and has not been taken. */
export class StreamCall extends Call {
  /** Bytes of items that nobody has taken. */
  unread = 0;
  /** During which pause something was taken last. */
  moved = -1;
  trailing: Metadata | undefined;
  #items: unknown[] = [];
  #costs: number[] = [];
  #taken = 0;
  #waiters: Waiter[] = [];
  #leading: Metadata | undefined;
  #leadingWaiters: ((leading: Metadata) => void)[] = [];
  #led = false;
  /** Whether the failure is still to be told. */
  #failed = false;
  #answer: { value: unknown } | undefined;
  #answerWaiter: { resolve(value: unknown): void; reject(error: unknown): void } | undefined;

  /** Whether it has ended well. */
  get succeeded(): boolean {
    return this.#answer !== undefined;
  }

  override lead(leading: Metadata): void {
    if (this.#led) return;
    this.heard();
    this.#led = true;
    this.#leading = leading;
    for (const waiter of this.#leadingWaiters) waiter(leading);
    this.#leadingWaiters = [];
  }

  override item(item: unknown, size: number, leading: Metadata | undefined): void {
    if (this.phase === OVER) return;
    this.again = false;
    if (!this.#led) this.lead(leading ?? {});
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) return waiter.resolve({ value: item, done: false });
    const cost = size + COST;
    this.#items.push(item);
    this.#costs.push(cost);
    this.unread += cost;
    this.owner.arrived(this, cost);
  }

  override succeed(value: unknown, leading?: Metadata, trailing?: Metadata): void {
    if (!this.finish()) return;
    this.lead(leading ?? {});
    this.trailing = trailing ?? {};
    this.#answer = { value };
    this.#answerWaiter?.resolve(value);
    this.#wakeAll();
  }

  override fail(error: unknown): void {
    if (this.phase === OVER) return;
    this.failure = error;
    this.finish();
    this.lead({});
    if (this.#answerWaiter !== undefined) this.#answerWaiter.reject(error);
    else this.#failed = true;
    this.#wakeAll();
  }

  /** Nobody wants what has not been taken. */
  discard(): void {
    this.#items = [];
    this.#costs = [];
    this.#taken = 0;
    const cost = this.unread;
    this.unread = 0;
    if (cost > 0) this.owner.took(this, cost);
  }

  /** Its items were left unread for too long: they are dropped, and whoever reads hears why. */
  failSlow(error: unknown): void {
    if (this.phase !== OVER) {
      this.owner.cancel(this, error);
      return;
    }
    this.failure = error;
    this.#failed = true;
    this.#answer = undefined;
    this.discard();
  }

  /** Ends it from this side, without an error for whoever reads. */
  leave(): void {
    this.#wakeAll();
    if (this.phase !== OVER) this.owner.cancel(this, cancelled());
    this.#failed = false;
    this.discard();
  }

  /** The next item, or the end. */
  next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#taken < this.#items.length) return Promise.resolve(this.#take());
    if (this.phase === OVER) return this.#end();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** What the server says ahead of the first item. Empty if nothing, or if the call fails before. */
  leading(): Promise<Metadata> {
    if (this.#leading !== undefined) return Promise.resolve(this.#leading);
    return new Promise((resolve) => this.#leadingWaiters.push(resolve));
  }

  /** The answer of a call without a stream out. */
  answer(): Promise<unknown> {
    if (this.#answer !== undefined) return Promise.resolve(this.#answer.value);
    if (this.phase === OVER) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => (this.#answerWaiter = { resolve, reject }));
  }

  #take(): IteratorResult<unknown, undefined> {
    const at = this.#taken++;
    const value = this.#items[at];
    const cost = this.#costs[at];
    if (this.#taken === this.#items.length) {
      this.#items = [];
      this.#costs = [];
      this.#taken = 0;
    } else {
      this.#items[at] = undefined;
      if (this.#taken >= 1024 && this.#taken * 2 >= this.#items.length) this.#shrink();
    }
    this.unread -= cost;
    this.owner.took(this, cost);
    return { value, done: false };
  }

  #shrink(): void {
    this.#items = this.#items.slice(this.#taken);
    this.#costs = this.#costs.slice(this.#taken);
    this.#taken = 0;
  }

  /** The failure, once; then that there is no more. */
  #end(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#failed) {
      this.#failed = false;
      return Promise.reject(this.failure);
    }
    return Promise.resolve({ value: undefined, done: true });
  }

  #wakeAll(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (this.#failed) {
        this.#failed = false;
        waiter.reject(this.failure);
      } else {
        waiter.resolve({ value: undefined, done: true });
      }
    }
  }
}
