/** The calls of the page. They are kept in memory, and nowhere else. */

import type { Procedure } from '../spec.ts';
import { Call, type Request } from './call.ts';
import { Changes } from './changes.ts';
import type { Connection } from './connection.ts';
import { glance } from './peek.ts';
import type { Schemas } from '../schema/schemas.ts';
import type { Frame, Wire } from './wire.ts';

/** How many are kept; those that run stay in any case. */
const MOST = 200;

/** All calls, the latest first. */
export class Calls extends Changes {
  list: Call[] = [];
  private count = 0;
  /** The call that each number of a connection belongs to. */
  private byId = new Map<string, Call>();
  private chosen = new Map<string, Call>();

  constructor(
    private readonly connection: Connection,
    private readonly wire: Wire,
  ) {
    super();
    wire.onFrame = frame => {
      connection.see(frame);
      this.carried(frame);
    };
  }

  /** Makes a call and begins it. */
  begin(request: Request, schemas: Schemas): Call {
    this.count += 1;
    const call = new Call(this.count, request, schemas, this.connection);
    const kept = this.list.filter((it, index) => it.isRunning || index < MOST - 1);
    this.list = [call, ...kept];
    this.chosen.set(call.name, call);
    call.onTurn = () => this.changedNow();
    this.changedNow();
    void call.run();
    return call;
  }

  /** Those of one procedure. */
  of(procedure: Procedure): Call[] {
    return this.list.filter(it => it.name === procedure.name);
  }

  /** The call of a procedure that is shown. */
  shown(procedure: Procedure): Call | undefined {
    return this.chosen.get(procedure.name);
  }

  /** Shows another call of its procedure. */
  show(call: Call): void {
    this.chosen.set(call.name, call);
    this.changedNow();
  }

  /** Forgets those that are over. */
  clear(): void {
    this.list = this.list.filter(it => it.isRunning);
    for (const [name, call] of this.chosen) if (!call.isRunning) this.chosen.delete(name);
    this.changedNow();
  }

  /** There is another connection, which counts from the beginning. */
  forgetNumbers(): void {
    this.byId.clear();
  }

  /** Finds out which call a message belongs to, for its size. */
  private carried(frame: Frame): void {
    if (this.byId.size === 0 && !this.list.some(it => it.isRunning)) return;
    const seen = typeof frame.data === 'string' ? undefined : glance(frame.data);
    const known = seen && this.byId.get(String(seen.call));
    if (known) {
      if (!known.isRunning) this.byId.delete(String(seen.call));
      // Metadata of the server that comes by itself is no entry with a size.
      if (frame.direction === 'out' || !seen.isMetadata) known.carried(frame.direction, frame.size);
    } else if (frame.size < 1 << 16 || frame.direction === 'out') {
      this.looked(frame);
    }
  }

  /** The same for what a glance does not tell. */
  private looked(frame: Frame): void {
    const decoded = this.wire.decode(frame);
    if (decoded.call === null) return;
    const isStreamed =
      decoded.protocol === 'json-rpc' && (decoded.kind === 'message' || decoded.kind === 'end');
    // Subscriptions of JSON-RPC and requests are counted apart.
    const id = `${isStreamed ? 'stream ' : ''}${decoded.call}`;
    const call = this.byId.get(id) ?? (frame.direction === 'out' ? this.unnumbered(decoded.name) : undefined);
    if (!call) return;
    if (call.isRunning) this.byId.set(id, call);
    else this.byId.delete(id);
    if (decoded.kind === 'response' && call.shape === 'stream')
      this.byId.set(`stream ${String(decoded.payload)}`, call);
    else call.carried(frame.direction, frame.size);
  }

  /** The oldest call of this name whose first message has not been seen. */
  private unnumbered(name: string | undefined): Call | undefined {
    const numbered = new Set(this.byId.values());
    return this.list.findLast(it => it.name === name && it.isRunning && !numbered.has(it));
  }
}
