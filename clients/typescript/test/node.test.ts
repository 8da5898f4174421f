// What scenarios cannot say, against the real server, in Node.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { WebSocket, WebSocketServer } from 'ws';
import type { SwillError } from '../src/index.js';
import { Client, decodeFrame, type DecodedFrame, type WebSocketConstructor } from '../src/index.js';
import { example, MISSING, start, type Server } from './servers.js';

const skip = example('conformance') === undefined ? MISSING : false;

let running: Promise<Server> | undefined;

/** The address of one server for all tests that do not end it. */
async function server(path = '/ws'): Promise<string> {
  running ??= start('conformance', '--addr');
  return `ws://${(await running).address}${path}`;
}

async function reached(client: Client, kind: string): Promise<void> {
  if (client.state.kind === kind) return;
  await new Promise<void>((resolve) => {
    const stop = client.onState((state) => {
      if (state.kind !== kind) return;
      stop();
      resolve();
    });
  });
}

/** Something that listens and that a test decides about. */
async function listening(
  handle: (socket: Socket) => void,
): Promise<{ address: string; [Symbol.dispose](): void }> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handle(socket);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    [Symbol.dispose]() {
      listener.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

test('an aborted call is cancelled on the server and fails with the reason', { skip }, async () => {
  const frames: DecodedFrame[] = [];
  await using client = new Client({
    tap: ({ direction, data }) => direction === 'out' && frames.push(decodeFrame(data)),
  });
  await client.connect(await server());
  const abort = new AbortController();
  const slow = client.call('slow', 60_000, { signal: abort.signal });
  const ticks = client.stream('ticks', 1, { signal: abort.signal });
  await ticks.next();
  const reason = new Error('the user has left');
  abort.abort(reason);
  await assert.rejects(slow, reason);
  await assert.rejects(ticks.toArray(), reason);
  assert.equal(await client.call('add', [1, 2]), 3);
  assert.equal(frames.filter(({ kind }) => kind === 'cancel').length, 2);
  await assert.rejects(client.call('slow', 1, { signal: abort.signal }), reason);
  await assert.rejects(client.call('slow', 60_000, { signal: AbortSignal.timeout(1) }), {
    name: 'TimeoutError',
  });
});

test('leaving a loop cancels the stream', { skip }, async () => {
  const frames: DecodedFrame[] = [];
  await using client = new Client({
    tap: ({ direction, data }) => direction === 'out' && frames.push(decodeFrame(data)),
  });
  await client.connect(await server());
  const ticks = client.stream<number>('ticks', 0);
  for await (const tick of ticks) if (tick === 3) break;
  assert.ok(ticks.isOver);
  assert.equal(frames.at(-1)?.kind, 'cancel');
  await assert.rejects(async () => {
    for await (const tick of client.stream('ticks', 0)) throw new Error(`no ${String(tick)}`);
  }, /no 0/);
  assert.equal(frames.at(-1)?.kind, 'cancel');
});

test('a server that comes back is found again, and calls that waited are made', { skip }, async () => {
  const first = await start('conformance', '--addr');
  const port = Number(first.address.split(':')[1]);
  await using client = new Client({ reconnect: { base: 20, cap: 20 } });
  const kinds: string[] = [];
  await client.connect(`ws://${first.address}/ws`);
  client.onState(({ kind }) => kinds.push(kind));
  const lost = client.call('slow', 60_000);
  lost.catch(() => {});
  await client.call('add', [1, 2]);
  await first.stop('SIGKILL');
  await assert.rejects(lost, { code: 503, outcomeUnknown: true });
  const waiting = client.call('add', [3, 4]);
  const second = await start('conformance', '--addr', port);
  assert.equal(await waiting, 7);
  await second.stop('SIGKILL');
  assert.equal(kinds[0], 'waiting');
  assert.ok(kinds.includes('open'));
});

test('whoever is slow slows the server down, and nothing is lost', { skip }, async () => {
  await using client = new Client({ limits: { streamUnread: 64 << 10, unread: 128 << 10 } });
  await client.connect(await server('/load'));
  const numbers = client.stream<number>('count', 200_000);
  await numbers.next();
  // The server would have sent all of it long ago, if it could have.
  for (let round = 0; round < 50; round++) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(!numbers.isOver, 'everything has come, though nobody has read it');
  let next = 1;
  for await (const number of numbers) assert.equal(number, next++);
  assert.equal(next, 200_000);
});

test('who sends faster than the server takes has to wait', { skip }, async () => {
  const { address } = await start('scenarios', '--address');
  await using client = new Client();
  await client.connect(`ws://${address}/ws`);
  const parrot = client.both<string, string>('parrot');
  const item = 'x'.repeat(200_000);
  let accepted = 0;
  const sending = (async () => {
    for (; accepted < 300; accepted++) await parrot.send(item);
    await parrot.end();
  })();
  // Nobody reads what comes back, so that sooner or later nothing moves any more.
  for (let before = -1, still = 0; still < 200; still = accepted === before ? still + 1 : 0) {
    before = accepted;
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(accepted < 300, 'everything was taken at once');
  let count = 0;
  for await (const back of parrot) count += back === item ? 1 : 0;
  await sending;
  assert.equal(count, 300);
});

test('a stream in is given up when its source fails', { skip }, async () => {
  await using client = new Client();
  await client.connect(await server());
  const sender = client.streamIn<number, number>('total');
  const source = async function* (): AsyncGenerator<number> {
    yield 1;
    await Promise.resolve();
    throw new Error('the source has dried up');
  };
  await assert.rejects(sender.sendAll(source()), /dried up/);
  await assert.rejects(sender.finish(), /dried up/);
  assert.ok(sender.isOver);
});

test('an early answer ends the sending', { skip }, async () => {
  await using client = new Client();
  await client.connect(await server());
  const sender = client.streamIn<number, number>('first');
  const endless = async function* (): AsyncGenerator<number> {
    for (let number = 5; ; number++) {
      yield number;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await sender.sendAll(endless());
  assert.ok(sender.isOver);
  await sender.send(1);
  assert.equal(await sender.finish(), 5);
  assert.equal(await sender.finish(), 5);
});

test('a stream in can begin with its first item', { skip }, async () => {
  const frames: DecodedFrame[] = [];
  await using client = new Client({
    tap: ({ direction, data }) => direction === 'out' && frames.push(decodeFrame(data)),
  });
  await client.connect(await server());
  const sender = client.streamIn<number, unknown>('metadata_total', {
    metadata: { a: 1 },
    metadataFirst: false,
  });
  await sender.send(2);
  assert.deepEqual(await sender.finish(), { total: 2, metadata: { a: 1 } });
  assert.deepEqual(
    frames.map(({ kind }) => kind),
    ['message', 'end'],
  );
  const empty = client.streamIn<number, number>('total', { metadataFirst: false });
  assert.equal(await empty.finish(), 0);
});

test('a message beyond the limit breaks the connection with 1009', { skip }, async () => {
  await using client = new Client({ limits: { message: 1000 }, reconnect: false });
  await client.connect(await server());
  const big = client.call('echo', 'x'.repeat(2000));
  await assert.rejects(big, { code: 503, outcomeUnknown: true, message: /1009/ });
  assert.equal(client.state.kind, 'closed');
});

test('messages of a MiB and of 16 MiB pass', { skip }, async () => {
  await using client = new Client();
  await client.connect(await server());
  const bytes = new Uint8Array(1_000_000).map((_, at) => at);
  assert.deepEqual(await client.call('echo', bytes), bytes);
  await assert.rejects(client.call('echo', new Uint8Array(1 << 20)), { code: 413 });
});

test('what listeners throw is reported as uncaught and harms nothing', { skip }, async () => {
  // In a process of its own, for test runners take what is uncaught for a failure.
  const program = `
    import { Client } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)};
    const uncaught = new Set();
    process.on('uncaughtException', (error) => uncaught.add(error.message));
    const client = new Client({ tap() { throw new Error('tap'); } });
    client.onState(() => { throw new Error('listener'); });
    await client.connect(${JSON.stringify(await server())});
    console.log(await client.call('add', [1, 2]));
    await client.close();
    console.log([...uncaught].sort().join());
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  assert.equal(stdout, '3\nlistener,tap\n');
});

test('what handlers throw does not end the program', { skip }, async () => {
  const program = `
    import { Client } from ${JSON.stringify(new URL('../src/index.js', import.meta.url).href)};
    console.error = (...words) => console.log(words.map(String).join(' '));
    const silent = new Client({ protocol: 'json-rpc' });
    const loud = new Client({ protocol: 'json-rpc', onError: (error, name) => console.log(name, error.message) });
    for (const client of [silent, loud]) {
      client.handle('stumble', ([what]) => what.length.toFixed());
      client.handle('circle', () => { const circle = []; circle.push(circle); return circle; });
      await client.connect(${JSON.stringify(await server('/jsonrpc'))});
      for (const name of ['stumble', 'circle']) {
        const { error } = await client.call('call_me', [name, [null]]);
        console.log(error.code, error.data);
      }
      await client.close();
    }
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  const lines = stdout.split('\n').filter((line) => !/^ |^$/.test(line));
  assert.match(lines[0], /^the handler of `stumble` has failed: TypeError: Cannot read/);
  assert.equal(lines[1], '-32603 undefined');
  assert.match(
    lines[2],
    /^the handler of `circle` has failed: SwillError: the value cannot be written as JSON/,
  );
  assert.match(lines[4], /^stumble Cannot read/);
  assert.match(lines[6], /^circle the value cannot be written/);
});

test('a WebSocket of another make does as well', { skip }, async () => {
  await using client = new Client({ WebSocket: WebSocket as unknown as WebSocketConstructor, token: 'abc' });
  await client.connect(await server());
  assert.equal(await client.call('add', [1, 2]), 3);
  assert.deepEqual(await client.stream('lines', 2).toArray(), ['line 1', 'line 2']);
  const wrong = new Client({ WebSocket: WebSocket as unknown as WebSocketConstructor, token: 'a b' });
  await assert.rejects(wrong.connect(await server()), { code: 400, message: /base64url/ });
});

test('headers and tokens are sent', { skip }, async () => {
  const address = `${await server()}?need_cookie=abc`;
  await assert.rejects(new Client().connect(address), { code: 401, message: /no session/ });
  await using client = new Client({ headers: { Cookie: 'session=abc' } });
  await client.connect(address);
  assert.equal(await client.call('add', [1, 2]), 3);
});

test('why a connection cannot be had is told', { skip }, async () => {
  using silent = await listening(() => {});
  // It keeps the connection, and does not say how long its reason is.
  using chatty = await listening((socket) => socket.write('HTTP/1.1 401 No\r\n\r\nlog in first'));
  using rude = await listening((socket) => socket.end());
  using other = await listening((socket) => socket.end('220 mail.example ESMTP\r\n'));
  const base = await server('');
  for (const [address, code, why] of [
    ['ws://127.0.0.1:1/', 503, /nothing listens at 127\.0\.0\.1:1/],
    [`ws://${rude.address}/`, 503, /ended the connection during the opening handshake/],
    [`ws://${other.address}/`, 501, /does not speak HTTP/],
    [`ws://${silent.address}/`, 504, /no connection within 50 ms/],
    [`${base}/nowhere`, 404, /404/],
    [`${base}/ws?deny=403`, 403, /denied 403/],
    [`${base}/jsonrpc`, 406, /No suitable subprotocol/],
    [`${base.replace('ws:', 'wss:')}/ws`, 503, /cannot be reached/],
  ] as const) {
    const client = new Client();
    await assert.rejects(client.connect(address, { timeout: 50 }), (error: SwillError) => {
      assert.equal(error.code, code, `${address}: ${error.message}`);
      assert.match(error.message, why);
      return true;
    });
    assert.equal(client.state.kind, 'closed');
  }
  await assert.rejects(new Client().connect(`ws://${chatty.address}/`), { code: 401, data: 'log in first' });
  const token = (): Promise<string> => new Promise(() => {});
  await assert.rejects(new Client({ token }).connect(base, { timeout: 50 }), { code: 504 });
  const reason = new Error('not now');
  await assert.rejects(
    new Client().connect(`ws://${silent.address}/`, { signal: AbortSignal.abort(reason) }),
    reason,
  );
});

test('a client is connected once at a time, and can be connected again', { skip }, async () => {
  const client = new Client();
  await client.connect(await server());
  await assert.rejects(client.connect(await server()), { code: 409 });
  await client.close();
  await client.close();
  await assert.rejects(client.call('add', [1, 2]), { code: 503 });
  await client.connect();
  assert.equal(await client.call('add', [1, 2]), 3);
  await client.close();
});

test('a silent server is pinged and given up', async () => {
  const heard: string[] = [];
  const silent = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong: false });
  await once(silent, 'listening');
  silent.on('connection', (socket) => socket.on('ping', () => heard.push('ping')));
  const client = new Client({ limits: { pingAfter: 20, pongWithin: 20 }, reconnect: false });
  await client.connect(`ws://127.0.0.1:${(silent.address() as AddressInfo).port}/`);
  await reached(client, 'closed');
  assert.deepEqual(heard, ['ping']);
  assert.match((client.state as { reason: string }).reason, /did not answer a ping/);
  silent.close();
});

test('pings are answered, fragments are put together, and a close is answered', async () => {
  const other = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(other, 'listening');
  const connected = once(other, 'connection') as Promise<[WebSocket]>;
  await using client = new Client({ protocol: 'json-rpc', reconnect: false });
  client.handle('echo', (params) => (params as unknown[])[0]);
  await client.connect(`ws://127.0.0.1:${(other.address() as AddressInfo).port}/`);
  const [socket] = await connected;
  const pong = once(socket, 'pong');
  socket.ping('x');
  assert.equal(String((await pong)[0]), 'x');
  const answer = once(socket, 'message');
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'echo', params: ['ü'.repeat(40_000)] });
  socket.send(text.slice(0, 10), { fin: false });
  socket.send(text.slice(10), { fin: true });
  assert.match(String((await answer)[0]), /^\{"jsonrpc":"2.0","result":"ü{40000}","id":1\}$/);
  const closed = once(socket, 'close');
  socket.close(4001, 'that is all');
  assert.equal((await closed)[0], 4001);
  await reached(client, 'closed');
  assert.deepEqual(client.state, { kind: 'closed', code: 4001, reason: 'that is all (4001)' });
  other.close();
});
