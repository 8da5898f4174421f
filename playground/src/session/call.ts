/** One call: what was sent, what came back, how it ended. */

import { type Duplex, type Items, type Metadata, type Sender, SwillError } from '@swill/client';
import type { Json } from '../json/value.ts';
import { parametersOnWire, sendable } from '../schema/wire.ts';
import type { Schemas } from '../schema/schemas.ts';
import { type Procedure, type Shape, shapeOf } from '../spec.ts';
import { codeWords } from '../text/closes.ts';
import { Tail } from '../text/window.ts';
import { Breath } from './breath.ts';
import { Changes } from './changes.ts';
import type { Connection, Spoken } from './connection.ts';
import type { Entry } from './entry.ts';

/** What is to be called, and how. */
export interface Request {
  procedure: Procedure;
  /** Parameters by name; of a stream in the first item, which is not sent by itself. */
  value: Json;
  metadata: Metadata | undefined;
  /** Milliseconds; `undefined` for the client's default. */
  deadline: number | null | undefined;
  idempotent: boolean;
}

/** How a call stands. */
export type Status = 'running' | 'completed' | 'failed' | 'cancelled' | 'deadline' | 'lost';

/** Entries that are kept of a call. */
const MOST = 100_000;
const MOST_BYTES = 64 << 20;

/** What an entry costs beside its bytes. */
const EACH = 96;

/** A call of the page. */
export class Call extends Changes {
  readonly shape: Shape;
  readonly protocol: Spoken;
  readonly began = new Date();
  readonly entries = new Tail<Entry>(MOST, MOST_BYTES);
  status: Status = 'running';
  result: unknown;
  hasResult = false;
  error: SwillError | Error | undefined;
  leading: Metadata | undefined;
  trailing: Metadata | undefined;
  /** Milliseconds from the call to its end. */
  duration: number | undefined;
  /** Whether this side has ended its stream. */
  hasEnded = false;
  /** Items that went out, and came in. */
  sent = 0;
  received = 0;
  /** How many of `send many` are still to go. */
  toSend = 0;
  private readonly start = performance.now();
  private readonly stop = new AbortController();
  private isCancelled = false;
  private count = 0;
  /** Sizes of messages whose entries are to come, and entries whose messages are. */
  private sizes: { in: number[]; out: number[] } = { in: [], out: [] };
  private unsent: Entry[] = [];
  private sender: Sender<unknown, unknown> | Duplex<unknown, unknown> | undefined;
  private items: Items<unknown> | undefined;

  constructor(
    /** Counts from 1 on the page. */
    readonly number: number,
    readonly request: Request,
    readonly schemas: Schemas,
    private readonly connection: Connection,
  ) {
    super();
    this.shape = shapeOf(request.procedure);
    this.protocol = connection.protocol;
  }

  get name(): string {
    return this.request.procedure.name;
  }

  get isRunning(): boolean {
    return this.status === 'running';
  }

  /** Whether items can go out. */
  get takesItems(): boolean {
    return this.isRunning && this.sender !== undefined && !this.hasEnded;
  }

  /** Is called when what can be done with the call has changed, which items do not. */
  onTurn: () => void = () => {};

  /** The wire has carried a message of this call. */
  carried(direction: 'in' | 'out', size: number): void {
    const entry = direction === 'out' ? this.unsent.shift() : undefined;
    if (entry) entry.size = size;
    else this.sizes[direction].push(size);
    // The client reads it after this; it may have ended a stream in.
    if (direction === 'in' && this.shape === 'streamIn') queueMicrotask(() => void this.settle());
  }

  /** Calls. What becomes of it is told by {@link Changes.onChange}. */
  async run(): Promise<void> {
    const { client } = this.connection;
    if (!client) return this.failed(new SwillError(503, 'there is no connection'));
    const { procedure, value, metadata, deadline, idempotent } = this.request;
    const options = {
      signal: this.stop.signal,
      ...(metadata !== undefined && { metadata }),
      ...(deadline !== undefined && { deadline }),
      ...(idempotent && { idempotent }),
    };
    try {
      const params = procedure.items
        ? undefined
        : parametersOnWire(this.schemas, procedure, value, this.protocol);
      switch (this.shape) {
        case 'single': {
          const answer = client.callWithMetadata(this.name, params, options);
          this.add('out', 'open', value, true);
          const { value: result, leading, trailing } = await answer;
          this.heard(leading, trailing);
          this.answered(result);
          break;
        }
        case 'stream':
          this.items = client.stream(this.name, params, options);
          this.add('out', 'open', value, true);
          await this.read(this.items);
          break;
        case 'streamIn': {
          const sender = client.streamIn(this.name, options);
          this.sender = sender;
          this.turned();
          this.add('out', 'open', 'the stream is open', true);
          void sender.leading().then(leading => this.heard(leading));
          break;
        }
        case 'both': {
          const duplex = client.both(this.name, options);
          this.sender = duplex;
          this.items = duplex;
          this.turned();
          this.add('out', 'open', 'the stream is open', true);
          await this.read(duplex);
          break;
        }
      }
    } catch (error) {
      this.failed(error);
    }
  }

  /** Sends an item. Resolves when there was room for it. */
  async send(value: Json): Promise<void> {
    const { procedure } = this.request;
    if (!this.takesItems || !this.sender || !procedure.items) return;
    try {
      const sent = this.sender.send(sendable(this.schemas, procedure.items.schema, value));
      this.sent += 1;
      this.add('out', 'item', value, true);
      await sent;
    } catch (error) {
      if (error instanceof SwillError && error.code === 413) this.add('note', 'error', error.message);
      else this.failed(error);
    }
  }

  /** Sends many, so many a second; 0 is as fast as the server takes them. */
  async sendMany(values: (index: number) => Json, count: number, rate: number): Promise<void> {
    this.toSend = count;
    this.turned();
    const start = performance.now();
    for (let index = 0; index < count && this.takesItems && this.toSend > 0; index += 1) {
      await this.send(values(index));
      this.toSend -= 1;
      const wait =
        rate > 0 ? start + ((index + 1) * 1000) / rate - performance.now() : index % 200 === 199 ? 0 : -1;
      if (wait >= 0) await new Promise(resolve => setTimeout(resolve, wait));
    }
    this.toSend = 0;
    this.turned();
  }

  /** Ends the stream of this side. */
  end(): void {
    if (!this.takesItems || !this.sender) return;
    this.toSend = 0;
    this.hasEnded = true;
    if ('finish' in this.sender) {
      this.add('out', 'end', 'no more items', true);
      const { sender } = this;
      sender.finishWithMetadata().then(
        ({ value, leading, trailing }) => {
          this.heard(leading, trailing);
          this.answered(value);
        },
        error => this.failed(error),
      );
    } else {
      this.add('out', 'end', 'no more items', true);
      this.sender.end().catch(error => this.failed(error));
    }
    this.turned();
  }

  /** Tells the server to stop. */
  cancel(): void {
    if (!this.isRunning) return;
    this.isCancelled = true;
    this.toSend = 0;
    this.add('out', 'cancel', 'cancelled by you', true);
    this.stop.abort(new SwillError(499, 'cancelled by you'));
    this.items?.cancel();
    this.sender?.cancel();
    this.over('cancelled');
  }

  /** How it ended, or how it stands, in words. */
  get words(): string {
    const { error } = this;
    switch (this.status) {
      case 'running':
        if (this.shape === 'single') return 'Waiting for the answer';
        if (this.hasEnded)
          return this.shape === 'both'
            ? 'Your side has ended; items may still come'
            : 'Waiting for the answer';
        return this.shape === 'stream'
          ? `Open, ${this.received} received`
          : `Open, ${this.sent} sent${this.shape === 'both' ? `, ${this.received} received` : ''}`;
      case 'completed':
        return this.shape === 'single'
          ? 'Completed'
          : `Completed${this.shape === 'streamIn' ? `, ${this.sent} sent` : `, ${this.received} received`}`;
      case 'cancelled':
        return 'Cancelled by you';
      case 'deadline':
        return 'The deadline has passed';
      case 'lost':
        return error instanceof SwillError && error.outcomeUnknown
          ? 'The connection was lost: nobody knows whether the server has executed the call'
          : `The call did not get through: ${error?.message ?? ''}`;
      case 'failed': {
        if (!(error instanceof SwillError)) return `It could not be sent: ${error?.message ?? ''}`;
        const words = codeWords(error.code);
        return `Failed with code ${error.code}${words === '' ? '' : `: ${words}`}`;
      }
    }
  }

  private async read(items: Items<unknown>): Promise<void> {
    // It may come long before the first item, and is listed before it in any case.
    const leading = items.leading().then(it => this.heard(it));
    const breath = new Breath();
    for (;;) {
      const next = await items.next();
      if (this.isCancelled) return;
      if (this.received === 0) await leading;
      if (next.done) break;
      this.received += 1;
      this.add('in', 'item', next.value, true);
      if (breath.isDue) await breath.take();
    }
    this.heard(undefined, items.trailing);
    this.add('in', 'end', 'the server has ended the stream', true);
    this.over('completed');
  }

  /** Whether a stream in that this side has not ended is over: the server may answer early, or fail. */
  async settle(): Promise<void> {
    const { sender } = this;
    if (!sender?.isOver || !this.isRunning || this.hasEnded || !('finishWithMetadata' in sender)) return;
    this.hasEnded = true;
    try {
      // It is over already: this only fetches what it ended with.
      const { value, leading, trailing } = await sender.finishWithMetadata();
      this.heard(leading, trailing);
      this.answered(value);
    } catch (error) {
      this.failed(error);
    }
  }

  private heard(leading?: Metadata, trailing?: Metadata): void {
    if (this.isCancelled) return;
    if (leading && Object.keys(leading).length > 0 && this.leading === undefined) {
      this.leading = leading;
      this.add('in', 'metadata', { leading });
    }
    if (trailing && Object.keys(trailing).length > 0 && this.trailing === undefined) {
      this.trailing = trailing;
      this.add('in', 'metadata', { trailing });
    }
  }

  private answered(result: unknown): void {
    if (!this.isRunning) return;
    this.result = result;
    this.hasResult = true;
    this.add('in', 'result', result, true);
    this.over('completed');
    if (this.shape === 'single' && this.duration !== undefined) this.connection.took(this.duration);
  }

  private failed(error: unknown): void {
    if (!this.isRunning) return;
    this.error = error instanceof Error ? error : new Error(String(error));
    const { code, data, outcomeUnknown } =
      error instanceof SwillError ? error : { code: undefined, data: undefined, outcomeUnknown: false };
    const record = {
      ...(code !== undefined && { code }),
      message: this.error.message,
      ...(data !== undefined && { data }),
    };
    this.add('in', 'error', record, true);
    this.over(
      outcomeUnknown || (code === 503 && !this.connection.client)
        ? 'lost'
        : code === 504
          ? 'deadline'
          : 'failed',
    );
  }

  private over(status: Status): void {
    if (!this.isRunning) return;
    this.status = status;
    this.duration = performance.now() - this.start;
    this.toSend = 0;
    this.turned();
  }

  private turned(): void {
    this.onTurn();
    this.changed();
  }

  private add(direction: Entry['direction'], kind: Entry['kind'], value: unknown, isMessage = false): void {
    const size = isMessage && direction !== 'note' ? this.sizes[direction].shift() : undefined;
    this.count += 1;
    const entry: Entry = {
      number: this.count,
      direction,
      kind,
      at: performance.now() - this.start,
      size,
      value,
    };
    this.entries.push(entry, (size ?? 0) * 4 + EACH);
    if (isMessage && direction === 'out' && size === undefined) this.unsent.push(entry);
    this.changed();
  }
}
