// Calls `add` ten times a second with the TypeScript client, and says how each call ended: `ok`, or `error` and why.
// `SWILL_TYPESCRIPT` says where the built client is.

import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const { Client } = await import(pathToFileURL(process.env.SWILL_TYPESCRIPT).href);
const client = new Client();
await client.connect(process.argv[2], { lazy: true });
for (;;) {
  try {
    const sum = await client.call('add', [2, 3], { deadline: 2000 });
    console.log(sum === 5 ? 'ok' : `error 2 + 3 is ${sum}`);
  } catch (error) {
    console.log(`error ${error.code}: ${error.message}`);
  }
  await sleep(100);
}
