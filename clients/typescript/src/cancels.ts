import { OVER, type Call } from './call.js';
import type { Clock, Timer } from './clock.js';
import type { Machine } from './machine.js';

/** How many cancellations go out at once, and per second: somewhat less than servers take by default. */
const BURST = 150;
const PER_SECOND = 40;

/**
 * Tells the server of cancelled calls, no faster than it likes to hear of them. A call whose turn has not come stays in
 * flight; if it ends by itself meanwhile, nothing is said.
 */
export class Cancels {
  #late: Call[] = [];
  #level = BURST;
  #filled: number;
  #timer: Timer | undefined;

  constructor(
    private readonly machine: Machine,
    private readonly clock: Clock,
  ) {
    this.#filled = clock.now();
  }

  cancel(call: Call): void {
    if (this.#late.length === 0 && this.#take()) {
      this.machine.cancel(call);
    } else {
      this.#late.push(call);
      this.#wait();
    }
  }

  /** The connection is gone. */
  stop(): void {
    this.#timer?.cancel();
    this.#late = [];
  }

  #take(): boolean {
    const now = this.clock.now();
    this.#level = Math.min(BURST, this.#level + ((now - this.#filled) * PER_SECOND) / 1000);
    this.#filled = now;
    if (this.#level < 1) return false;
    this.#level -= 1;
    return true;
  }

  #wait(): void {
    this.#timer ??= this.clock.after(((1 - this.#level) * 1000) / PER_SECOND + 1, () => {
      this.#timer = undefined;
      this.#late = this.#late.filter((call) => call.phase !== OVER || this.machine.has(call));
      while (this.#late.length > 0 && this.#take()) this.machine.cancel(this.#late.shift() as Call);
      if (this.#late.length > 0) this.#wait();
    });
  }
}
