import type { Close } from '../errors.js';
import type { Limits } from '../limits.js';
import { Refusal, type Socket, type SocketEvents, type SocketOptions } from './socket.js';

/** What is used of a WebSocket as browsers have it; the `ws` package has the same. */
export interface WebSocketLike {
  readonly protocol: string;
  readonly bufferedAmount: number;
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Something that makes such a WebSocket. */
export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

interface CloseDetails {
  readonly code: number;
  readonly reason: string;
}

/** How often it is looked whether there is room again, in milliseconds: a browser does not tell. */
const LOOK = 5;

/**
 * Opens a WebSocket of the platform.
 *
 * @throws Refusal
 */
export function openWebSocket(
  constructor: WebSocketConstructor,
  options: SocketOptions,
  events: SocketEvents,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { url, signal, limits } = options;
    const raw = new constructor(url.href, [...options.subprotocols]);
    let socket: WebSocketAdapter | undefined;
    raw.binaryType = 'arraybuffer';
    const abort = (): void => {
      silence(raw);
      raw.close();
      reject(signal.reason as Error);
    };
    raw.onopen = () => {
      signal.removeEventListener('abort', abort);
      socket = new WebSocketAdapter(raw, limits, events);
      try {
        events.opened(socket);
        resolve();
      } catch (error) {
        silence(raw);
        raw.close();
        reject(error);
      }
    };
    raw.onmessage = ({ data }: { data: string | ArrayBuffer }) => socket?.message(data);
    // What went wrong is not told here, and `close` follows.
    raw.onerror = () => {};
    raw.onclose = ({ code, reason }: CloseDetails) => {
      signal.removeEventListener('abort', abort);
      if (socket !== undefined) return socket.ended({ code, reason });
      const why =
        `the connection to ${url.host} failed; the platform does not say why: the server may not be there, ` +
        'may have refused it (401, 403, 406), or may not allow the origin of this page';
      reject(new Refusal(code, reason === '' ? why : reason, true));
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

function silence(raw: WebSocketLike): void {
  raw.onopen = raw.onmessage = raw.onclose = null;
  raw.onerror = () => {};
}

class WebSocketAdapter implements Socket {
  readonly pausable = false;
  readonly subprotocol: string;
  #closed = false;
  /** What this side has said, which says more than what comes back. */
  #wish: Close | undefined;
  #looking = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly raw: WebSocketLike,
    private readonly limits: Limits,
    private readonly events: SocketEvents,
  ) {
    this.subprotocol = raw.protocol;
  }

  get queued(): number {
    return this.raw.bufferedAmount;
  }

  binary(bytes: Uint8Array, length: number): void {
    this.#send(bytes.slice(0, length));
  }

  text(text: string): void {
    this.#send(text);
  }

  pause(): void {}

  resume(): void {}

  close(code: number, reason: string): void {
    if (this.#closed) return;
    this.#wish ??= { code, reason };
    // Browsers let a page close with 1000 and codes of applications only.
    const allowed = code === 1000 || code >= 3000 ? code : 3000 + code;
    try {
      this.raw.close(allowed, reason.slice(0, 40));
    } catch {
      this.raw.close();
    }
    this.#patience ??= setTimeout(() => this.ended({ code: 1006, reason: '' }), this.limits.close);
  }

  message(data: string | ArrayBuffer): void {
    if (this.#closed) return;
    if (typeof data === 'string') {
      if (data.length > this.limits.message) this.#tooBig();
      else this.events.text(data);
    } else if (data.byteLength > this.limits.message) {
      this.#tooBig();
    } else {
      const bytes = new Uint8Array(data);
      this.events.binary(bytes, 0, bytes.length);
    }
  }

  ended(close: Close): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#patience);
    silence(this.raw);
    this.events.closed(this.#wish ?? close);
  }

  #send(data: string | Uint8Array<ArrayBuffer>): void {
    if (this.#closed) return;
    this.raw.send(data);
    if (this.queued >= this.limits.outbox) this.#look();
  }

  /** Waits until there is room. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    const timer = setInterval(() => {
      if (!this.#closed && this.queued >= this.limits.outbox) return;
      clearInterval(timer);
      this.#looking = false;
      if (!this.#closed) this.events.drained();
    }, LOOK);
  }

  #tooBig(): void {
    const close = { code: 1009, reason: `a message exceeds the limit of ${this.limits.message} bytes` };
    this.close(close.code, close.reason);
    this.ended(close);
  }
}
