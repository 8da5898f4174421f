// What the compiler has to know of a typed client. The lines that are marked have to be errors, or this does not compile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, type Items, type Procedures, type Response, type Sender } from '../src/index.js';

interface Point {
  x: number;
  y?: number;
}

/** As it is generated: an interface without an index signature. */
interface Api {
  add: { shape: 'single'; params: [a: number, b: number]; result: number };
  move: { shape: 'single'; params: Point; result: Point };
  now: { shape: 'single'; result: string };
  find: { shape: 'single'; params: string | undefined; result: Point[] };
  count: { shape: 'stream'; params: number; result: number };
  total: { shape: 'streamIn'; item: number; result: string };
  multiply: { shape: 'both'; item: number; result: bigint };
}

/** Whether two types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

function is<T extends true>(): T {
  return true as T;
}

// Never called: that it compiles is the test.
export async function typed(client: Client<Api>): Promise<void> {
  const sum = await client.call('add', [1, 2]);
  is<Same<typeof sum, number>>();
  const moved = await client.callWithMetadata('move', { x: 1 }, { deadline: 5, metadata: { a: 1 } });
  is<Same<typeof moved, Response<Point>>>();
  is<Same<Awaited<ReturnType<typeof now>>, string>>();
  const now = (): Promise<string> => client.call('now');
  await client.call('now', undefined, { idempotent: true });
  await client.call('find');
  await client.call('find', 'here');
  const numbers = client.stream('count', 3);
  is<Same<typeof numbers, Items<number>>>();
  const sender = client.streamIn('total');
  is<Same<typeof sender, Sender<number, string>>>();
  const products = client.both('multiply', { metadata: {} });
  await products.send(2);
  for await (const product of products) is<Same<typeof product, bigint>>();

  // @ts-expect-error -- there is no such procedure
  await client.call('subtract', [1, 2]);
  // @ts-expect-error -- it streams
  await client.call('count', 3);
  // @ts-expect-error -- it answers once
  client.stream('add', [1, 2]);
  // @ts-expect-error -- parameters are missing
  await client.call('add');
  // @ts-expect-error -- there is one too many
  await client.call('add', [1, 2, 3]);
  // @ts-expect-error -- they are of another type
  await client.call('move', { x: '1' });
  // @ts-expect-error -- it takes none
  await client.call('now', 1);
  // @ts-expect-error -- items are numbers
  await sender.send('1');
  // @ts-expect-error -- there is no such option
  await client.call('now', undefined, { timeout: 1 });
}

export async function untyped(client: Client): Promise<void> {
  const anything = await client.call('whatever', { at: [1] });
  is<Same<typeof anything, unknown>>();
  const sum = await client.call<number>('add', [1, 2]);
  is<Same<typeof sum, number>>();
  const numbers = client.stream<number>('count', 3);
  is<Same<typeof numbers, Items<number>>>();
  const sender = client.streamIn<number, string>('total');
  is<Same<typeof sender, Sender<number, string>>>();
  await using closing = client;
  closing.onState((state) => {
    if (state.kind === 'waiting') is<Same<typeof state.nextAttemptAt, number>>();
    // @ts-expect-error -- only those that wait have one
    console.log(state.nextAttemptAt);
  });
}

export function constrained(): void {
  // A type with an index signature is as good as an interface.
  new Client<Procedures>();
  // @ts-expect-error -- a procedure has a shape
  new Client<{ add: { result: number } }>();
}

test('a typed client is made like any other', () => {
  const client = new Client<Api>();
  assert.ok(client instanceof Client);
  assert.deepEqual(client.state, { kind: 'idle' });
});
