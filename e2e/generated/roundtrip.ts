/**
 * Sends values of every type through the generated client, and looks at what comes back.
 *
 * Usage: node roundtrip.js ws://ADDRESS/ws values.json
 */

import { readFileSync } from 'node:fs';
import { Client, SwillError } from '@swill/client';
import {
  CONTRACT,
  isClosedError,
  isClosedUntilError,
  isFarError,
  isTakenError,
  isUnknownError,
  Kinds,
  toMap,
  type Adjacent,
  type Api,
  type External,
  type Int64,
  type IntMap,
  type Internal,
  type Settings,
  type Term,
  type Untagged,
} from './kinds.js';

interface Case {
  procedure: string;
  value: unknown;
  answer?: unknown;
}

const [url = '', values = ''] = process.argv.slice(2);
let failed = 0;

function report(name: string, problem?: unknown): void {
  if (problem === undefined) {
    console.log(`ok   ${name}`);
  } else {
    failed += 1;
    console.log(`FAIL ${name}: ${problem instanceof Error ? problem.message : String(problem)}`);
  }
}

async function check(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
    report(name);
  } catch (error) {
    report(name, error);
  }
}

/** Makes a value of what stands for it in the file. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  if (typeof object.$bytes === 'string') return new Uint8Array(Buffer.from(object.$bytes, 'base64'));
  if (typeof object.$int === 'string') {
    const exact = BigInt(object.$int);
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }
  if (Array.isArray(object.$map)) {
    return new Map((object.$map as [unknown, unknown][]).map(([key, it]) => [key, revive(it)]));
  }
  if (object.$unit === true) return [];
  return Object.fromEntries(Object.entries(object).map(([key, it]) => [key, revive(it)]));
}

/** A text that is the same for values that are the same. */
function shown(value: unknown): string {
  if (value === undefined) return 'undefined';
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Map) return `map ${[...value].map(([key, it]) => `${shown(key)}: ${shown(it)}`).join(', ')}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).filter(([, it]) => it !== undefined);
    members.sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${members.map(([key, it]) => `${JSON.stringify(key)}: ${shown(it)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function same(got: unknown, wanted: unknown): void {
  if (shown(got) !== shown(wanted)) throw new Error(`${shown(got)} instead of ${shown(wanted)}`);
}

/** Calls a method of the generated client by the name of its procedure. */
function call(api: Kinds, procedure: string, value: unknown): Promise<unknown> {
  const names = procedure.split('.').map((part) => part.replace(/[-_](\w)/g, (_, it: string) => it.toUpperCase()));
  let target = api as unknown as Record<string, unknown>;
  for (const name of names.slice(0, -1)) target = target[name] as Record<string, unknown>;
  const last = names.at(-1) ?? '';
  const method = target[['constructor', 'client'].includes(last) ? `${last}_` : last];
  return (method as (value: unknown) => Promise<unknown>).call(target, value);
}

async function echoes(api: Kinds): Promise<void> {
  for (const [at, one] of (JSON.parse(readFileSync(values, 'utf8')) as Case[]).entries()) {
    const value = revive(one.value);
    const wanted = 'answer' in one ? revive(one.answer) : value;
    await check(`${one.procedure} #${at}`, async () => {
      const answer = await call(api, one.procedure, value);
      same(wanted instanceof Map ? toMap(answer as IntMap<unknown>) : answer, wanted);
    });
  }
}

/** What the compiler has to accept: a value of each form, written down. */
async function typed(api: Kinds): Promise<void> {
  const externals: External[] = ['Empty', { Text: 'a' }, { Pair: [1, 'b'] }, { Rectangle: { width: 1, height: 2 } }];
  const internals: Internal[] = [{ type: 'started' }, { type: 'progress', percent: 1 }, { type: 'moved_to', x: 1, y: 2 }];
  const adjacents: Adjacent[] = [{ kind: 'Ping' }, { kind: 'Position', data: [1, 2] }];
  const untagged: Untagged[] = [true, 2n ** 62n, { x: 1, y: 2 }, ['a'], null];
  const term: Term = { op: 'negate', term: { op: 'number', value: 1 } };
  const settings: Settings = { name: 'a', retries: 2 };
  await check('typed values', async () => {
    for (const it of externals) same(await api.enums.external(it), it);
    for (const it of internals) same(await api.enums.internal(it), it);
    for (const it of adjacents) same(await api.enums.adjacent(it), it);
    for (const it of untagged) same(await api.enums.untagged(it), it);
    same(await api.enums.term(term), term);
    const back = await api.structs.settings(settings);
    const retries: number = back.retries;
    same([retries, back.enabled, back.tags], [2, false, []]);
  });
}

async function shapes(api: Kinds): Promise<void> {
  await check('several parameters', async () => same(await api.streams.add(2n ** 53n, 1), 2n ** 53n + 1n));
  await check('parameters that are left out', async () => {
    same(await api.streams.greet({ name: 'ann' }), 'hello ann');
    same(await api.streams.greet({ name: 'ann', language: 'fr', times: 2 }), 'bonjour ann, bonjour ann');
    same(await api.streams.double(), 42);
    same(await api.streams.double(4), 8);
    await api.streams.ping();
  });
  await check('a stream out', async () => {
    const numbers: Int64[] = [];
    for await (const number of api.streams.count(2n ** 64n - 2n, 2)) numbers.push(number);
    same(numbers, [2n ** 64n - 2n, 2n ** 64n - 1n]);
  });
  await check('a stream in', async () => {
    const sender = api.streams.total();
    for (const number of [1, -2, 2n ** 60n]) await sender.send(number);
    same(await sender.finish(), 2n ** 60n - 1n);
  });
  await check('a stream in both directions', async () => {
    const pieces = api.streams.mirror();
    await pieces.send(new Uint8Array([0, 255]));
    await pieces.send(new Uint8Array());
    await pieces.end();
    const back: Uint8Array[] = [];
    for await (const piece of pieces) back.push(piece);
    same(back, [new Uint8Array([0, 255]), new Uint8Array()]);
  });
  await check('reserved names', async () => same(await api.class.lambda(1, 2, 3), 6));
}

async function failures(api: Kinds): Promise<void> {
  const caught = async (name: string): Promise<unknown> =>
    api.faults.fail(name).then((it) => Promise.reject(new Error(`answered ${it}`)), (error: unknown) => error);
  await check('typed errors', async () => {
    const unknown = await caught('unknown');
    if (!isUnknownError(unknown)) throw new Error('not an UnknownError');
    const name: string = unknown.data.name;
    same(name, 'unknown');
    const taken = await caught('taken');
    if (!isTakenError(taken)) throw new Error('not a TakenError');
    same(taken.data, 2n ** 64n - 1n);
    const far = await caught('far');
    if (!isFarError(far)) throw new Error('not a FarError');
    same(far.data, [-(2n ** 63n), 1]);
    const until = await caught('until');
    if (!isClosedUntilError(until) || isClosedError(until)) throw new Error('not a ClosedUntilError');
    same(until.data, { hour: 8, place: { at: [1.5, -2.5], name: null } });
    const closed = await caught('closed');
    if (!isClosedError(closed) || isClosedUntilError(closed)) throw new Error('not a ClosedError');
  });
  await check('a typed error of a stream', async () => {
    const got: unknown[] = [];
    try {
      for await (const number of api.faults.failAfter(2, 'closed')) got.push(number);
    } catch (error) {
      got.push(isClosedError(error));
    }
    same(got, [0, 1, true]);
  });
  await check('an error that is not announced', async () => {
    const error = await api.faults.surprise({ x: 0, y: 0 }).catch((it: unknown) => it);
    if (!(error instanceof SwillError) || isUnknownError(error)) throw new Error('another error');
    same([error.code, error.data], [418, 'short and stout']);
  });
}

async function main(): Promise<void> {
  const client = new Client<Api>();
  await client.connect(url);
  const api = new Kinds(client);
  await echoes(api);
  await typed(api);
  await shapes(api);
  await failures(api);
  await check('a client that knows the types', async () => {
    const sum: Int64 = await client.call('streams.add', [1, 2]);
    same(sum, 3);
  });
  await check('nothing has changed', async () => same([CONTRACT.length, await api.check()], [16, undefined]));
  await client.close();

  // In JSON-RPC a single parameter is in a list, also if it is an object or a list itself.
  const rpc = new Client({ protocol: 'json-rpc' });
  await rpc.connect(url);
  const other = new Kinds(rpc);
  await check('JSON-RPC', async () => {
    same(await other.structs.point({ x: 1, y: 2 }), { x: 1, y: 2 });
    same(await other.containers.list([1, 2]), [1, 2]);
    same(await other.streams.double(), 42);
    const error = await other.faults.fail('unknown').catch((it: unknown) => it);
    if (!isUnknownError(error)) throw new Error('not an UnknownError');
    same(error.code, -32044);
  });
  await rpc.close();
  console.log(`${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

await main();
