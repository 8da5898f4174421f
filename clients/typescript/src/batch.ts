import { BatchCall, Notification, SINGLE, SingleCall } from './call.js';
import { Code, SwillError } from './errors.js';
import type { Limits } from './limits.js';
import type { Protocol } from './machine.js';
import type { Session } from './session.js';

/** What became of one call of a batch. */
export type BatchResult = PromiseSettledResult<unknown>;

/** Calls and notifications that go out together. Made by `Client.batch`. */
export class Batch {
  #parts: { name: string; params: unknown; reply: boolean }[] = [];
  #deadline: number;
  readonly #begin: () => Session;
  readonly #protocol: Protocol;
  readonly #limits: Limits;

  /** @internal */
  constructor(begin: () => Session, protocol: Protocol, limits: Limits, deadline: number) {
    this.#begin = begin;
    this.#protocol = protocol;
    this.#limits = limits;
    this.#deadline = deadline;
  }

  /** Adds a call. */
  call(name: string, params?: unknown): this {
    this.#parts.push({ name, params, reply: true });
    return this;
  }

  /** Adds a notification. */
  notify(name: string, params?: unknown): this {
    this.#parts.push({ name, params, reply: false });
    return this;
  }

  /** Milliseconds that all of it may take, in place of the client's; `null` for as long as it takes. */
  deadline(milliseconds: number | null): this {
    this.#deadline = milliseconds ?? Number.POSITIVE_INFINITY;
    return this;
  }

  /**
   * Sends everything, and waits for the answers: one for each call, in the order of the calls.
   *
   * @throws SwillError the first error in the order of the calls; and what {@link Batch.settle} throws.
   */
  async send(): Promise<unknown[]> {
    const results = await this.settle();
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
  }

  /**
   * As {@link Batch.send}, and says in each place what became of the call.
   *
   * @throws SwillError if nothing was sent: 413 if all of it is too large, 429 if it has more calls than `Limits.calls`.
   */
  async settle(): Promise<BatchResult[]> {
    const session = this.#begin();
    const most = this.#limits.calls;
    const count = this.#parts.filter((part) => part.reply).length;
    if (count > most) {
      const message = `a batch of ${count} calls exceeds the client's limit of ${most} (\`limits.calls\`)`;
      throw new SwillError(Code.TOO_MANY, message);
    }
    const answers: Promise<unknown>[] = [];
    const members = this.#parts.map((part) => {
      const payload = this.#protocol.parameters(part.params);
      const call = new (part.reply ? SingleCall : Notification)(session, SINGLE, {
        name: part.name,
        payload,
      });
      call.reply = part.reply;
      const answer = new Promise((resolve, reject) => Object.assign(call, { resolve, reject }));
      // Nobody waits for what becomes of a notification.
      if (part.reply) answers.push(answer);
      else answer.catch(() => {});
      return call;
    });
    const settled = Promise.allSettled(answers);
    if (members.length > 0) this.#submit(session, members);
    return settled;
  }

  #submit(session: Session, members: readonly SingleCall[]): void {
    for (const member of members) session.deadline(member, this.#deadline);
    if (this.#protocol.batches) session.submit(new BatchCall(session, members));
    else for (const member of members) session.submit(member);
  }
}
