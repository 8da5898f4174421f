import type { Close } from './errors.js';

/**
 * When and how a client connects again after it has lost its connection.
 *
 * The delay before an attempt is random, between nothing and a bound that doubles with every attempt ("full jitter"), so
 * that the clients of a server that comes back do not come back all at once.
 */
export interface ReconnectOptions {
  /** Milliseconds: the bound of the first delay. 100. */
  readonly base?: number;
  /** Milliseconds: the bound that no delay exceeds. 10,000. */
  readonly cap?: number;
  /** How many attempts are made in a row; without end by default. When the last has failed, the client is closed. */
  readonly attempts?: number;
  /** Milliseconds that a connection has to hold until delays and attempts start anew. 5,000. */
  readonly steady?: number;
  /**
   * Decides by what ended a connection. By default the client connects again unless the connection was closed with 1000,
   * 1002, 1003, 1007, 1008, 1010 or a code of the application (3000 to 4999, but for 4008).
   */
  readonly when?: (close: Close) => boolean;
  /** Chance, from 0 to below 1. `Math.random` by default. */
  readonly random?: () => number;
}

/** Rules without gaps. */
export type Reconnect = Required<ReconnectOptions>;

/** The rules that options mean; `false` is for never. */
export function reconnectRules(options: ReconnectOptions | false = {}): Reconnect {
  const given = options === false ? { attempts: 0 } : options;
  return {
    base: given.base ?? 100,
    cap: given.cap ?? 10_000,
    attempts: given.attempts ?? Number.POSITIVE_INFINITY,
    steady: given.steady ?? 5_000,
    when: given.when ?? isTemporary,
    random: given.random ?? Math.random,
  };
}

/** Whether the end of a connection is one after which it makes sense to connect again. */
export function isTemporary({ code }: Close): boolean {
  if ([1000, 1002, 1003, 1007, 1008, 1010].includes(code)) return false;
  return code < 3000 || code === 4008 || code > 4999;
}

/** Whether a refused opening handshake is one after which it makes sense to try again. */
export function isTemporaryStatus(status: number): boolean {
  return status >= 500 || status === 408 || status === 425 || status === 429;
}

/** Counts attempts in a row and draws the delays before them. */
export class Backoff {
  #attempts = 0;

  constructor(private readonly rules: Reconnect) {}

  /** A connection has held. */
  reset(): void {
    this.#attempts = 0;
  }

  /** The number of the next attempt and the delay before it; `undefined` when there have been enough. */
  next(): { attempt: number; delay: number } | undefined {
    if (this.#attempts >= this.rules.attempts) return undefined;
    const bound = Math.min(this.rules.base * 2 ** this.#attempts, this.rules.cap);
    this.#attempts += 1;
    return { attempt: this.#attempts, delay: this.rules.random() * bound };
  }
}
