import { randomFillSync } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import type { Close } from '../errors.js';
import type { Limits } from '../limits.js';
import { BINARY, CLOSE, FrameReader, PING, PONG, TEXT, textOf, type FrameEvents } from './frames.js';
import { Handshake } from './handshake.js';
import { Refusal, type Socket, type SocketEvents, type SocketOptions } from './socket.js';

/** How many bytes are gathered before they are written in any case. */
const GATHERED = 64 << 10;

/** How long the reason of a refusal is waited for, in milliseconds, when the server has not said how long it is. */
const BODY = 1_000;

/** How much is read at once. */
const READ = 64 << 10;

/**
 * Opens a socket of Node. It reads into one buffer and writes everything that is said in one turn of the event loop at
 * once, which is what makes many small messages cheap.
 *
 * @throws Refusal
 */
export function openNodeSocket(
  options: SocketOptions,
  events: SocketEvents,
  tlsOptions: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const handshake = new Handshake(options);
    const { url, signal } = options;
    const secure = url.protocol === 'wss:';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = Number(url.port) || (secure ? 443 : 80);
    let socket: NodeSocket | undefined;
    let patience: NodeJS.Timeout | undefined;
    const read = (bytes: Uint8Array, length: number): void => {
      if (socket !== undefined) return socket.read(bytes, length);
      try {
        const agreed = handshake.push(bytes.subarray(0, length));
        if (agreed === undefined) {
          if (handshake.isRefused) patience ??= setTimeout(() => fail(handshake.ended()), BODY);
          return;
        }
        socket = new NodeSocket(stream, agreed.subprotocol, options.limits, events);
        signal.removeEventListener('abort', abort);
        events.opened(socket);
        resolve();
        if (agreed.rest.length > 0) socket.read(agreed.rest, agreed.rest.length);
      } catch (error) {
        fail(error as Error);
      }
    };
    const stream = secure
      ? openTls(
          { ALPNProtocols: ['http/1.1'], servername: net.isIP(host) ? '' : host, ...tlsOptions, host, port },
          read,
        )
      : openTcp(host, port, read);
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', abort);
      clearTimeout(patience);
      stream.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal.reason as Error);
    stream.once(secure ? 'secureConnect' : 'connect', () => stream.write(handshake.request));
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (socket === undefined) fail(unreachable(error, `${host}:${port}`));
      else socket.broke(error.message);
    });
    stream.on('end', () => socket?.ended());
    stream.on('close', () => {
      if (socket === undefined) fail(handshake.ended());
      else socket.broke('');
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
}

type Read = (bytes: Uint8Array, length: number) => void;

function openTcp(host: string, port: number, read: Read): net.Socket {
  const callback = (length: number, bytes: Uint8Array): boolean => {
    read(bytes, length);
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafeSlow(READ), callback };
  return net.connect({ host, port, noDelay: true, onread });
}

function openTls(options: tls.ConnectionOptions, read: Read): net.Socket {
  const stream = tls.connect(options);
  stream.setNoDelay(true);
  stream.on('data', (chunk: Buffer) => read(chunk, chunk.length));
  return stream;
}

function unreachable(error: NodeJS.ErrnoException, where: string): Refusal {
  const why: Record<string, string> = {
    ECONNREFUSED: `nothing listens at ${where}`,
    ENOTFOUND: `there is no host of this name (${where})`,
    ETIMEDOUT: `${where} does not answer`,
  };
  const code = error.code ?? '';
  const text = why[code] ?? `${where} cannot be reached: ${error.message || 'no address answers'}`;
  // A certificate that is not trusted will not be trusted the next time.
  const temporary = !/CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/.test(code);
  return new Refusal(1006, code === '' ? text : `${text} (${code})`, temporary);
}

/** An open WebSocket over a socket of Node. */
class NodeSocket implements Socket, FrameEvents {
  readonly pausable = true;
  #reader: FrameReader;
  #out = Buffer.allocUnsafeSlow(GATHERED);
  #length = 0;
  /** The beginning of it that was written last: often the next one is as long. */
  #chunk = this.#out.subarray(0, 0);
  #scheduled = false;
  /** Somebody has found no room. */
  #full = false;
  #paused = false;
  /** How it ends, once that is known. */
  #close: Close | undefined;
  #closeSent = false;
  #over = false;
  /** Whether something has come since the last look, and how long before it nothing had, in milliseconds. */
  #heard = true;
  #silence = 0;
  #pinged = false;
  #stuck: number | undefined;
  /** How many bytes the system had not taken at the last look. */
  #left: number | undefined;
  #watch: NodeJS.Timeout;
  readonly #interval: number;
  #keys = new Keys();

  constructor(
    private readonly stream: net.Socket,
    readonly subprotocol: string,
    private readonly limits: Limits,
    private readonly events: SocketEvents,
  ) {
    this.#reader = new FrameReader(limits, this);
    const shortest = Math.min(limits.pingAfter, limits.pongWithin, limits.writeStall);
    this.#interval = Math.max(1, shortest / 16);
    this.#watch = setInterval(() => this.#look(), this.#interval).unref();
  }

  // What the connection asks.

  get queued(): number {
    return this.#length + this.stream.writableLength;
  }

  binary(bytes: Uint8Array, length: number): void {
    this.#frame(BINARY, bytes, length);
  }

  text(text: string): void {
    const bytes = Buffer.from(text);
    this.#frame(TEXT, bytes, bytes.length);
  }

  pause(): void {
    this.#paused = true;
    this.stream.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#heard = true;
    this.stream.resume();
  }

  close(code: number, reason: string): void {
    if (this.#closeSent) return;
    this.#close ??= { code, reason };
    this.#sendClose(code, reason);
    if (this.#paused) this.resume();
    setTimeout(() => this.stream.destroy(), this.limits.close).unref();
  }

  // What the stream says.

  read(bytes: Uint8Array, length: number): void {
    this.#heard = true;
    this.#reader.push(bytes, 0, length);
  }

  /** The server has hung up, and perhaps takes nothing either: what waits to be sent is not waited for. */
  ended(): void {
    if (this.#over) return;
    this.broke('');
    this.stream.destroy();
  }

  /** The stream has ended. */
  broke(why: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watch);
    this.events.closed(this.#close ?? { code: 1006, reason: why });
  }

  // What the frames say.

  message(opcode: typeof TEXT | typeof BINARY, bytes: Uint8Array, start: number, end: number): void {
    if (opcode === BINARY) return this.events.binary(bytes, start, end);
    const text = textOf(bytes, start, end);
    if (text === undefined) this.violation({ code: 1007, reason: 'a text message is no UTF-8' });
    else this.events.text(text);
  }

  ping(payload: Uint8Array): void {
    // A server that sends pings and takes nothing gets no pongs: they would pile up.
    if (!this.#closeSent && this.queued < this.limits.outbox) this.#frame(PONG, payload, payload.length);
  }

  pong(): void {}

  closing(close: Close): void {
    this.#close ??= close;
    this.#sendClose(close.code === 1005 ? 1000 : close.code, '');
    this.#hangUp();
  }

  violation(close: Close): void {
    this.#close ??= close;
    this.#sendClose(close.code, close.reason);
    this.#hangUp();
  }

  // Writing.

  #sendClose(code: number, reason: string): void {
    if (this.#closeSent) return;
    const text = Buffer.from(reason).subarray(0, 123);
    const payload = Buffer.alloc(2 + text.length);
    payload.writeUInt16BE(code);
    text.copy(payload, 2);
    this.#frame(CLOSE, payload, payload.length);
    this.#closeSent = true;
  }

  /** Both sides have said goodbye: what is written goes out, and the server may hang up first. */
  #hangUp(): void {
    this.#flush();
    this.stream.end();
    setTimeout(() => this.stream.destroy(), Math.min(this.limits.close, 1000)).unref();
    this.broke('');
  }

  #frame(opcode: number, bytes: Uint8Array, length: number): void {
    if (this.#closeSent || this.#over) return;
    const head = length < 126 ? 6 : length < 0x10000 ? 8 : 14;
    const size = head + length;
    if (this.#length + size > this.#out.length) {
      this.#flush();
      if (size > this.#out.length) this.#renew(size);
    }
    const out = this.#out;
    let at = this.#length;
    out[at] = 0x80 | opcode;
    if (head === 6) {
      out[at + 1] = 0x80 | length;
    } else if (head === 8) {
      out[at + 1] = 0x80 | 126;
      out.writeUInt16BE(length, at + 2);
    } else {
      out[at + 1] = 0x80 | 127;
      out.writeUInt32BE(0, at + 2);
      out.writeUInt32BE(length, at + 6);
    }
    at += head;
    const keys = this.#keys.next();
    const key = this.#keys.bytes;
    const k0 = (out[at - 4] = key[keys]);
    const k1 = (out[at - 3] = key[keys + 1]);
    const k2 = (out[at - 2] = key[keys + 2]);
    const k3 = (out[at - 1] = key[keys + 3]);
    let from = 0;
    for (; from + 3 < length; from += 4, at += 4) {
      out[at] = bytes[from] ^ k0;
      out[at + 1] = bytes[from + 1] ^ k1;
      out[at + 2] = bytes[from + 2] ^ k2;
      out[at + 3] = bytes[from + 3] ^ k3;
    }
    if (from < length) out[at++] = bytes[from] ^ k0;
    if (from + 1 < length) out[at++] = bytes[from + 1] ^ k1;
    if (from + 2 < length) out[at++] = bytes[from + 2] ^ k2;
    this.#length = at;
    if (this.queued >= this.limits.outbox) this.#full = true;
    if (!this.#scheduled) {
      this.#scheduled = true;
      process.nextTick(this.#flush);
    }
  }

  #flush = (): void => {
    this.#scheduled = false;
    if (this.#length === 0 || this.stream.destroyed) return;
    const { stream } = this;
    if (this.#chunk.length !== this.#length) this.#chunk = this.#out.subarray(0, this.#length);
    stream.write(this.#chunk, this.#written);
    this.#length = 0;
    if (stream.writableLength > 0) {
      // The stream keeps it until the socket takes it.
      this.#renew(GATHERED);
      this.#stuck ??= performance.now();
    } else if (this.#out.length > GATHERED) {
      this.#renew(GATHERED);
    }
  };

  #renew(size: number): void {
    this.#out = Buffer.allocUnsafeSlow(size);
    this.#chunk = this.#out.subarray(0, 0);
  }

  #written = (): void => {
    this.#stuck = this.stream.writableLength === 0 ? undefined : performance.now();
    if (this.#full && this.queued < this.limits.outbox && !this.#over) {
      this.#full = false;
      this.events.drained();
    }
  };

  // Time.

  #look(): void {
    const { pingAfter, pongWithin, writeStall } = this.limits;
    this.#progress();
    if (this.#stuck !== undefined && performance.now() - this.#stuck >= writeStall) {
      return this.#giveUp('the server took nothing of what was sent to it');
    }
    // Pongs wait behind the data that is not read: the silence of the server is ours.
    if (this.#heard || this.#paused || this.#closeSent) {
      this.#heard = this.#pinged = false;
      this.#silence = 0;
      return;
    }
    // It may have begun right after the last look but one.
    this.#silence += this.#interval;
    if (this.#pinged) {
      if (this.#silence + this.#interval > pongWithin) this.#giveUp('the server did not answer a ping');
    } else if (this.#silence + this.#interval >= pingAfter) {
      this.#pinged = true;
      this.#silence = 0;
      this.#frame(PING, Buffer.alloc(0), 0);
    }
  }

  /** A large message may take its time: it is not stuck as long as some of it goes out. */
  #progress(): void {
    if (this.#stuck === undefined) return;
    // Nothing else tells: what is written is one piece to the stream until the last byte of it has gone.
    const handle = (this.stream as { _handle?: { writeQueueSize?: number } | null })._handle;
    const left = handle?.writeQueueSize;
    if (left !== this.#left) this.#stuck = performance.now();
    this.#left = left;
  }

  #giveUp(why: string): void {
    this.#close ??= { code: 1006, reason: why };
    this.broke(why);
    this.stream.destroy();
  }
}

/** Keys that nobody can foresee (RFC 6455, section 5.3), drawn many at a time. */
class Keys {
  readonly bytes = Buffer.allocUnsafeSlow(8192);
  #at = this.bytes.length;

  /** Where the next key lies. */
  next(): number {
    if (this.#at === this.bytes.length) {
      randomFillSync(this.bytes);
      this.#at = 0;
    }
    this.#at += 4;
    return this.#at - 4;
  }
}
