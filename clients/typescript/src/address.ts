import { Code, SwillError } from './errors.js';

/** Where a page is, if this is one. */
export interface PageLocation {
  readonly protocol: string;
  readonly host: string;
}

/**
 * The URL that an address means.
 *
 * | address | URL |
 * |---|---|
 * | `ws://…`, `wss://…` | as it stands |
 * | `http://…`, `https://…` | with `ws` or `wss` |
 * | `localhost`, `127.0.0.1`, `[::1]` | `ws://…:8000/ws` |
 * | any other `host[:port][/path]` | `wss://…`, port 443 and path `/ws` unless given |
 * | `/path`, in a browser | on the host of the page |
 *
 * @throws SwillError 400 if it makes no sense.
 */
export function resolveAddress(address: string | URL, page?: PageLocation): URL {
  const text = String(address).trim();
  if (text.startsWith('/')) {
    if (page === undefined || page.host === '')
      throw wrong(text, 'there is no page whose host could be meant');
    return parse(`${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.host}${text}`, text);
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    const mapped = { ws: 'ws', wss: 'wss', http: 'ws', https: 'wss' }[scheme];
    if (mapped === undefined) throw wrong(text, `\`${scheme}\` is not ws, wss, http or https`);
    return parse(mapped + text.slice(scheme.length), text);
  }
  const [authority = '', path] = split(text);
  if (authority === '') throw wrong(text, 'it has no host');
  const host = authority.replace(/:\d*$/, '');
  const local = /^(localhost|127(\.\d+){3}|\[::1\])$/i.test(host);
  const port = local && !/:\d+$/.test(authority) ? ':8000' : '';
  return parse(`${local ? 'ws' : 'wss'}://${authority}${port}${path ?? '/ws'}`, text);
}

function split(text: string): [string, string | undefined] {
  const end = text.search(/[/?#]/);
  if (end < 0) return [text, undefined];
  const rest = text.slice(end);
  return [text.slice(0, end), rest.startsWith('/') ? rest : `/ws${rest}`];
}

function parse(url: string, given: string): URL {
  try {
    const parsed = new URL(url);
    parsed.hash = '';
    return parsed;
  } catch {
    throw wrong(given, 'it is no host and no URL');
  }
}

function wrong(address: string, why: string): SwillError {
  return new SwillError(Code.BAD_REQUEST, `the address \`${address}\` makes no sense: ${why}`);
}
