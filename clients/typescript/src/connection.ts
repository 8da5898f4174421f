import { Cancels } from './cancels.js';
import type { Clock } from './clock.js';
import type { Close } from './errors.js';
import type { Limits } from './limits.js';
import type { Machine, Protocol, Wire } from './machine.js';
import type { Socket, SocketEvents } from './socket/socket.js';
import type { TappedFrame } from './tap.js';

/** What a connection tells whoever made it. */
export interface ConnectionEvents {
  opened(connection: Connection): void;
  /** Something can go out that could not before: there is room in the socket, or a call has ended. */
  roomier(): void;
  lost(connection: Connection, close: Close): void;
}

/** What a connection is told. */
export interface ConnectionSettings {
  readonly protocol: Protocol;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly tap: ((frame: TappedFrame) => void) | undefined;
  /** Throws if a connection with this subprotocol is of no use. */
  readonly accept: (subprotocol: string) => void;
}

/** One connection: a socket, and the machine of the protocol that is spoken over it. */
export class Connection implements SocketEvents, Wire {
  readonly machine: Machine;
  readonly cancels: Cancels;
  /** There once it is open. */
  socket: Socket | undefined;
  private readonly tap: ((frame: TappedFrame) => void) | undefined;
  #over = false;

  constructor(
    private readonly settings: ConnectionSettings,
    private readonly events: ConnectionEvents,
  ) {
    this.tap = settings.tap;
    this.machine = settings.protocol.machine(this);
    this.cancels = new Cancels(this.machine, settings.clock);
  }

  /** Whether more may be sent. */
  get hasRoom(): boolean {
    return this.socket !== undefined && this.socket.queued < this.settings.limits.outbox;
  }

  /** Ends it without waiting for the socket. */
  abandon(close: Close): void {
    if (this.#over) return;
    this.#over = true;
    this.cancels.stop();
    this.events.lost(this, close);
  }

  // What the socket says.

  opened(socket: Socket): void {
    this.settings.accept(socket.subprotocol);
    this.socket = socket;
    this.events.opened(this);
  }

  binary(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    if (this.tap !== undefined) this.#tapped('in', bytes.slice(start, end));
    this.machine.binary(bytes, start, end);
  }

  text(text: string): void {
    if (this.#over) return;
    if (this.tap !== undefined) this.#tapped('in', text);
    this.machine.text(text);
  }

  drained(): void {
    this.events.roomier();
  }

  closed(close: Close): void {
    this.abandon(close);
  }

  // What the machine says.

  sendBinary(bytes: Uint8Array, length: number): void {
    if (this.tap !== undefined) this.#tapped('out', bytes.slice(0, length));
    this.socket?.binary(bytes, length);
  }

  sendText(text: string): void {
    if (this.tap !== undefined) this.#tapped('out', text);
    this.socket?.text(text);
  }

  broken(code: number, reason: string): void {
    // Browsers let a page close with codes of applications only.
    this.socket?.close(code, reason);
    this.abandon({ code, reason });
  }

  freed(): void {
    this.events.roomier();
  }

  #tapped(direction: 'in' | 'out', data: Uint8Array | string): void {
    try {
      this.tap?.({ direction, data, at: performance.now() });
    } catch (error) {
      report(error);
    }
  }
}

/** What a listener of the program has thrown is the program's, and nothing here may stop because of it. */
export function report(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
