import { Code, SwillError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Protocol } from '../machine.js';
import type { ClientOptions } from '../options.js';
import type { SocketEvents, SocketOptions } from './socket.js';
import { Refusal } from './socket.js';
import { openWebSocket, type WebSocketConstructor } from './web.js';

/** How a token is offered among the subprotocols, for browsers, which cannot set headers. */
const TOKEN = 'swill.token.';

/** What a subprotocol may consist of (RFC 9110, section 5.6.2). */
const WORD = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Opens sockets as the options of a client and the platform ask for. */
export function opener(
  options: ClientOptions,
  protocol: Protocol,
  limits: Limits,
  url: URL,
): (events: SocketEvents, signal: AbortSignal) => Promise<void> {
  const subprotocols = options.subprotocols ?? protocol.subprotocols;
  const own = options.WebSocket ?? (isNode() ? undefined : platformWebSocket());
  if (own !== undefined && Object.keys(options.headers ?? {}).length > 0) {
    throw new SwillError(
      Code.BAD_REQUEST,
      'headers cannot be set with this WebSocket; use `token`, or a cookie',
    );
  }
  return async (events, signal) => {
    const { token: given } = options;
    const token = typeof given === 'function' ? await given() : given;
    const socket: SocketOptions = {
      url,
      subprotocols,
      token,
      headers: options.headers ?? {},
      limits,
      signal,
    };
    if (own !== undefined) return openWebSocket(own, withToken(socket), events);
    const { openNodeSocket } = await import('./node.js');
    return openNodeSocket(socket, events, options.tls);
  };
}

/** Whether this is Node. Others have its modules, too, but a WebSocket of their own. */
function isNode(): boolean {
  const { process, Deno, Bun } = globalThis as Record<string, unknown>;
  const versions = (process as { versions?: Record<string, string> } | undefined)?.versions;
  return (
    versions?.['node'] !== undefined && Deno === undefined && Bun === undefined && !('window' in globalThis)
  );
}

function platformWebSocket(): WebSocketConstructor {
  const { WebSocket } = globalThis as { WebSocket?: WebSocketConstructor };
  if (WebSocket === undefined) {
    throw new SwillError(
      Code.BAD_REQUEST,
      'this platform has no WebSocket: pass one by the option `WebSocket`',
    );
  }
  return WebSocket;
}

function withToken(options: SocketOptions): SocketOptions {
  const { token, subprotocols } = options;
  if (token === undefined) return options;
  if (!WORD.test(token)) {
    const message =
      'the token has characters that a subprotocol must not have; in browsers it is sent as one (use base64url)';
    throw new SwillError(Code.BAD_REQUEST, message);
  }
  return { ...options, subprotocols: [...subprotocols, TOKEN + token] };
}

/** Refuses connections on which the server speaks something else. */
export function accepting(options: ClientOptions, protocol: Protocol): (subprotocol: string) => void {
  const offered = options.subprotocols ?? protocol.subprotocols;
  return (subprotocol) => {
    if (!protocol.needsSubprotocol || offered.includes(subprotocol)) return;
    const names = offered.map((name) => `\`${name}\``).join(', ');
    const message = `the server chose none of the subprotocols ${names}: it does not speak Swill's protocol here`;
    throw new Refusal(Code.UNIMPLEMENTED, message, false);
  };
}
