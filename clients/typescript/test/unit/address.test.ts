import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveAddress } from '../../src/address.js';
import type { SwillError } from '../../src/errors.js';

const page = { protocol: 'https:', host: 'page.example:8443' };

for (const [address, url] of [
  ['localhost', 'ws://localhost:8000/ws'],
  ['LOCALHOST', 'ws://localhost:8000/ws'],
  ['localhost:9000', 'ws://localhost:9000/ws'],
  ['localhost/calc', 'ws://localhost:8000/calc'],
  ['localhost?room=1', 'ws://localhost:8000/ws?room=1'],
  ['127.0.0.1', 'ws://127.0.0.1:8000/ws'],
  ['127.3.2.1:80', 'ws://127.3.2.1/ws'],
  ['[::1]', 'ws://[::1]:8000/ws'],
  ['[::1]:9000/x', 'ws://[::1]:9000/x'],
  ['calc.example', 'wss://calc.example/ws'],
  ['calc.example:444', 'wss://calc.example:444/ws'],
  ['calc.example/rooms/1', 'wss://calc.example/rooms/1'],
  ['127.example', 'wss://127.example/ws'],
  ['ws://calc.example', 'ws://calc.example/'],
  ['wss://calc.example/ws?a=b', 'wss://calc.example/ws?a=b'],
  ['http://localhost:8000/ws', 'ws://localhost:8000/ws'],
  ['https://calc.example/ws#part', 'wss://calc.example/ws'],
  [' localhost ', 'ws://localhost:8000/ws'],
  ['/ws', 'wss://page.example:8443/ws'],
] as const) {
  test(`${address} is ${url}`, () => {
    assert.equal(resolveAddress(address, page).href, url);
  });
}

for (const [address, why] of [
  ['', /no host/],
  ['ftp://x', /`ftp` is not/],
  ['%%', /no host and no URL/],
  [':8000', /no URL/],
] as const) {
  test(`${JSON.stringify(address)} makes no sense`, () => {
    assert.throws(
      () => resolveAddress(address),
      (error: SwillError) => error.code === 400 && why.test(error.message),
    );
  });
}

test('a path without a page makes no sense', () => {
  assert.throws(() => resolveAddress('/ws'), /there is no page/);
});
