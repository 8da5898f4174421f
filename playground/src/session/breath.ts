/** Lets the page draw and react while there is a lot to do. */

/** How long something may go on, in milliseconds. */
const LONGEST = 8;

/** Says when it is time to let others have their turn. */
export class Breath {
  private last = performance.now();

  /** Whether it has gone on for long. */
  get isDue(): boolean {
    return performance.now() - this.last > LONGEST;
  }

  /**
   * Goes on after everything else that waits. Timers would be slower, in a page that is not seen by seconds.
   */
  async take(): Promise<void> {
    await new Promise<void>(resolve => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
    this.last = performance.now();
  }
}
