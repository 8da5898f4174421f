import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Backoff, isTemporary, isTemporaryStatus, reconnectRules } from '../../src/backoff.js';

test('bounds double up to the cap', () => {
  const backoff = new Backoff(reconnectRules({ random: () => 1 }));
  const bounds = Array.from({ length: 9 }, () => backoff.next()?.delay);
  assert.deepEqual(bounds, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
});

test('a delay is anything between nothing and its bound', () => {
  for (const random of [0, 0.25, 0.999]) {
    const backoff = new Backoff(reconnectRules({ base: 1000, random: () => random }));
    assert.deepEqual(backoff.next(), { attempt: 1, delay: random * 1000 });
  }
});

test('attempts run out and start anew', () => {
  const backoff = new Backoff(reconnectRules({ attempts: 2 }));
  assert.equal(backoff.next()?.attempt, 1);
  assert.equal(backoff.next()?.attempt, 2);
  assert.equal(backoff.next(), undefined);
  backoff.reset();
  assert.equal(backoff.next()?.attempt, 1);
  assert.equal(new Backoff(reconnectRules(false)).next(), undefined);
});

test('what ended a connection decides whether to connect again', () => {
  const again = [1001, 1005, 1006, 1009, 1011, 1012, 1013, 1014, 4008];
  const never = [1000, 1002, 1003, 1007, 1008, 1010, 3000, 4000, 4007, 4009, 4999];
  assert.deepEqual(
    again.filter((code) => !isTemporary({ code, reason: '' })),
    [],
  );
  assert.deepEqual(
    never.filter((code) => isTemporary({ code, reason: '' })),
    [],
  );
});

test('a status decides likewise', () => {
  assert.deepEqual(
    [500, 502, 503, 408, 425, 429].filter((status) => !isTemporaryStatus(status)),
    [],
  );
  assert.deepEqual([301, 400, 401, 403, 404, 406].filter(isTemporaryStatus), []);
});
