// TLS, with a certificate that is made for the occasion, so that none in the repository can expire.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { WebSocketServer, type RawData } from 'ws';
import { Client } from '../src/index.js';
import { folder } from './programs.js';

const place = folder();
const key = join(place, 'key.pem');
const certificate = join(place, 'certificate.pem');
const made = spawnSync('openssl', [
  ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
  ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ...['-keyout', key, '-out', certificate],
]);
const skip = made.status === 0 ? false : 'there is no openssl to make a certificate with';

test('a server with a certificate that is trusted is called over TLS, and no other', { skip }, async () => {
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) });
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) =>
    socket.on('message', (data: RawData) => {
      const { id, params } = JSON.parse((data as Buffer).toString()) as { id: number; params: unknown };
      socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: params }));
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  for (const host of ['localhost', '127.0.0.1']) {
    await using client = new Client({ protocol: 'json-rpc', tls: { ca: readFileSync(certificate) } });
    await client.connect(`wss://${host}:${port}/`);
    // More than a socket takes at once.
    const item = 'x'.repeat(300_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.call('echo', [item])));
    assert.ok(answers.every((answer) => (answer as string[])[0] === item));
  }
  const stranger = new Client({ protocol: 'json-rpc' });
  await assert.rejects(stranger.connect(`wss://localhost:${port}/`), { code: 503, message: /self-signed/ });
  sockets.close();
  server.close();
});
