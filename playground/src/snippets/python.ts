/** A call in Python, with the package `swill`. */

import { linesOf, type Snippet, type Writer, written } from './snippet.ts';

const WRITER: Writer = {
  null: 'None',
  true: 'True',
  false: 'False',
  list: ['[', ']'],
  map: ['{', '}'],
  number: value => (typeof value === 'bigint' ? String(value) : JSON.stringify(value)),
  text: quoted,
  bytes: value => `b"${Array.from(value, byte).join('')}"`,
  member: (name, value) => `${quoted(name)}: ${value}`,
  numbered: pairs => `{${pairs.map(pair => pair.join(': ')).join(', ')}}`,
};

/** The program. */
export function python(it: Snippet): string {
  const options = [
    quoted(it.address),
    it.protocol === 'json-rpc' && 'protocol="json-rpc"',
    it.hasToken && 'token=os.environ["SWILL_TOKEN"]',
  ].filter(Boolean);
  const given = [
    it.metadata && `metadata=${written(WRITER, it.metadata, '        ')}`,
    it.deadline !== undefined && `deadline=${it.deadline === null ? 'None' : it.deadline / 1000}`,
    it.idempotent && 'idempotent=True',
  ].filter(Boolean);
  const name = quoted(it.procedure.name);
  const takes = [
    name,
    it.params === undefined ? undefined : written(WRITER, it.params, '        '),
    ...given,
  ];
  const call = (parts: unknown[]) => parts.filter(part => part !== undefined).join(', ');
  return linesOf(
    'import asyncio',
    it.hasToken && 'import os',
    '',
    'import swill',
    '',
    '',
    'async def main():',
    `    async with swill.connect(${options.join(', ')}) as client:`,
    body(it, call(takes), call([name, ...given])).replace(/^(?=.)/gm, '        '),
    '',
    '',
    'asyncio.run(main())',
  );
}

function body(it: Snippet, takes: string, opens: string): string {
  const item = written(WRITER, it.item, '            ');
  switch (it.shape) {
    case 'single':
      return `print(await client.call(${takes}))`;
    case 'stream':
      return linesOf(`async for item in client.stream(${takes}):`, '    print(item)');
    case 'streamIn':
      return linesOf(
        `async with client.stream_in(${opens}) as items:`,
        `    await items.send(${item})`,
        '    print(await items.finish())',
      );
    case 'both':
      return linesOf(
        `async with client.both(${opens}) as call:`,
        `    await call.send(${item})`,
        '    await call.end()',
        '    async for item in call:',
        '        print(item)',
      );
  }
}

function byte(value: number): string {
  if (value === 0x22 || value === 0x5c) return `\\${String.fromCharCode(value)}`;
  return value >= 0x20 && value < 0x7f
    ? String.fromCharCode(value)
    : `\\x${value.toString(16).padStart(2, '0')}`;
}

/** JSON's escapes are Python's as well, but for halves of pairs. */
function quoted(text: string): string {
  return JSON.stringify(text);
}
