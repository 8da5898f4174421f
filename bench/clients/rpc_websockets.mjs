// Calls `add` with the client of rpc-websockets. See README.md.
import { once } from 'node:events';
import { Client } from 'rpc-websockets';
import { measure, url } from './measure.mjs';

const client = new Client(url, { reconnect: false });
await once(client, 'open');
await measure('rpc-websockets', (a, b) => client.call('add', [a, b]));
client.close();
