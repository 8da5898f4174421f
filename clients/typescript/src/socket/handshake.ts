import { createHash, randomBytes } from 'node:crypto';
import { isTemporaryStatus } from '../backoff.js';
import { Code, SwillError } from '../errors.js';
import { Refusal, type SocketOptions } from './socket.js';

/** The longest head of an answer, and the most that is kept of the body of a refusal. */
const LONGEST_HEAD = 16 << 10;
const LONGEST_BODY = 8 << 10;

/** How an answer begins. Some proxies refuse with HTTP/1.0. */
const HTTP = 'HTTP/1.';

/** A word of HTTP (RFC 9110, section 5.6.2). */
const WORD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** The opening handshake of a client (RFC 6455, section 4.1), without IO: text in, text out. */
export class Handshake {
  /** What is sent. */
  readonly request: string;
  #accept: string;
  #head = Buffer.alloc(0);
  #status: { code: number; text: string } | undefined;
  #bodyLength = LONGEST_BODY;
  #chunked = false;

  constructor(private readonly options: SocketOptions) {
    const { url, subprotocols, token, headers } = options;
    const key = randomBytes(16).toString('base64');
    this.#accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const lines = new Map<string, string>([
      ['Host', url.host],
      ['Upgrade', 'websocket'],
      ['Connection', 'Upgrade'],
      ['Sec-WebSocket-Key', key],
      ['Sec-WebSocket-Version', '13'],
    ]);
    if (subprotocols.length > 0) lines.set('Sec-WebSocket-Protocol', subprotocols.join(', '));
    const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    if (url.username !== '') {
      const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      lines.set('Authorization', `Basic ${Buffer.from(user).toString('base64')}`);
    }
    if (token !== undefined) lines.set('Authorization', `Bearer ${token}`);
    const all = [
      ...[...lines].filter(([name]) => !given.has(name.toLowerCase())),
      ...Object.entries(headers),
    ];
    for (const [name, value] of all) checkHeader(name, value);
    const text = all.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    this.request = `GET ${url.pathname}${url.search} HTTP/1.1\r\n${text}\r\n`;
  }

  /**
   * Takes what has been read. Once the server has agreed, the subprotocol and what follows the head.
   *
   * @throws Refusal if it has not.
   */
  push(chunk: Uint8Array): { subprotocol: string; rest: Uint8Array } | undefined {
    this.#head = Buffer.concat([this.#head, chunk]);
    if (this.#status === undefined) {
      const end = this.#head.indexOf('\r\n\r\n');
      if (end < 0) {
        const first = this.#head.toString('latin1', 0, HTTP.length);
        if (!HTTP.startsWith(first)) throw noHttp();
        if (this.#head.length > LONGEST_HEAD) throw broken('its head is too long');
        return undefined;
      }
      const head = this.#head.toString('latin1', 0, end);
      const rest = this.#head.subarray(end + 4);
      const subprotocol = this.#answer(head);
      if (subprotocol !== undefined) return { subprotocol, rest };
      this.#head = rest;
    }
    if (this.#head.length >= this.#bodyLength || (this.#chunked && unchunk(this.#head).whole)) {
      throw this.#refusal();
    }
    return undefined;
  }

  /** Whether the server has refused, and more of the reason may come. */
  get isRefused(): boolean {
    return this.#status !== undefined;
  }

  /** The connection has ended before the server has agreed. */
  ended(): Refusal {
    if (this.#status !== undefined) return this.#refusal();
    return new Refusal(1006, 'the server ended the connection during the opening handshake', true);
  }

  /** Reads the head. The subprotocol, or `undefined` if it is a refusal, whose body follows. */
  #answer(head: string): string | undefined {
    const [first = '', ...lines] = head.split('\r\n');
    const [, version, code, text = ''] = /^HTTP\/1\.([01]) (\d{3})(?: (.*))?$/.exec(first) ?? [];
    if (code === undefined || (version === '0' && code === '101')) throw noHttp();
    const headers = new Map<string, string>();
    for (const line of lines) {
      const [name = '', value] = splitOnce(line, ':');
      const key = name.toLowerCase();
      const before = headers.get(key);
      headers.set(key, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
    }
    if (code !== '101') {
      this.#status = { code: Number(code), text };
      const length = Number(headers.get('content-length') ?? LONGEST_BODY);
      this.#chunked = /\bchunked\b/i.test(headers.get('transfer-encoding') ?? '');
      this.#bodyLength = Math.min(Number.isFinite(length) ? length : LONGEST_BODY, LONGEST_BODY);
      return undefined;
    }
    return this.#check(headers);
  }

  #check(headers: Map<string, string>): string {
    const words = (name: string): string[] =>
      (headers.get(name) ?? '').split(',').map((word) => word.trim().toLowerCase());
    if (!words('upgrade').includes('websocket') || !words('connection').includes('upgrade')) {
      throw broken('it does not say `Upgrade: websocket`');
    }
    if (headers.get('sec-websocket-accept') !== this.#accept) throw broken('`Sec-WebSocket-Accept` is wrong');
    if (headers.has('sec-websocket-extensions')) throw broken('it has an extension that was not offered');
    const subprotocol = headers.get('sec-websocket-protocol') ?? '';
    if (subprotocol !== '' && !this.options.subprotocols.includes(subprotocol)) {
      throw broken(`it has the subprotocol \`${subprotocol}\`, which was not offered`);
    }
    return subprotocol;
  }

  #refusal(): Refusal {
    const { code = 500, text = '' } = this.#status ?? {};
    const bytes = this.#chunked ? unchunk(this.#head).body : this.#head;
    const body = bytes.toString('utf8', 0, this.#bodyLength).trim();
    const said = [`${code} ${text}`.trim(), body].filter((part) => part !== '').join(': ');
    return new Refusal(code, `the server refused the connection with ${said}`, isTemporaryStatus(code), body);
  }
}

/** The body so far that comes in chunks (RFC 9112, section 7.1). */
function unchunk(bytes: Buffer): { body: Buffer; whole: boolean } {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const start = bytes.indexOf('\r\n', at) + 2;
    const size = start < 2 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, start), 16);
    if (!(size > 0)) return { body: Buffer.concat(parts), whole: size === 0 };
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

function checkHeader(name: string, value: string): void {
  if (!WORD.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(value)) {
    throw new SwillError(Code.BAD_REQUEST, `the header \`${name}\` cannot be sent`);
  }
}

function noHttp(): Refusal {
  return new Refusal(Code.UNIMPLEMENTED, 'the server does not speak HTTP/1.1', false);
}

function broken(why: string): Refusal {
  return new Refusal(
    Code.UNIMPLEMENTED,
    `the answer of the server to the opening handshake is wrong: ${why}`,
    false,
  );
}
