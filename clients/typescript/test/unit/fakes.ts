import type { Clock, Timer } from '../../src/clock.js';
import { limitsWith, type Limits } from '../../src/limits.js';
import type { Protocol, Wire } from '../../src/machine.js';
import { Encoder } from '../../src/messagepack/encoder.js';
import { decodeFrame, type DecodedFrame } from '../../src/decode-frame.js';
import { reconnectRules, type ReconnectOptions } from '../../src/backoff.js';
import { Session } from '../../src/session.js';
import type { Socket, SocketEvents } from '../../src/socket/socket.js';
import { Swill1 } from '../../src/swill1.js';
import type { State } from '../../src/state.js';

/** A clock that stands still until it is told to go on. */
export class StillClock implements Clock {
  #now = 0;
  #timers: { due: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, run: () => void): Timer {
    const timer = { due: this.#now + milliseconds, run };
    this.#timers.push(timer);
    return { cancel: () => void (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** How many timers wait. */
  get waiting(): number {
    return this.#timers.length;
  }

  /** Lets time pass: what is due runs in its order. */
  pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.due <= end);
      const next = due.reduce<(typeof due)[number] | undefined>(
        (first, timer) => (first === undefined || timer.due < first.due ? timer : first),
        undefined,
      );
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = Math.max(this.#now, next.due);
      next.run();
    }
    this.#now = end;
  }
}

/** A socket in memory, which remembers what was sent. */
export class FakeSocket implements Socket {
  readonly subprotocol = 'swill.1';
  queued = 0;
  paused = false;
  closing: number | undefined;
  readonly sent: DecodedFrame[] = [];

  constructor(
    private readonly events: SocketEvents,
    readonly pausable = true,
  ) {}

  binary(bytes: Uint8Array, length: number): void {
    this.sent.push(decodeFrame(bytes.slice(0, length)));
  }

  text(text: string): void {
    this.sent.push(decodeFrame(text));
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number): void {
    this.closing = code;
  }

  /** The server says something in `swill/1`. */
  say(...message: unknown[]): void {
    const bytes = pack(message);
    this.events.binary(bytes, 0, bytes.length);
  }

  /** The server says something in JSON-RPC. */
  sayText(message: unknown): void {
    this.events.text(typeof message === 'string' ? message : JSON.stringify(message));
  }

  raw(bytes: Uint8Array): void {
    this.events.binary(bytes, 0, bytes.length);
  }

  drain(): void {
    this.queued = 0;
    this.events.drained();
  }

  end(code = 1006, reason = ''): void {
    this.events.closed({ code, reason });
  }
}

export function pack(value: unknown): Uint8Array {
  const encoder = new Encoder();
  encoder.begin();
  encoder.value(value, 1000);
  return encoder.copy();
}

/** What a session in memory is made of. */
export interface Bench {
  readonly session: Session;
  readonly clock: StillClock;
  readonly states: State[];
  /** The sockets that were opened, the newest last. */
  readonly sockets: FakeSocket[];
  /** How attempts to connect fail, from now on. */
  refuse: Error | undefined;
}

/** A session whose sockets are in memory, with a clock that stands still. */
export function bench(
  options: {
    limits?: Partial<Limits>;
    reconnect?: ReconnectOptions | false;
    protocol?: (limits: Limits) => Protocol;
    pausable?: boolean;
    open?: () => Promise<void>;
  } = {},
): Bench {
  const limits = limitsWith(options.limits);
  const clock = new StillClock();
  const states: State[] = [];
  const sockets: FakeSocket[] = [];
  const session = new Session({
    protocol: options.protocol?.(limits) ?? new Swill1({ limits, int64: 'auto' }),
    limits,
    reconnect: reconnectRules(options.reconnect ?? { random: () => 0.5 }),
    clock,
    url: 'ws://test/',
    timeout: 10_000,
    accept: () => {},
    open: (events, signal) => {
      if (options.open !== undefined) return options.open();
      if (signal.aborted) return Promise.reject(signal.reason as Error);
      if (made.refuse !== undefined) return Promise.reject(made.refuse);
      const socket = new FakeSocket(events, options.pausable);
      sockets.push(socket);
      events.opened(socket);
      return Promise.resolve();
    },
    tap: undefined,
    entered: (state) => states.push(state),
  });
  const made: Bench = { session, clock, states, sockets, refuse: undefined };
  return made;
}

/** A wire that remembers. */
export class FakeWire implements Wire {
  readonly sent: DecodedFrame[] = [];
  readonly texts: string[] = [];
  breach: { code: number; reason: string } | undefined;

  sendBinary(bytes: Uint8Array, length: number): void {
    this.sent.push(decodeFrame(bytes.slice(0, length)));
  }

  sendText(text: string): void {
    this.texts.push(text);
  }

  broken(code: number, reason: string): void {
    this.breach = { code, reason };
  }

  freed(): void {}
}
