import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json } from '../src/json/value.ts';
import { Schemas } from '../src/schema/schemas.ts';
import { frame } from '../src/snippets/frame.ts';
import { python } from '../src/snippets/python.ts';
import { rust } from '../src/snippets/rust.ts';
import { shell } from '../src/snippets/shell.ts';
import { type Snippet, snippetOf } from '../src/snippets/snippet.ts';
import { typescript } from '../src/snippets/typescript.ts';
import type { Procedure, Schema } from '../src/spec.ts';

const INTEGER: Schema = { type: 'integer', format: 'int64' };
const BYTES: Schema = { type: 'string', contentEncoding: 'base64' };
const procedure = (name: string, more: Partial<Procedure>): Procedure => ({
  name,
  streams_in: false,
  streams_out: false,
  parameters: [],
  result: INTEGER,
  ...more,
});
const ADD = procedure('add', {
  parameters: [
    { name: 'a', required: true, schema: INTEGER },
    { name: 'b', required: true, schema: INTEGER },
  ],
});
const COUNT = procedure('count', {
  streams_out: true,
  parameters: [{ name: 'to', required: true, schema: INTEGER }],
});
const TOTAL = procedure('total', { streams_in: true, items: { name: 'numbers', schema: INTEGER } });
const BOTH = procedure('multiply', {
  streams_in: true,
  streams_out: true,
  items: { name: 'numbers', schema: INTEGER },
});
const HASH = procedure('hash', {
  parameters: [{ name: 'data', required: true, schema: BYTES }],
  result: BYTES,
});
const ORDER = procedure('order', {
  parameters: [{ name: 'order', required: true, schema: true }],
  result: { type: 'object', properties: { n: INTEGER } },
});

function snippet(it: Procedure, value: Json, more: Partial<Snippet> = {}): Snippet {
  return snippetOf({
    schemas: new Schemas(),
    procedure: it,
    address: 'ws://h/ws',
    protocol: 'swill',
    hasToken: false,
    value,
    metadata: undefined,
    deadline: undefined,
    idempotent: false,
    ...more,
  });
}

/** The lines of a program that are about the call itself. */
function body(program: string): string[] {
  const noise =
    /^(import |use |const client|await client\.c|\s*let client|\s*client\.close|\s*Ok\(|async (fn|def) main|\s*async with swill\.connect|asyncio\.run|#\[|\}?$)/;
  return program
    .split('\n')
    .map(line => line.trim())
    .filter(line => !noise.test(line));
}

test('all shapes in TypeScript', () => {
  assert.equal(
    typescript(snippet(ADD, { a: 1, b: 2 })),
    `import { Client } from '@swill/client';

const client = new Client();
await client.connect('ws://h/ws');

console.log(await client.call('add', [1, 2]));

await client.close();`,
  );
  assert.deepEqual(body(typescript(snippet(COUNT, { to: 3 }))), [
    `for await (const item of client.stream('count', 3)) {`,
    'console.log(item);',
  ]);
  assert.deepEqual(body(typescript(snippet(TOTAL, 7))), [
    `const items = client.streamIn('total');`,
    'await items.send(7);',
    'console.log(await items.finish());',
  ]);
  assert.deepEqual(body(typescript(snippet(BOTH, 7))), [
    `const call = client.both('multiply');`,
    'await call.send(7);',
    'await call.end();',
    'for await (const item of call) {',
    'console.log(item);',
  ]);
});

test('all shapes in Python', () => {
  assert.equal(
    python(snippet(ADD, { a: 1, b: 2 })),
    `import asyncio

import swill


async def main():
    async with swill.connect("ws://h/ws") as client:
        print(await client.call("add", [1, 2]))


asyncio.run(main())`,
  );
  assert.deepEqual(body(python(snippet(COUNT, { to: 3 }))), [
    'async for item in client.stream("count", 3):',
    'print(item)',
  ]);
  assert.deepEqual(body(python(snippet(TOTAL, 7))), [
    'async with client.stream_in("total") as items:',
    'await items.send(7)',
    'print(await items.finish())',
  ]);
  assert.deepEqual(body(python(snippet(BOTH, 7))), [
    'async with client.both("multiply") as call:',
    'await call.send(7)',
    'await call.end()',
    'async for item in call:',
    'print(item)',
  ]);
});

test('all shapes in Rust', () => {
  assert.equal(
    rust(snippet(ADD, { a: 1, b: 2 })),
    `use swill_client::Client;

#[tokio::main]
async fn main() -> swill_client::Result<()> {
    let client = Client::connect("ws://h/ws").await?;
    let answer: i64 = client.call("add", (1, 2)).await?;
    println!("{answer:?}");
    client.close().await;
    Ok(())
}`,
  );
  assert.deepEqual(body(rust(snippet(COUNT, { to: 3 }))), [
    'let mut items = client.stream::<i64>("count", 3).await?;',
    'while let Some(item) = items.next().await {',
    'println!("{:?}", item?);',
  ]);
  assert.deepEqual(body(rust(snippet(TOTAL, 7))), [
    'let mut items = client.request("total").stream_in::<i64, i64>().await?;',
    'items.send(7).await?;',
    'println!("{:?}", items.finish().await?);',
  ]);
  assert.deepEqual(body(rust(snippet(BOTH, 7))), [
    'let (mut sender, mut items) = client.request("multiply").both::<i64, i64>().await?;',
    'sender.send(7).await?;',
    'sender.finish().await?;',
    'while let Some(item) = items.next().await {',
    'println!("{:?}", item?);',
  ]);
});

test('lines for the shell', () => {
  const table: [Snippet, string][] = [
    [snippet(ADD, { a: 1, b: 2 }), `swill call ws://h/ws add '[1,2]'`],
    [snippet(COUNT, { to: 3 }), 'swill call ws://h/ws count 3'],
    [snippet(TOTAL, 7), 'swill call ws://h/ws total 7'],
    [
      snippet(ORDER, { order: { name: `it's "ü"` } }),
      `swill call ws://h/ws order '{"name":"it'\\''s \\"ü\\""}'`,
    ],
    [
      snippet(ADD, { a: 1, b: 2 }, { protocol: 'json-rpc', hasToken: true }),
      `swill call ws://h/ws add '[1,2]' --protocol json-rpc --token "$SWILL_TOKEN"`,
    ],
    [snippet(COUNT, { to: 3 }, { protocol: 'json-rpc' }), 'swill call ws://h/ws count 3 --protocol json-rpc'],
    [
      snippet(ADD, { a: 1, b: 2 }, { metadata: { language: 'fr', level: 3 }, deadline: 500 }),
      `swill call ws://h/ws add '[1,2]' --metadata language=fr --metadata level:=3 --deadline 500ms`,
    ],
    [snippet(ADD, { a: 1, b: 2 }, { deadline: null }), `swill call ws://h/ws add '[1,2]' --deadline none`],
  ];
  for (const [it, line] of table) assert.equal(shell(it), line);
});

test('messages as they go over the wire', () => {
  const table: [Snippet, string][] = [
    [snippet(ADD, { a: 1, b: 2 }), '93 01 92 01 02 a3 61 64 64'],
    [snippet(ADD, { a: 1, b: 2 }, { metadata: { l: 'f' } }), '95 01 92 01 02 a3 61 64 64 00 81 a1 6c a1 66'],
    [
      snippet(TOTAL, 7),
      '# open\n94 01 c0 a5 74 6f 74 61 6c 02\n# an item\n93 01 07 a5 74 6f 74 61 6c\n# the end\n94 01 c0 a5 74 6f 74 61 6c 01',
    ],
    [snippet(HASH, { data: 'aGk=' }), '93 01 c4 02 68 69 a4 68 61 73 68'],
    [
      snippet(ADD, { a: 1, b: 9007199254740993n }, { protocol: 'json-rpc' }),
      '{"jsonrpc":"2.0","method":"add","params":{"a":1,"b":9007199254740993},"id":1}',
    ],
    [snippet(TOTAL, 7, { protocol: 'json-rpc' }), '# JSON-RPC has no streams in'],
  ];
  for (const [it, text] of table) assert.equal(frame(it), text);
});

test('what is said beside the parameters', () => {
  const it = snippet(ADD, { a: 1, b: 2 }, { metadata: { 'a-b': [1] }, deadline: 1500, idempotent: true });
  assert.deepEqual(body(typescript(it)), [
    `console.log(await client.call('add', [1, 2], { metadata: { 'a-b': [1] }, deadline: 1500, idempotent: true }));`,
  ]);
  assert.deepEqual(body(python(it)), [
    'print(await client.call("add", [1, 2], metadata={"a-b": [1]}, deadline=1.5, idempotent=True))',
  ]);
  assert.ok(
    rust(it).includes(
      'client.request("add").metadata([("a-b", Value::List(vec![Value::from(1_i64)]))]).deadline(Duration::from_millis(1500)).idempotent().call((1, 2))',
    ),
  );
  assert.ok(rust(it).startsWith('use swill_client::{Client, Value};\nuse std::time::Duration;'));
});

test('values as languages write them', () => {
  const big = snippet(ADD, { a: -9223372036854775808n, b: 18446744073709551615n });
  assert.ok(typescript(big).includes('[-9223372036854775808n, 18446744073709551615n]'));
  assert.ok(python(big).includes('[-9223372036854775808, 18446744073709551615]'));
  assert.ok(rust(big).includes('(-9223372036854775808_i64, 18446744073709551615_u64)'));
  const bytes = snippet(HASH, { data: 'aGkiAA==' });
  assert.ok(typescript(bytes).includes(`client.call('hash', Uint8Array.of(104, 105, 34, 0))`));
  assert.ok(python(bytes).includes('client.call("hash", b"hi\\"\\x00")'));
  assert.ok(
    rust(bytes).includes('let answer: Bytes = client.call("hash", Bytes::from(b"hi\\"\\x00".to_vec()))'),
  );
  const order = snippet(ORDER, { order: { text: `'"\n`, no: null, yes: true, list: [] } });
  assert.ok(typescript(order).includes(`{ text: '\\'"\\n', no: null, yes: true, list: [] }`));
  assert.ok(python(order).includes(`{"text": "'\\"\\n", "no": None, "yes": True, "list": []}`));
  assert.ok(
    rust(order).includes(`serde_json::json!({ "text": "'\\"\\n", "no": null, "yes": true, "list": [] })`),
  );
  assert.ok(rust(order).includes('let answer: Value'));
});

test('a token is never written', () => {
  const it = snippet(ADD, { a: 1, b: 2 }, { hasToken: true });
  assert.ok(typescript(it).includes('new Client({ token: process.env.SWILL_TOKEN })'));
  assert.ok(python(it).includes('token=os.environ["SWILL_TOKEN"]') && python(it).includes('import os\n'));
  assert.ok(rust(it).includes('.bearer(&std::env::var("SWILL_TOKEN").unwrap_or_default())'));
});
