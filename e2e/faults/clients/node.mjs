// The driver of the TypeScript client in Node. `SWILL_TYPESCRIPT` says where the built client is.

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { driver } from './commands.mjs';

const [url, protocol, options] = process.argv.slice(2);
const swill = await import(pathToFileURL(process.env.SWILL_TYPESCRIPT).href);
const tell = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
process.stdout.on('error', () => process.exit(0));

const { connected, obey, close } = driver(swill, { url, protocol, options: JSON.parse(options) }, tell);
await connected;
for await (const line of createInterface({ input: process.stdin })) void obey(JSON.parse(line));
await close();
