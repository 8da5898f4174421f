import { Client, SwillError, type ClientOptions, type Limits, type State } from '../../src/index.js';
import type { Duplex, Items, Response, Sender } from '../../src/index.js';
import { build, differs, show, text, Unknown, type Scope } from './values.js';

/** A step, or the expectation in one. */
export type Members = Record<string, unknown>;

/** What has been begun and is not over. */
interface Begun {
  readonly answer: Promise<Response<unknown>>;
  readonly abort: AbortController;
}

type AnyStream = Items<unknown> | Sender<unknown, unknown> | Duplex<unknown, unknown>;

/** A client, and what it has been called with. */
interface Connected {
  readonly client: Client;
  readonly calls: { name: string; params: unknown }[];
  readonly waiters: (() => void)[];
}

/** Something is not as it is expected to be. */
export class Mismatch extends Error {}

const REQUEST = ['client', 'name', 'params', 'metadata', 'deadline_ms', 'idempotent'];
const ANSWER = ['value', 'leading', 'trailing', 'error'];

/** The members that each verb may have. */
const VERBS: Record<string, readonly string[]> = {
  connect: ['client', 'path', 'protocol', 'token', 'deadline_ms', 'limits', 'reconnect', 'handlers', 'error'],
  close: ['client'],
  state: ['client', 'is', 'code', 'reason'],
  introspect: ['client', 'names'],
  describe: ['client', 'names'],
  call: [...REQUEST, ...ANSWER],
  start: ['as', ...REQUEST],
  answer: ['of', ...ANSWER],
  cancel: ['of'],
  notify: ['client', 'name', 'params'],
  batch: ['client', 'parts'],
  received: ['client', 'name', 'params'],
  stream: ['as', ...REQUEST],
  stream_in: ['as', 'metadata_first', ...REQUEST],
  both: ['as', 'metadata_first', ...REQUEST],
  send: ['to', 'item', 'items', 'error'],
  end: ['of'],
  finish: ['of', ...ANSWER],
  leading: ['of', 'metadata'],
  receive: ['from', 'item', 'items', 'count'],
  ended: ['of', 'trailing', 'error'],
  repeat: ['times', 'steps'],
  together: ['branches'],
};

/** The limits that a scenario may set, and what they are called here. */
const LIMITS: Record<string, keyof Limits> = {
  calls: 'calls',
  request: 'request',
  message: 'message',
  metadata_keys: 'metadataKeys',
  metadata_bytes: 'metadataBytes',
  stream_unread: 'streamUnread',
  unread: 'unread',
  serving: 'serving',
};

/** One scenario, played with one protocol. */
export class Round {
  readonly #clients = new Map<string, Connected>();
  readonly #begun = new Map<string, Begun>();
  readonly #streams = new Map<string, AnyStream>();

  constructor(
    private readonly address: string,
    private readonly protocol: string,
    private readonly run: string,
  ) {}

  async play(steps: unknown, place = 'steps', round?: number): Promise<void> {
    for (const [at, step] of (steps as Members[]).entries()) {
      const here = `${place}[${at}]`;
      try {
        await this.#step(step, here, { run: this.run, round });
      } catch (error) {
        if (error instanceof Placed) throw error;
        throw new Placed(`${here} (${String(step['do'])}): ${messageOf(error)}`);
      }
    }
  }

  /** Gives up everything that is left. */
  async clear(): Promise<void> {
    for (const { abort, answer } of this.#begun.values()) {
      answer.catch(() => {});
      abort.abort();
    }
    for (const stream of this.#streams.values()) stream.cancel();
    await Promise.allSettled([...this.#clients.values()].map(({ client }) => client.close()));
  }

  async #step(step: Members, place: string, scope: Scope): Promise<void> {
    const verb = String(step['do']);
    const allowed = VERBS[verb];
    if (allowed === undefined) throw new Unknown(`there is no verb ${verb}`);
    known(step, ['do', ...allowed]);
    const name = (member: string): string => text(String(step[member]), scope);
    switch (verb) {
      case 'connect':
        return this.#connect(step, scope);
      case 'close':
        return this.#client(step).client.close();
      case 'state':
        return reached(this.#client(step).client, step);
      case 'introspect':
        return listed(step, await this.#client(step).client.introspect());
      case 'describe':
        return listed(step, [...(await this.#client(step).client.describe()).procedures]);
      case 'call':
        return expectAnswer(step, this.#start(step, scope).answer, scope);
      case 'start':
        this.#begun.set(name('as'), this.#start(step, scope));
        return;
      case 'answer':
        return expectAnswer(step, take(this.#begun, name('of')).answer, scope);
      case 'cancel':
        return this.#cancel(name('of'));
      case 'notify':
        return this.#client(step).client.notify(name('name'), build(step['params'], scope));
      case 'batch':
        return this.#batch(step, scope);
      case 'received':
        return this.#received(step, scope);
      case 'stream':
      case 'stream_in':
      case 'both':
        this.#streams.set(name('as'), this.#open(verb, step, scope));
        return;
      case 'send':
        return send(this.#stream(name('to')) as Sender<unknown, unknown>, step, scope);
      case 'end':
        return (this.#stream(name('of')) as Duplex<unknown, unknown>).end();
      case 'finish': {
        const sender = this.#stream(name('of')) as Sender<unknown, unknown>;
        return expectAnswer(step, sender.finishWithMetadata(), scope);
      }
      case 'leading':
        return same(step['metadata'], await this.#stream(name('of')).leading(), scope, 'leading');
      case 'receive':
        return receive(this.#stream(name('from')) as Items<unknown>, step, scope);
      case 'ended':
        return ended(this.#stream(name('of')) as Items<unknown>, step, scope);
      case 'repeat':
        for (let round = 0; round < Number(step['times']); round++) {
          await this.play(step['steps'], `${place}.steps`, round);
        }
        return;
      default:
        await Promise.all(
          (step['branches'] as unknown[]).map((branch, at) =>
            this.play(branch, `${place}.branches[${at}]`, scope.round),
          ),
        );
    }
  }

  async #connect(step: Members, scope: Scope): Promise<void> {
    const name = String(step['client'] ?? 'main');
    const calls: Connected['calls'] = [];
    const waiters: Connected['waiters'] = [];
    const { token, deadline_ms, limits, reconnect, handlers, error } = step;
    const options: { -readonly [K in keyof ClientOptions]: ClientOptions[K] } = {};
    options.protocol = (step['protocol'] ?? this.protocol) as 'swill' | 'json-rpc';
    if (token !== undefined) options.token = text(token as string, scope);
    if (deadline_ms !== undefined) options.deadline = deadline_ms as number | null;
    if (limits !== undefined) options.limits = limitsOf(limits as Members);
    if (reconnect !== undefined) options.reconnect = reconnectOf(reconnect as false | Members);
    const client = new Client(options);
    for (const [handled, what] of Object.entries((handlers ?? {}) as Record<string, Members>)) {
      client.handle(handled, (params) => {
        calls.push({ name: handled, params });
        waiters.shift()?.();
        return handle(client, what, params, scope);
      });
    }
    const key = encodeURIComponent(`${this.run}.${name}`);
    const connecting = client.connect(`ws://${this.address}${String(step['path'] ?? '/ws')}?key=${key}`);
    if (error !== undefined) return expectError(error as Members, connecting, scope);
    this.#clients.set(name, { client, calls, waiters });
    await connecting;
  }

  #client(step: Members): Connected {
    const name = String(step['client'] ?? 'main');
    const connected = this.#clients.get(name);
    if (connected === undefined) throw new Unknown(`there is no client ${name}`);
    return connected;
  }

  #stream(name: string): AnyStream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw new Unknown(`there is no stream ${name}`);
    return stream;
  }

  #start(step: Members, scope: Scope): Begun {
    const abort = new AbortController();
    const { client } = this.#client(step);
    const options = { ...optionsOf(step, scope), signal: abort.signal };
    const answer = client.callWithMetadata(
      text(String(step['name']), scope),
      build(step['params'], scope),
      options,
    );
    // Who waits for it hears of its failure.
    answer.catch(() => {});
    return { answer, abort };
  }

  #open(verb: 'stream' | 'stream_in' | 'both', step: Members, scope: Scope): AnyStream {
    const { client } = this.#client(step);
    const name = text(String(step['name']), scope);
    const options = optionsOf(step, scope);
    if (verb === 'stream') return client.stream(name, build(step['params'], scope), options);
    const first =
      step['metadata_first'] === undefined ? {} : { metadataFirst: step['metadata_first'] as boolean };
    if (verb === 'stream_in') return client.streamIn(name, { ...options, ...first });
    return client.both(name, { ...options, ...first });
  }

  #cancel(name: string): void {
    if (this.#begun.has(name)) return take(this.#begun, name).abort.abort();
    take(this.#streams, name).cancel();
  }

  async #batch(step: Members, scope: Scope): Promise<void> {
    const batch = this.#client(step).client.batch();
    const parts = step['parts'] as Members[];
    for (const part of parts) {
      known(part, 'call' in part ? ['call', 'params', ...ANSWER] : ['notify', 'params']);
      const params = build(part['params'], scope);
      if ('call' in part) batch.call(text(String(part['call']), scope), params);
      else batch.notify(text(String(part['notify']), scope), params);
    }
    const results = await batch.settle();
    const calls = parts.filter((part) => 'call' in part);
    if (results.length !== calls.length)
      throw new Mismatch(`${results.length} answers to ${calls.length} calls`);
    for (const [at, part] of calls.entries()) {
      const result = results[at];
      const answer =
        result.status === 'fulfilled'
          ? Promise.resolve({ value: result.value, leading: {}, trailing: {} })
          : Promise.reject(result.reason as Error);
      await expectAnswer(part, answer, scope);
    }
  }

  async #received(step: Members, scope: Scope): Promise<void> {
    const { calls, waiters } = this.#client(step);
    while (calls.length === 0) await new Promise<void>((resolve) => waiters.push(resolve));
    const { name, params } = calls.shift() as Connected['calls'][number];
    if (name !== text(String(step['name']), scope)) throw new Mismatch(`${name} was called`);
    if (step['params'] !== undefined) same(step['params'], params, scope, 'params');
  }
}

/** A failure that knows its place. */
class Placed extends Error {}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function known(step: Members, allowed: readonly string[]): void {
  const unknown = Object.keys(step).find((member) => !allowed.includes(member));
  if (unknown !== undefined) throw new Unknown(`there is no member ${unknown}`);
}

function take<T>(map: Map<string, T>, name: string): T {
  const value = map.get(name);
  if (value === undefined) throw new Unknown(`there is nothing of the name ${name}`);
  map.delete(name);
  return value;
}

function optionsOf(step: Members, scope: Scope): Members {
  const options: Members = {};
  if (step['metadata'] !== undefined) options['metadata'] = build(step['metadata'], scope);
  if (step['deadline_ms'] !== undefined) options['deadline'] = step['deadline_ms'];
  if (step['idempotent'] !== undefined) options['idempotent'] = step['idempotent'];
  return options;
}

function limitsOf(written: Members): Partial<Limits> {
  known(written, Object.keys(LIMITS));
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [LIMITS[name], value]));
}

function reconnectOf(written: false | Members): ClientOptions['reconnect'] {
  if (written === false) return false;
  known(written, ['base_ms', 'cap_ms', 'attempts']);
  const { base_ms, cap_ms, attempts } = written as Record<string, number | undefined>;
  return {
    ...(base_ms !== undefined && { base: base_ms }),
    ...(cap_ms !== undefined && { cap: cap_ms }),
    ...(attempts !== undefined && { attempts }),
  };
}

function handle(client: Client, what: Members, params: unknown, scope: Scope): unknown {
  known(what, ['value', 'error', 'params', 'call', 'hang']);
  if ('value' in what) return build(what['value'], scope);
  if ('params' in what) return params;
  if ('hang' in what) return new Promise(() => {});
  if ('call' in what) {
    const { name, params: given } = what['call'] as Members;
    return client.call(text(String(name), scope), build(given, scope));
  }
  const { code, message, data } = build(what['error'], scope) as Members;
  throw new SwillError(code as number, message as string, { data });
}

function reached(client: Client, step: Members): Promise<void> {
  const wanted = [step['is']].flat().map(String);
  return new Promise((resolve, reject) => {
    const look = (state: State): boolean => {
      if (wanted.includes(state.kind)) {
        const { code, reason } = state as { code?: number; reason?: string };
        if (step['code'] !== undefined && code !== step['code'])
          reject(new Mismatch(`the code is ${code}: ${reason}`));
        const words = step['reason'] as string | undefined;
        if (words !== undefined && !reason?.includes(words)) reject(new Mismatch(`the reason is ${reason}`));
        resolve();
      } else if (state.kind === 'closed') {
        reject(new Mismatch(`it is closed: ${state.reason}`));
      } else {
        return false;
      }
      return true;
    };
    if (look(client.state)) return;
    const stop = client.onState((state) => {
      if (look(state)) stop();
    });
  });
}

function listed(step: Members, procedures: readonly { name: string }[]): void {
  const names = procedures.map(({ name }) => name);
  const missing = (step['names'] as string[]).filter((name) => !names.includes(name));
  if (missing.length > 0) throw new Mismatch(`there is no ${missing.join(', ')} among ${names.join(', ')}`);
}

async function expectAnswer(step: Members, answer: Promise<Response<unknown>>, scope: Scope): Promise<void> {
  if (step['error'] !== undefined) return expectError(step['error'] as Members, answer, scope);
  const { value, leading, trailing } = await answer;
  if ('value' in step) same(step['value'], value, scope, 'value');
  if ('leading' in step) same(step['leading'], leading, scope, 'leading');
  if ('trailing' in step) same(step['trailing'], trailing, scope, 'trailing');
}

async function expectError(expected: Members, outcome: Promise<unknown>, scope: Scope): Promise<void> {
  known(expected, ['code', 'message', 'data', 'outcome_unknown']);
  let value: unknown;
  try {
    value = await outcome;
  } catch (error) {
    if (!(error instanceof SwillError)) throw error;
    const { code, message, data, outcomeUnknown } = error;
    const said = `${code} ${message}`;
    if (code !== expected['code']) throw new Mismatch(`the code is not ${show(expected['code'])}: ${said}`);
    const words = text(String(expected['message'] ?? ''), scope);
    if (!message.includes(words)) throw new Mismatch(`the message has no ${show(words)} in it: ${said}`);
    // No data is as good as null.
    if ('data' in expected) same(expected['data'], data ?? null, scope, 'data');
    if (outcomeUnknown !== (expected['outcome_unknown'] ?? false)) {
      throw new Mismatch(`outcomeUnknown is ${outcomeUnknown}: ${said}`);
    }
    return;
  }
  throw new Mismatch(`it did not fail: ${show(value)}`);
}

function same(expected: unknown, actual: unknown, scope: Scope, what: string): void {
  const difference = differs(expected, actual, scope, what);
  if (difference !== undefined) throw new Mismatch(difference);
}

async function send(sender: Sender<unknown, unknown>, step: Members, scope: Scope): Promise<void> {
  const items = ('items' in step ? build(step['items'], scope) : [build(step['item'], scope)]) as unknown[];
  for (const [at, item] of items.entries()) {
    const sent = sender.send(item);
    if (at === items.length - 1 && step['error'] !== undefined) {
      return expectError(step['error'] as Members, sent, scope);
    }
    await sent;
  }
}

async function receive(items: Items<unknown>, step: Members, scope: Scope): Promise<void> {
  const range = (step['items'] ?? [step['item']]) as unknown;
  const expected = (Array.isArray(range) ? range : build(range, scope)) as unknown[];
  const count = (step['count'] as number | undefined) ?? expected.length;
  for (let at = 0; at < count; at++) {
    const next = await items.next();
    if (next.done === true) throw new Mismatch(`the stream has ended before item ${at}`);
    if (step['count'] === undefined) same(expected[at], next.value, scope, `item ${at}`);
  }
}

async function ended(items: Items<unknown>, step: Members, scope: Scope): Promise<void> {
  if (step['error'] !== undefined) return expectError(step['error'] as Members, items.next(), scope);
  const next = await items.next();
  if (next.done !== true) throw new Mismatch(`there is another item: ${show(next.value)}`);
  if ('trailing' in step) same(step['trailing'], items.trailing, scope, 'trailing');
}
