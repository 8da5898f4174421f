// What servers do to the socket of Node that those of the examples do not.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { Client } from '../src/index.js';

/** A server that agrees to speak `swill.1`, and leaves the rest to a test. It reads only when told to. */
async function agreeing(
  then: (socket: Socket) => void,
): Promise<{ address: string; [Symbol.dispose](): void }> {
  const sockets = new Set<Socket>();
  const listener = createServer({ allowHalfOpen: true, highWaterMark: 1024 }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('readable', () => {
      const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(String(socket.read()))?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Protocol: swill.1\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      then(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    address: `ws://127.0.0.1:${(listener.address() as AddressInfo).port}/`,
    [Symbol.dispose]() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

const LARGE = new Uint8Array(16 << 20);

test('a server that takes a large message slowly is waited for', async () => {
  using server = await agreeing((socket) => {
    socket.on('readable', () => {});
    let taken = 0;
    const sipping = setInterval(() => {
      taken += (socket.read() as Buffer | null)?.length ?? 0;
      if (taken > LARGE.length) socket.write(new Uint8Array([0x82, 6, 0x95, 1, 7, 0, 0xc0, 0xc0]));
    }, 3);
    socket.on('close', () => clearInterval(sipping));
  });
  await using client = new Client({ limits: { request: 64 << 20, writeStall: 1000 }, reconnect: false });
  await client.connect(server.address);
  assert.equal(await client.call('slow', LARGE), 7);
});

test('a server that takes nothing is given up', async () => {
  using server = await agreeing(() => {});
  await using client = new Client({ limits: { request: 64 << 20, writeStall: 50 }, reconnect: false });
  await client.connect(server.address);
  await assert.rejects(client.call('stuck', LARGE), { code: 503, message: /took nothing/ });
});

test('a server that hangs up is gone, whatever waits to be sent', async () => {
  using server = await agreeing((socket) => socket.once('readable', () => socket.end()));
  await using client = new Client({ limits: { request: 64 << 20 }, reconnect: false });
  await client.connect(server.address);
  await assert.rejects(client.call('large', LARGE), { code: 503, outcomeUnknown: true });
});
