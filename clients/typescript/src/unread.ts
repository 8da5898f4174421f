import { OVER, type StreamCall } from './call.js';
import type { Clock, Timer } from './clock.js';
import { Code, SwillError } from './errors.js';
import type { Limits } from './limits.js';

/** What is asked of the connection. */
export interface Reading {
  /** Whether it can be told not to read. */
  readonly pausable: boolean;
  readonly inFlight: number;
  pause(): void;
  resume(): void;
  cancel(call: StreamCall, reason: unknown): void;
}

/**
 * What all streams of a client together hold that nobody has taken, and what is done when it is too much: nothing is read
 * until half of it is free, or, where reading cannot stop, a stream fails.
 */
export class Unread {
  #bytes = 0;
  /** Streams with something unread, also those that are over. */
  #streams = new Set<StreamCall>();
  #paused = false;
  /** Which pause it is, or was. */
  #pause = 0;
  #timer: Timer | undefined;

  constructor(
    private readonly limits: Limits,
    private readonly clock: Clock,
    private readonly reading: Reading,
  ) {}

  /** Whether nothing is read because of it. */
  get paused(): boolean {
    return this.#paused;
  }

  arrived(call: StreamCall, cost: number): void {
    this.#bytes += cost;
    this.#streams.add(call);
    const { streamUnread, unread } = this.limits;
    if (call.unread <= streamUnread && this.#bytes <= unread) return;
    if (this.reading.pausable) return this.#begin();
    this.#fail(call.unread > streamUnread ? call : this.#fullest(() => true));
  }

  took(call: StreamCall, cost: number): void {
    this.#bytes -= cost;
    call.moved = this.#pause;
    if (call.unread === 0) this.#streams.delete(call);
    if (this.#paused && this.#isFree()) this.#end();
  }

  /** The connection is gone; another one begins to read. */
  reset(): void {
    this.#timer?.cancel();
    this.#paused = false;
    if (this.reading.pausable && !this.#isFree()) this.#begin();
  }

  /** There will be no connection any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#paused = false;
  }

  #isFree(): boolean {
    if (this.#bytes > this.limits.unread / 2) return false;
    for (const call of this.#streams) if (call.unread > this.limits.streamUnread / 2) return false;
    return true;
  }

  #begin(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#pause++;
    this.reading.pause();
    this.#wait();
  }

  #end(): void {
    this.#timer?.cancel();
    this.#paused = false;
    this.reading.resume();
  }

  #wait(): void {
    this.#timer = this.clock.after(this.limits.streamStall, () => this.#stalled());
  }

  /** The pause has lasted for long: a stream that has not moved since it began fails if others wait for answers. */
  #stalled(): void {
    const still = this.#fullest((call) => call.moved !== this.#pause);
    const others = this.reading.inFlight - (still !== undefined && still.phase !== OVER ? 1 : 0);
    if (still !== undefined && others > 0) this.#fail(still);
    if (this.#paused) {
      this.#pause++;
      this.#wait();
    }
  }

  #fullest(eligible: (call: StreamCall) => boolean): StreamCall | undefined {
    let fullest: StreamCall | undefined;
    for (const call of this.#streams) {
      if (eligible(call) && (fullest === undefined || call.unread > fullest.unread)) fullest = call;
    }
    return fullest;
  }

  #fail(call: StreamCall | undefined): void {
    call?.failSlow(
      new SwillError(
        Code.TOO_MANY,
        'the stream was not read in time: its unread items exceeded `limits.streamUnread` or `limits.unread`',
      ),
    );
  }
}
