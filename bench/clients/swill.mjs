// Calls `add` with Swill's own client. See README.md.
import { Client } from '@swill/client';
import { measure, url } from './measure.mjs';

const client = new Client();
await client.connect(url);
await measure('swill-typescript', (a, b) => client.call('add', [a, b]));
await client.close();
