/** Time, so that tests can have their own. */
export interface Clock {
  /** Milliseconds since some moment; never goes back. */
  now(): number;
  /** Calls a function once, later. A timer that is not `needed` does not keep a program alive. */
  after(milliseconds: number, run: () => void, needed?: boolean): Timer;
}

/** Something that will happen. */
export interface Timer {
  cancel(): void;
}

/** The longest time that timers of browsers and Node can wait. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(milliseconds, run, needed = false) {
    const timer: unknown = setTimeout(run, Math.min(milliseconds, LONGEST));
    if (!needed && typeof timer === 'object') (timer as { unref?: () => void }).unref?.();
    return { cancel: () => clearTimeout(timer as number) };
  },
};
