import type { Clock, Timer } from './clock.js';

/** Something that has a deadline, as a link of a list: a deadline costs no memory of its own and no timer. */
export interface Expiring {
  /** When its time is up. */
  due: number;
  /** The list that it is in. */
  line: Line | undefined;
  earlier: Expiring | undefined;
  later: Expiring | undefined;
  /** Its time is up. It is in no list any more. */
  expired(): void;
}

/** Those that have the same time, the earliest first. Who comes last is due last, so nothing is ever sorted. */
class Line {
  first: Expiring | undefined;
  last: Expiring | undefined;

  constructor(readonly time: number) {}
}

/** One timer for all deadlines. */
export class Deadlines {
  #lines = new Map<number, Line>();
  #timer: Timer | undefined;
  #timerDue = Number.POSITIVE_INFINITY;

  constructor(private readonly clock: Clock) {}

  add(entry: Expiring, milliseconds: number): void {
    let line = this.#lines.get(milliseconds);
    if (line === undefined) {
      this.#forgetEmptyLines();
      line = new Line(milliseconds);
      this.#lines.set(milliseconds, line);
    }
    entry.due = this.clock.now() + milliseconds;
    entry.line = line;
    entry.earlier = line.last;
    if (line.last === undefined) line.first = entry;
    else line.last.later = entry;
    line.last = entry;
    if (entry.due < this.#timerDue) this.#arm(entry.due);
  }

  remove(entry: Expiring): void {
    const line = entry.line;
    if (line === undefined) return;
    if (entry.earlier === undefined) line.first = entry.later;
    else entry.earlier.later = entry.later;
    if (entry.later === undefined) line.last = entry.earlier;
    else entry.later.earlier = entry.earlier;
    entry.line = entry.earlier = entry.later = undefined;
  }

  /** Forgets all of them. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
  }

  /** Times of one's own making do not stay for ever. */
  #forgetEmptyLines(): void {
    if (this.#lines.size < 16) return;
    for (const [time, line] of this.#lines) if (line.first === undefined) this.#lines.delete(time);
  }

  #arm(due: number): void {
    this.#timer?.cancel();
    this.#timerDue = due;
    this.#timer = this.clock.after(Math.max(0, due - this.clock.now()), () => this.#ring());
  }

  #ring(): void {
    this.#timer = undefined;
    this.#timerDue = Number.POSITIVE_INFINITY;
    const now = this.clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const line of this.#lines.values()) {
      for (let entry = line.first; entry !== undefined && entry.due <= now; entry = line.first) {
        this.remove(entry);
        entry.expired();
      }
      if (line.first !== undefined && line.first.due < next) next = line.first.due;
    }
    if (next < this.#timerDue) this.#arm(next);
  }
}
