/** What the server asks and tells the page: JSON-RPC goes both ways. */

import { SwillError } from '@swill/client';
import { parseValue } from '../json/parse.ts';
import { Changes } from './changes.ts';

/** A call or notification of the server. */
export interface Asked {
  /** Counts from 1 on the page. */
  number: number;
  method: string;
  params: unknown;
  at: Date;
  status: 'waiting' | 'answered' | 'refused' | 'gone' | 'notification';
  /** What is being written as its answer, as JSON. */
  answer: string;
  /** Said with an error. */
  message: string;
}

/** How a handler of the client gets its answer. */
interface Reply {
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/** How many are kept. */
const MOST = 500;

/** The calls of the server, the latest first. */
export class Incoming extends Changes {
  list: Asked[] = [];
  private count = 0;
  private readonly replies = new Map<Asked, Reply>();

  /** How many wait for an answer. */
  get open(): number {
    return this.replies.size;
  }

  /** A notification has come. */
  tell(method: string, params: unknown): void {
    this.add(method, params, 'notification');
  }

  /** A call has come: resolves with what somebody answers. */
  ask(method: string, params: unknown, signal: AbortSignal): Promise<unknown> {
    const asked = this.add(method, params, 'waiting');
    return new Promise((resolve, reject) => {
      this.replies.set(asked, { resolve, reject });
      signal.addEventListener('abort', () => this.end(asked, 'gone', it => it.reject(signal.reason)));
    });
  }

  /** Answers; says why not, if the answer is no JSON. */
  reply(asked: Asked): string | undefined {
    const value = parseValue(asked.answer);
    if (value === undefined) return 'The answer is no JSON.';
    this.end(asked, 'answered', it => it.resolve(value));
    return undefined;
  }

  /** Answers with an error. */
  refuse(asked: Asked, code: number, message: string): void {
    asked.message = message;
    this.end(asked, 'refused', it => it.reject(new SwillError(code, message)));
  }

  /** Forgets what needs no answer any more. */
  clear(): void {
    this.list = this.list.filter(it => it.status === 'waiting');
    this.changedNow();
  }

  private add(method: string, params: unknown, status: Asked['status']): Asked {
    this.count += 1;
    const asked: Asked = {
      number: this.count,
      method,
      params,
      at: new Date(),
      status,
      answer: 'null',
      message: '',
    };
    this.list = [asked, ...this.list.slice(0, MOST - 1)];
    this.changed();
    return asked;
  }

  private end(asked: Asked, status: Asked['status'], answer: (reply: Reply) => void): void {
    const reply = this.replies.get(asked);
    if (!reply) return;
    this.replies.delete(asked);
    asked.status = status;
    answer(reply);
    this.changedNow();
  }
}
