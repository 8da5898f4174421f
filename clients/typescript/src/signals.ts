/** What an abort signal stops, for each that anything heeds. */
const heeded = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once when a signal aborts, until {@link ignore} is told otherwise.
 *
 * However many calls heed one signal, it has one listener: platforms warn of leaks where there are many.
 */
export function heed(signal: AbortSignal, stop: () => void): void {
  const known = heeded.get(signal);
  if (known !== undefined) {
    known.add(stop);
    return;
  }
  const all = new Set([stop]);
  heeded.set(signal, all);
  signal.addEventListener('abort', stopAll);
}

/** Takes back what {@link heed} was told. */
export function ignore(signal: AbortSignal, stop: () => void): void {
  const all = heeded.get(signal);
  if (all === undefined || !all.delete(stop) || all.size > 0) return;
  heeded.delete(signal);
  signal.removeEventListener('abort', stopAll);
}

function stopAll(event: Event): void {
  const signal = event.target as AbortSignal;
  // Meanwhile some of them may come to be ignored.
  heeded.get(signal)?.forEach((stop) => stop());
  heeded.delete(signal);
  signal.removeEventListener('abort', stopAll);
}
