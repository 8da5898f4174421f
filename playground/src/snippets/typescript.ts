/** A call in TypeScript, with `@swill/client`. */

import { base64 } from '../json/bytes.ts';
import { linesOf, type Snippet, type Writer, written } from './snippet.ts';

const WRITER: Writer = {
  null: 'null',
  true: 'true',
  false: 'false',
  list: ['[', ']'],
  map: ['{ ', ' }'],
  number: value => (typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)),
  text: quoted,
  bytes: value =>
    value.length <= 16
      ? `Uint8Array.of(${value.join(', ')})`
      : `Uint8Array.from(atob(${quoted(base64(value))}), byte => byte.charCodeAt(0))`,
  member: (name, value) => `${/^[A-Za-z_$][\w$]*$/.test(name) ? name : quoted(name)}: ${value}`,
  numbered: pairs => `new Map([${pairs.map(pair => `[${pair.join(', ')}]`).join(', ')}])`,
};

/** The program. */
export function typescript(it: Snippet): string {
  const options = [
    it.protocol === 'json-rpc' && `protocol: 'json-rpc'`,
    it.hasToken && 'token: process.env.SWILL_TOKEN',
  ].filter(Boolean);
  const given = [
    it.metadata && `metadata: ${written(WRITER, it.metadata)}`,
    it.deadline !== undefined && `deadline: ${it.deadline}`,
    it.idempotent && 'idempotent: true',
  ].filter(Boolean);
  const more = given.length > 0 ? `{ ${given.join(', ')} }` : undefined;
  const name = quoted(it.procedure.name);
  const params = it.params === undefined ? undefined : written(WRITER, it.params);
  const takes = [name, params ?? (more ? 'undefined' : undefined), more]
    .filter(part => part !== undefined)
    .join(', ');
  const opens = [name, more].filter(part => part !== undefined).join(', ');
  return linesOf(
    `import { Client } from '@swill/client';`,
    '',
    `const client = new Client(${options.length > 0 ? `{ ${options.join(', ')} }` : ''});`,
    `await client.connect(${quoted(it.address)});`,
    '',
    body(it, takes, opens),
    '',
    'await client.close();',
  );
}

function body(it: Snippet, takes: string, opens: string): string {
  const item = written(WRITER, it.item);
  switch (it.shape) {
    case 'single':
      return `console.log(await client.call(${takes}));`;
    case 'stream':
      return linesOf(`for await (const item of client.stream(${takes})) {`, '  console.log(item);', '}');
    case 'streamIn':
      return linesOf(
        `const items = client.streamIn(${opens});`,
        `await items.send(${item});`,
        'console.log(await items.finish());',
      );
    case 'both':
      return linesOf(
        `const call = client.both(${opens});`,
        `await call.send(${item});`,
        'await call.end();',
        'for await (const item of call) {',
        '  console.log(item);',
        '}',
      );
  }
}

function quoted(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inner.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')}'`;
}
