import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { SwillError } from '../../src/errors.js';
import { limitsWith } from '../../src/limits.js';
import { Handshake } from '../../src/socket/handshake.js';
import type { Refusal } from '../../src/socket/socket.js';
import { type SocketOptions } from '../../src/socket/socket.js';

function handshake(options: Partial<SocketOptions> = {}): Handshake {
  return new Handshake({
    url: new URL('ws://calc.example:8000/ws?room=1'),
    subprotocols: ['swill.1'],
    token: undefined,
    headers: {},
    limits: limitsWith(),
    signal: new AbortController().signal,
    ...options,
  });
}

/** What a server says that agrees, with changes. */
function agreement(it: Handshake, changes: Record<string, string | undefined> = {}): string {
  const key = /Sec-WebSocket-Key: (.*)\r\n/.exec(it.request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const headers: Record<string, string | undefined> = {
    upgrade: 'websocket',
    connection: 'keep-alive, Upgrade',
    'sec-websocket-accept': accept,
    'sec-websocket-protocol': 'swill.1',
    ...changes,
  };
  const lines = Object.entries(headers).filter(([, value]) => value !== undefined);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

test('the request says what it has to', () => {
  const it = handshake({ token: 'secret', headers: { 'X-Trace': '7' } });
  const lines = it.request.split('\r\n');
  assert.equal(lines[0], 'GET /ws?room=1 HTTP/1.1');
  for (const line of [
    'Host: calc.example:8000',
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: swill.1',
    'Authorization: Bearer secret',
    'X-Trace: 7',
  ]) {
    assert.ok(lines.includes(line), line);
  }
  assert.ok(it.request.endsWith('\r\n\r\n'));
});

test('who is in the address is said, unless it is said otherwise', () => {
  const url = new URL('ws://ann:p%20w@calc.example/');
  assert.match(handshake({ url }).request, /Authorization: Basic YW5uOnAgdw==\r\n/);
  assert.doesNotMatch(handshake({ url, headers: { authorization: 'x' } }).request, /Basic/);
});

test('no header is said twice', () => {
  const headers = { host: 'other.example', authorization: 'x' };
  const { request } = handshake({ headers, token: 'secret' });
  assert.deepEqual(request.match(/^(host|authorization): .*$/gim), [
    'host: other.example',
    'authorization: x',
  ]);
});

test('headers that would break the request are refused', () => {
  for (const headers of [{ 'a b': 'c' }, { a: 'b\r\nc: d' }, { 'a:': 'b' }, { a: '\0' }]) {
    assert.throws(() => handshake({ headers: headers as unknown as Record<string, string> }), SwillError);
  }
  assert.throws(() => handshake({ token: 'a\nb' }), SwillError);
});

test('an agreement is read, however it is cut, with what follows it', () => {
  for (const size of [1, 7, 1000]) {
    const it = handshake();
    const bytes = Buffer.from(`${agreement(it)}frames`, 'latin1');
    let agreed: ReturnType<Handshake['push']>;
    let at = 0;
    for (; agreed === undefined && at < bytes.length; at += size)
      agreed = it.push(bytes.subarray(at, at + size));
    assert.equal(agreed?.subprotocol, 'swill.1');
    const rest = Buffer.concat([agreed?.rest ?? Buffer.alloc(0), bytes.subarray(at)]);
    assert.equal(rest.toString(), 'frames');
  }
});

for (const [name, changes, why] of [
  ['a wrong key', { 'sec-websocket-accept': 'x' }, /Accept/],
  ['no upgrade', { upgrade: undefined }, /Upgrade/],
  ['a subprotocol that was not offered', { 'sec-websocket-protocol': 'other' }, /not offered/],
  ['an extension that was not offered', { 'sec-websocket-extensions': 'permessage-deflate' }, /not offered/],
] as const) {
  test(`${name} is no agreement, and there is no use in another attempt`, () => {
    const it = handshake();
    const bytes = Buffer.from(agreement(it, changes), 'latin1');
    assert.throws(
      () => it.push(bytes),
      (error: Refusal) => error.code === 501 && !error.temporary && why.test(error.message),
    );
  });
}

for (const [answer, code, temporary, message] of [
  [
    'HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\nlog in first',
    401,
    false,
    /401 Unauthorized: log in first/,
  ],
  ['HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n', 503, true, /503 Service Unavailable$/],
  ['HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n', 302, false, /302 Found/],
  [`HTTP/1.1 403 Forbidden\r\n\r\n${'x'.repeat(9000)}`, 403, false, /403/],
  [
    'HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nlog in\r\n6;x=y\r\n first\r\n0\r\n\r\n',
    401,
    false,
    /401 No: log in first$/,
  ],
  [
    'HTTP/1.0 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno',
    503,
    true,
    /503 Service Unavailable: no/,
  ],
  ['HTTP/1.0 101 Switching Protocols\r\n\r\n', 501, false, /does not speak HTTP/],
  ['SSH-2.0-OpenSSH_9\r\n', 501, false, /does not speak HTTP/],
  ['\x15\x03\x01', 501, false, /does not speak HTTP/],
  ['HTTP/1.1 nonsense\r\n\r\n', 501, false, /does not speak HTTP/],
  [`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(4000)}`, 501, false, /too long/],
] as const) {
  test(`the answer ${JSON.stringify(answer.slice(0, 30))} is a refusal`, () => {
    assert.throws(
      () => handshake().push(Buffer.from(answer, 'latin1')),
      (error: Refusal) => error.code === code && error.temporary === temporary && message.test(error.message),
    );
  });
}

test('an end before the answer is one, and so is an end within the body of a refusal', () => {
  const silent = handshake();
  assert.equal(silent.ended().temporary, true);
  const refused = handshake();
  assert.equal(refused.push(Buffer.from('HTTP/1.1 401 No\r\n\r\nwhy', 'latin1')), undefined);
  assert.match(refused.ended().message, /401 No: why/);
  const parts = handshake();
  const head = 'HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(parts.push(Buffer.from(`${head}3\r\nwhy\r\n5\r\n no`, 'latin1')), undefined);
  assert.match(parts.ended().message, /401 No: why no$/);
});
