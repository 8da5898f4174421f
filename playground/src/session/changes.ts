/**
 * Something that changes, and tells so: what somebody does at once, so that whatever they do next builds on it, and
 * what comes by itself at most once a frame, however often it comes.
 */

/** Calls a function before the next frame, or soon if the page is not seen. */
function soon(call: () => void): void {
  if (typeof document !== 'undefined' && document.visibilityState === 'visible') {
    requestAnimationFrame(call);
  } else {
    setTimeout(call, 50);
  }
}

/** What elements can watch. */
export class Changes {
  private readonly listeners = new Set<() => void>();
  private waiting = false;

  /** Calls a function after every change, until what is returned is called. */
  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Says before the next frame that something has come, which may happen many times a frame. */
  changed(): void {
    if (this.waiting) return;
    this.waiting = true;
    soon(() => {
      this.waiting = false;
      this.changedNow();
    });
  }

  /** Says at once that something is different, as it is when somebody has acted. */
  changedNow(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
