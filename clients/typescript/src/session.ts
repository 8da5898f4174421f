import { Backoff, type Reconnect } from './backoff.js';
import { BatchCall, OVER, SENT, StreamCall, WAITING } from './call.js';
import type { Call, Outgoing, Owner, Payload } from './call.js';
import type { Clock, Timer } from './clock.js';
import { Connection, type ConnectionEvents } from './connection.js';
import { Deadlines } from './deadlines.js';
import { closed, Code, deadlinePassed, describeClose, SwillError, unknownOutcome } from './errors.js';
import type { Close } from './errors.js';
import type { Limits } from './limits.js';
import type { Protocol } from './machine.js';
import { Refusal, type SocketEvents } from './socket/socket.js';
import type { State } from './state.js';
import type { TappedFrame } from './tap.js';
import { Unread, type Reading } from './unread.js';

/** What a session is told. */
export interface SessionSettings {
  readonly protocol: Protocol;
  readonly limits: Limits;
  readonly reconnect: Reconnect;
  readonly clock: Clock;
  readonly url: string;
  /** Milliseconds that an attempt to connect may take. */
  readonly timeout: number;
  /** Throws if a connection with this subprotocol is of no use. */
  readonly accept: (subprotocol: string) => void;
  /** Opens a socket. */
  readonly open: (events: SocketEvents, signal: AbortSignal) => Promise<void>;
  readonly tap: ((frame: TappedFrame) => void) | undefined;
  readonly entered: (state: State) => void;
}

const DONE = Promise.resolve();

/**
 * What a client does from `connect()` to its end: it connects, again and again, and keeps the calls that wait for a
 * connection or for room.
 */
export class Session implements Owner, ConnectionEvents, Reading {
  state: State = { kind: 'idle' };
  /** Set while it is open. */
  #connection: Connection | undefined;
  #waiting = new Set<Call>();
  /** Calls with items that wait for room. */
  #stalled = new Set<Call>();
  #deadlines: Deadlines;
  #backoff: Backoff;
  #unread: Unread;
  #timer: Timer | undefined;
  #attempt: AbortController | undefined;
  #openSince = 0;
  #closing: { close: Close; done: () => void } | undefined;

  constructor(private readonly settings: SessionSettings) {
    this.#deadlines = new Deadlines(settings.clock);
    this.#backoff = new Backoff(settings.reconnect);
    this.#unread = new Unread(settings.limits, settings.clock, this);
  }

  // What the client asks.

  /** Makes the first attempt. Later ones follow by themselves only if this one has succeeded, or if it is `lazy`. */
  async connect(lazy: boolean, signal?: AbortSignal): Promise<void> {
    if (lazy) {
      this.#dial(1);
      return;
    }
    try {
      await this.#try(1, signal);
    } catch (error) {
      if (this.state.kind !== 'closed') this.#end(closeOf(error));
      throw signal?.aborted === true ? signal.reason : refused(error);
    }
  }

  /** Sends a call, or lets it wait. */
  submit(call: Call): void {
    const connection = this.#connection;
    if (connection !== undefined && this.#waiting.size === 0 && this.#takes(connection, call)) {
      this.#open(connection, call);
    } else {
      this.#enqueue(call);
    }
  }

  /** Sets the time that a call has from now on. */
  deadline(call: Call, milliseconds: number): void {
    if (call.line !== undefined) this.#deadlines.remove(call);
    if (call.phase !== OVER && milliseconds !== Number.POSITIVE_INFINITY)
      this.#deadlines.add(call, milliseconds);
  }

  /** Sends an item, or, with `undefined`, the end, as soon as there is room. */
  item(call: Call, payload: Payload | undefined): Promise<void> {
    if (call.phase === OVER) return call.failure === undefined ? DONE : Promise.reject(call.failure);
    if (call.phase === SENT && call.queued === undefined && this.#connection?.hasRoom === true) {
      this.#sendItem(this.#connection, call, payload);
      return DONE;
    }
    return new Promise((done, failed) => {
      call.queued ??= [];
      call.queued.push({ payload, done, failed });
      if (call.phase === SENT) this.#stalled.add(call);
    });
  }

  /** Closes for good. What was said before is sent first; what is in flight fails. */
  close(): Promise<void> {
    if (this.state.kind === 'closed') return this.#closing === undefined ? DONE : this.#whenClosed;
    const close = { code: 1000, reason: 'closed by this side' };
    const connection = this.#connection;
    const socket = connection?.socket;
    if (connection === undefined || socket === undefined) {
      this.#end(close);
      return DONE;
    }
    this.#whenClosed = new Promise((done) => (this.#closing = { close, done }));
    socket.close(1000, '');
    this.#connection = undefined;
    for (const call of connection.machine.abandon()) call.fail(unknownOutcome(close));
    this.#end(close);
    return this.#whenClosed;
  }

  #whenClosed = DONE;

  // What calls ask.

  expire(call: Call): void {
    this.cancel(call, deadlinePassed());
  }

  cancel(call: Call, reason: unknown): void {
    const wasSent = call.phase === SENT;
    call.fail(reason);
    if (wasSent) this.#connection?.cancels.cancel(call);
    if (call instanceof StreamCall) call.discard();
  }

  relax(call: Call): void {
    this.#deadlines.remove(call);
  }

  release(call: Call): void {
    if (call.line !== undefined) this.#deadlines.remove(call);
    if (this.#waiting.size > 0) this.#waiting.delete(call);
    const { queued } = call;
    if (queued !== undefined) {
      call.queued = undefined;
      this.#stalled.delete(call);
      for (const item of queued) settle(item, call);
    }
  }

  arrived(call: StreamCall, cost: number): void {
    this.#unread.arrived(call, cost);
  }

  took(call: StreamCall, cost: number): void {
    this.#unread.took(call, cost);
  }

  // What is asked about reading.

  get pausable(): boolean {
    return this.#connection?.socket?.pausable ?? false;
  }

  get inFlight(): number {
    return this.#connection?.machine.inFlight ?? 0;
  }

  pause(): void {
    this.#connection?.socket?.pause();
  }

  resume(): void {
    this.#connection?.socket?.resume();
  }

  // What the connection says.

  opened(connection: Connection): void {
    this.#connection = connection;
    this.#openSince = this.settings.clock.now();
    this.#unread.reset();
    this.#enter({
      kind: 'open',
      url: this.settings.url,
      subprotocol: connection.socket?.subprotocol ?? '',
    });
    this.roomier();
  }

  roomier(): void {
    if (this.#stalled.size > 0) this.#sendItems();
    if (this.#waiting.size > 0) this.#sendCalls();
  }

  lost(connection: Connection, close: Close): void {
    this.#closing?.done();
    this.#closing = undefined;
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    this.#stalled.clear();
    const again: Call[] = [];
    const calls = connection.machine.abandon();
    for (const call of calls) {
      if (call.again && call.phase !== OVER) again.push(call);
    }
    if (again.length > 0) {
      for (const call of again) {
        call.phase = WAITING;
        call.tried = true;
      }
      this.#waiting = new Set([...again, ...this.#waiting]);
    }
    const { rules, held } = {
      rules: this.settings.reconnect,
      held: this.settings.clock.now() - this.#openSince,
    };
    if (held >= rules.steady) this.#backoff.reset();
    // The state first: what the callers do when they hear of it is to find it as it is.
    if (rules.attempts > 0 && rules.when(close)) this.#wait(close);
    else this.#end(close);
    for (const call of calls) if (call.phase === SENT) call.fail(unknownOutcome(close));
  }

  // Sending.

  #takes(connection: Connection, call: Call): boolean {
    return connection.machine.inFlight + call.slots <= this.settings.limits.calls && connection.hasRoom;
  }

  #enqueue(call: Call): void {
    if (this.state.kind === 'closed') return call.fail(closed(this.state));
    if (this.state.kind === 'idle') {
      const message = 'the client is not connected: call `connect()` first';
      return call.fail(new SwillError(Code.UNAVAILABLE, message));
    }
    try {
      this.#keep(call);
    } catch (error) {
      return call.fail(error);
    }
    this.#waiting.add(call);
  }

  /** Writes parameters now that are sent later, or again. */
  #keep(call: Call): void {
    if (call.shape.streamsIn || call instanceof BatchCall) return;
    call.payload ??= this.settings.protocol.parameters(call.opening.params);
  }

  #open(connection: Connection, call: Call): void {
    try {
      if (call.again) this.#keep(call);
      call.phase = SENT;
      if (!connection.machine.open(call)) call.phase = OVER;
    } catch (error) {
      call.phase = WAITING;
      return call.fail(error);
    }
    if (call.line !== undefined && call.until === 'sent') this.#deadlines.remove(call);
    if (call.phase === OVER) this.release(call);
    if (call instanceof BatchCall) this.#membersSent(call);
    call.sent();
    if (call.queued !== undefined) {
      this.#stalled.add(call);
      this.#sendItems();
    }
  }

  #membersSent(batch: BatchCall): void {
    for (const member of batch.members) {
      if (member.phase === OVER) continue;
      member.phase = member.reply ? SENT : OVER;
      if (member.reply) continue;
      this.release(member);
      member.sent();
    }
  }

  #sendCalls(): void {
    for (const call of this.#waiting) {
      const connection = this.#connection;
      if (connection === undefined || !this.#takes(connection, call)) return;
      this.#waiting.delete(call);
      this.#open(connection, call);
    }
  }

  #sendItems(): void {
    for (const call of this.#stalled) {
      const queued = call.queued ?? [];
      while (queued.length > 0) {
        const connection = this.#connection;
        if (connection?.hasRoom !== true) return;
        const item = queued.shift() as Outgoing;
        this.#sendItem(connection, call, item.payload);
        item.done();
      }
      call.queued = undefined;
      this.#stalled.delete(call);
    }
  }

  #sendItem(connection: Connection, call: Call, payload: Payload | undefined): void {
    if (payload === undefined) connection.machine.end(call);
    else connection.machine.item(call, payload);
  }

  // Connecting.

  #dial(attempt: number): void {
    this.#try(attempt).catch((error: unknown) => {
      if (this.state.kind === 'closed') return;
      const close = closeOf(error);
      if (error instanceof Refusal && !error.temporary) this.#end(close);
      else this.#wait(close);
    });
  }

  async #try(attempt: number, signal?: AbortSignal): Promise<void> {
    const { clock, timeout, url } = this.settings;
    const abort = new AbortController();
    this.#attempt = abort;
    const stop = (): void => abort.abort(signal?.reason);
    signal?.addEventListener('abort', stop);
    const late = (): void => abort.abort(new Refusal(504, `no connection within ${timeout} ms`, true));
    const timer = clock.after(timeout, late, true);
    this.#enter({ kind: 'connecting', url, attempt });
    try {
      signal?.throwIfAborted();
      const connection = new Connection(this.settings, this);
      const opening = this.settings.open(connection, abort.signal);
      // Whoever opens may wait for a token, which knows of no signal.
      const aborted = new Promise<never>((_, reject) =>
        abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error)),
      );
      await Promise.race([opening, aborted]);
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', stop);
      if (this.#attempt === abort) this.#attempt = undefined;
    }
  }

  /** Waits for the next attempt, or ends if there is none. */
  #wait(why: Close): void {
    const next = this.#backoff.next();
    if (next === undefined) return this.#end(why);
    const { attempt, delay } = next;
    this.#timer = this.settings.clock.after(delay, () => this.#dial(attempt), true);
    this.#enter({
      kind: 'waiting',
      url: this.settings.url,
      attempt,
      delay,
      nextAttemptAt: Date.now() + delay,
      code: why.code,
      reason: describeClose(why),
    });
  }

  #end(close: Close): void {
    this.#timer?.cancel();
    this.#enter({ kind: 'closed', code: close.code, reason: describeClose(close) });
    this.#attempt?.abort(new Refusal(1000, 'the client was closed', false));
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const call of waiting) call.fail(call.tried ? unknownOutcome(close) : closed(close));
    this.#unread.stop();
    this.#deadlines.clear();
  }

  #enter(state: State): void {
    this.state = state;
    this.settings.entered(state);
  }
}

/** What becomes of an item that had to wait for a call that is over. */
function settle(item: Outgoing, call: Call): void {
  if (call.failure === undefined) item.done();
  else item.failed(call.failure);
}

function closeOf(error: unknown): Close {
  if (error instanceof Refusal) return { code: error.code, reason: error.message };
  return { code: 1006, reason: error instanceof Error ? error.message : String(error) };
}

/** Why the first attempt has failed, for whoever called `connect()`. */
function refused(error: unknown): SwillError {
  if (error instanceof SwillError) return error;
  const { code, reason } = closeOf(error);
  const details = { data: error instanceof Refusal ? error.body : undefined, cause: error };
  return new SwillError(code < 1000 ? code : Code.UNAVAILABLE, reason, details);
}
