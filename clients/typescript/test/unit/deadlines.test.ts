import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deadlines, type Expiring } from '../../src/deadlines.js';
import { StillClock } from './fakes.js';

function entry(name: string, expired: string[]): Expiring {
  return {
    due: 0,
    line: undefined,
    earlier: undefined,
    later: undefined,
    expired: () => void expired.push(name),
  };
}

test('deadlines of all lengths pass in their order, on one timer', () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  for (const [name, time] of [
    ['b', 30],
    ['c', 40],
    ['a', 10],
    ['b2', 30],
  ] as const) {
    deadlines.add(entry(name, expired), time);
  }
  assert.equal(clock.waiting, 1);
  clock.pass(9);
  assert.deepEqual(expired, []);
  clock.pass(21);
  assert.deepEqual(expired, ['a', 'b', 'b2']);
  clock.pass(10);
  assert.deepEqual(expired, ['a', 'b', 'b2', 'c']);
  assert.equal(clock.waiting, 0);
});

test('what is removed does not expire, wherever it stands', () => {
  for (const removed of ['a', 'b', 'c']) {
    const clock = new StillClock();
    const deadlines = new Deadlines(clock);
    const expired: string[] = [];
    const entries = ['a', 'b', 'c'].map((name) => entry(name, expired));
    for (const each of entries) deadlines.add(each, 5);
    deadlines.remove(entries['abc'.indexOf(removed)]);
    clock.pass(5);
    assert.deepEqual(
      expired,
      ['a', 'b', 'c'].filter((name) => name !== removed),
    );
  }
});

test('lengths of times that nobody uses any more are forgotten', () => {
  const clock = new StillClock();
  const deadlines = new Deadlines(clock);
  const expired: string[] = [];
  for (let time = 1; time <= 1000; time++) {
    const each = entry('never', expired);
    deadlines.add(each, 10_000 + time);
    deadlines.remove(each);
  }
  deadlines.add(entry('last', expired), 7);
  clock.pass(20_000);
  assert.deepEqual(expired, ['last']);
});
