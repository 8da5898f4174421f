/** The connection of the page: where to, how it stands, and what became of the last one. */

import { Client, type Peer, type State } from '@swill/client';
import { closeWords } from '../text/closes.ts';
import { filledPath, pathParameters, socketAddress } from '../text/route.ts';
import { Changes } from './changes.ts';
import type { Description } from './description.ts';
import type { Incoming } from './incoming.ts';
import type { Frame, Wire } from './wire.ts';

/** A protocol that the page speaks. */
export type Spoken = 'swill' | 'json-rpc';

/** What the protocols are called on the page. */
export const SPOKEN: Record<Spoken, string> = { swill: 'Swill (MessagePack)', 'json-rpc': 'JSON-RPC 2.0' };

/** Bytes of items that may wait while the page draws. Browsers cannot make a server wait. */
const UNREAD = 32 << 20;

/** How many times of calls are kept for their median. */
const TIMES = 50;

/** How something ended. */
export interface End {
  code: number;
  reason: string;
  at: Date;
}

/** A connection that comes back by itself. */
export class Connection extends Changes {
  protocol: Spoken = 'swill';
  /** One of the app's paths; empty for an address of one's own. */
  path = '';
  parameters: Record<string, string> = {};
  /** In place of one made of the path. */
  ownAddress = '';
  /** Kept nowhere but here. */
  token = '';
  client: Client | undefined;
  state: State = { kind: 'idle' };
  /** Why the last connection that was open ended. */
  lastEnd: End | undefined;
  /** Why the last attempt to connect came to nothing. */
  lastFailure: End | undefined;
  /** Is called when a connection is open, the first one or another in its place. */
  onOpen: (again: boolean) => void = () => {};
  private paths: string[] = [];
  private times: number[] = [];
  /** The names that are served, and for each what has come and has not been handled yet. */
  private served = new Map<string, ('call' | 'notification')[]>();
  private unwatch: () => void = () => {};

  constructor(
    private readonly wire: Wire,
    private readonly incoming: Incoming,
  ) {
    super();
  }

  /** Takes over what the app says about its paths and protocols. */
  describe(description: Description): void {
    this.paths = description.spec.paths;
    const [first] = description.speaks;
    if (first && !description.speaks.includes(this.protocol)) this.protocol = first;
    if (!this.paths.includes(this.path))
      this.path = this.paths.includes('/ws') ? '/ws' : (this.paths[0] ?? '');
    for (const name of this.needed) this.parameters[name] ??= '1';
    this.changedNow();
  }

  /** Connects for the first time, if there is something to connect to. */
  begin(description: Description): void {
    if (description.speaks.length > 0) this.connect();
  }

  /** The parameters of the chosen path. */
  get needed(): string[] {
    return pathParameters(this.path);
  }

  /** Where to connect to. */
  get address(): string {
    if (this.ownAddress !== '') return this.ownAddress;
    return socketAddress(location, this.paths[0] ?? '/', filledPath(this.path, this.parameters));
  }

  /** Whether calls can go out, now or as soon as there is a connection again. */
  get isUsable(): boolean {
    return this.client !== undefined && this.state.kind !== 'closed' && this.state.kind !== 'idle';
  }

  /** The time of the last call and the one in the middle, in milliseconds. */
  get latency(): { last: number; median: number } | undefined {
    const last = this.times.at(-1);
    if (last === undefined) return undefined;
    const sorted = [...this.times].sort((a, b) => a - b);
    return { last, median: sorted[Math.floor(sorted.length / 2)] ?? last };
  }

  /** A call took so long. */
  took(milliseconds: number): void {
    this.times = [...this.times, milliseconds].slice(-TIMES);
    this.changed();
  }

  /** Changes where to, how, or as whom; a connection that there is ends. */
  set(change: Partial<Pick<Connection, 'protocol' | 'path' | 'parameters' | 'ownAddress' | 'token'>>): void {
    const before = `${this.address} ${this.protocol}`;
    Object.assign(this, change);
    for (const name of this.needed) this.parameters[name] ??= '1';
    if (this.isUsable && before !== `${this.address} ${this.protocol}`) this.connect();
    this.changedNow();
  }

  /** Connects anew, to where it is set now. */
  connect(): void {
    this.end();
    this.lastEnd = undefined;
    this.lastFailure = undefined;
    this.times = [];
    let client: Client;
    try {
      client = new Client({
        protocol: this.protocol,
        ...(this.token !== '' && { token: () => this.token }),
        tap: frame => this.wire.tap(frame),
        reconnect: { base: 250 },
        limits: { streamUnread: UNREAD, unread: 2 * UNREAD },
      });
    } catch (error) {
      this.turned({ kind: 'closed', code: 400, reason: messageOf(error) });
      return;
    }
    this.client = client;
    this.served = new Map();
    this.unwatch = client.onState(state => this.turned(state));
    this.turned(client.state);
    client.connect(this.address, { lazy: true }).catch(error => {
      if (this.client === client)
        this.turned({ kind: 'closed', code: error?.code ?? 0, reason: messageOf(error) });
    });
  }

  /** Ends the connection. It stays so until somebody connects. */
  disconnect(): void {
    this.end();
    this.turned({ kind: 'closed', code: 1000, reason: 'you have disconnected' });
  }

  /** Looks at a message of the server before the client does: calls of any name are served here. */
  see(frame: Frame): void {
    if (this.protocol !== 'json-rpc' || frame.direction !== 'in' || typeof frame.data !== 'string') return;
    if (!frame.data.includes('"method"')) return;
    let message: unknown;
    try {
      message = JSON.parse(frame.data);
    } catch {
      return;
    }
    for (const one of Array.isArray(message) ? message : [message]) {
      const { method, id, params } = (typeof one === 'object' && one !== null ? one : {}) as Record<
        string,
        unknown
      >;
      if (typeof method !== 'string' || method.startsWith('$/')) continue;
      // Notifications come to the handler of a name, too, if there is one.
      this.served.get(method)?.push(id === undefined ? 'notification' : 'call');
      if (id === undefined) this.incoming.tell(method, params);
      else this.serve(method);
    }
  }

  private serve(method: string): void {
    if (this.served.has(method)) return;
    const queue: ('call' | 'notification')[] = ['call'];
    this.served.set(method, queue);
    this.client?.handle(method, (params: unknown, peer: Peer) => {
      return queue.shift() === 'notification' ? undefined : this.incoming.ask(method, params, peer.signal);
    });
  }

  private end(): void {
    this.unwatch();
    this.unwatch = () => {};
    void this.client?.close();
    this.client = undefined;
  }

  private turned(state: State): void {
    const before = this.state;
    this.state = state;
    if (state.kind === 'waiting' || state.kind === 'closed') {
      const end = { code: state.code, reason: state.reason, at: new Date() };
      if (before.kind === 'open') this.lastEnd = end;
      else if (before.kind !== state.kind) this.lastFailure = end;
    }
    if (state.kind === 'open') {
      this.lastFailure = undefined;
      this.onOpen(this.lastEnd !== undefined);
    }
    this.changedNow();
  }
}

/** A state in a few words. */
export function stateWords(state: State): string {
  switch (state.kind) {
    case 'idle':
      return 'Not connected';
    case 'connecting':
      return 'Connecting…';
    case 'open':
      return 'Connected';
    case 'waiting':
      return 'Reconnecting';
    case 'closed':
      return state.code === 1000 ? 'Disconnected' : 'Closed';
  }
}

/** Why a connection ended, with what its code means. */
export function endWords(end: { code: number; reason: string }): string {
  if (end.code < 1000) return end.reason;
  const reason = end.reason.replace(` (${end.code})`, '');
  const meaning = closeWords(end.code);
  if (reason === '') return `${meaning} (${end.code})`;
  return end.code === 1006 || reason === meaning
    ? `${reason} (${end.code})`
    : `${reason} (${end.code}: ${meaning})`;
}

/** What can be done about it; empty if nothing has to be. */
export function advice(end: { code: number }): string {
  if (end.code === 401) return 'The server does not know who you are: set a token below and connect.';
  if (end.code === 403)
    return 'The server does not let this page in: see its allowed origins and hosts, or set a token.';
  if (end.code === 503 || end.code === 1006) {
    return 'See whether the app is running and the path is right. If it asks who you are, set a token and connect.';
  }
  if (end.code === 501) return 'Choose another protocol below.';
  return '';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
