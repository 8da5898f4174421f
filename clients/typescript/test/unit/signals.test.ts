import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { heed, ignore } from '../../src/signals.js';

test('a signal has one listener, however many heed it, and none when nobody does', () => {
  const { signal } = new AbortController();
  const stops = Array.from({ length: 100 }, () => () => assert.fail('nothing was aborted'));
  stops.forEach((stop) => heed(signal, stop));
  assert.equal(getEventListeners(signal, 'abort').length, 1);
  stops.forEach((stop) => ignore(signal, stop));
  ignore(signal, stops[0]);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('everything that heeds a signal is stopped once, but for what ignores it by then', () => {
  const abort = new AbortController();
  const stopped: string[] = [];
  const stop = (name: string) => () => void stopped.push(name);
  const [first, second, third] = [stop('first'), stop('second'), stop('third')];
  heed(abort.signal, () => {
    stopped.push('begin');
    ignore(abort.signal, second);
  });
  heed(abort.signal, first);
  heed(abort.signal, second);
  heed(abort.signal, third);
  ignore(abort.signal, third);
  abort.abort();
  assert.deepEqual(stopped, ['begin', 'first']);
  assert.equal(getEventListeners(abort.signal, 'abort').length, 0);
});
