/** What the page shows, as the part of its address behind `#`. */

/** A place on the page. */
export type Route =
  | { page: 'overview' }
  | { page: 'module'; name: string }
  | { page: 'procedure'; name: string; params?: string };

/** The place that an address leads to; the overview if it leads nowhere. */
export function routeOf(hash: string): Route {
  const match = /^#\/(procedure|module)\/([^?]*)(?:\?(.*))?$/.exec(hash);
  if (!match) return { page: 'overview' };
  const name = decode(match[2] ?? '');
  if (match[1] === 'module') return { page: 'module', name };
  const params = new URLSearchParams(match[3] ?? '').get('params');
  return { page: 'procedure', name, ...(params !== null && { params }) };
}

/** The address of a place. */
export function hashOf(route: Route): string {
  if (route.page === 'overview') return '#/';
  const name = encodeURIComponent(route.name);
  if (route.page === 'module' || route.params === undefined) return `#/${route.page}/${name}`;
  return `#/procedure/${name}?params=${encodeURIComponent(route.params)}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Where the app is, seen from its page: the page of an app at `/ws` is `/ws/docs`, and behind a proxy perhaps
 * `/api/ws/docs`. The part that the app does not know of is put before its paths.
 */
export function socketAddress(
  page: { protocol: string; host: string; pathname: string },
  first: string,
  path: string,
): string {
  const below = page.pathname.replace(/\/docs\/?$/, '');
  const own = first === '/' ? '' : first;
  const before = own !== '' && below.endsWith(own) ? below.slice(0, -own.length) : own === '' ? below : '';
  return `${page.protocol === 'https:' ? 'wss:' : 'ws:'}//${page.host}${before}${path}`;
}

/** The names of a path's parameters: `room` of `/rooms/{room}`. */
export function pathParameters(path: string): string[] {
  return Array.from(path.matchAll(/\{\*?([^{}]+)\}/g), match => match[1] ?? '');
}

/** A path with its parameters filled in; those without a value stay as they are. */
export function filledPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\*?)([^{}]+)\}/g, (whole, star: string, name: string) => {
    const value = values[name];
    if (value === undefined || value === '') return whole;
    return star === '' ? encodeURIComponent(value) : value.split('/').map(encodeURIComponent).join('/');
  });
}
