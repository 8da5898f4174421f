// Streams: each step by itself, everything in the order in which it happened, and a great deal of it.

import assert from 'node:assert/strict';
import { cpus, loadavg } from 'node:os';
import { test } from 'node:test';
import { demo, FRAMES, visit } from './kit.mjs';

const server = await demo();
const to = name => ({ hash: `#/procedure/${name}` });

/** Direction and kind of what is listed, in its order. */
const course = async visitor => (await visitor.entries()).map(({ direction, kind }) => `${direction} ${kind}`);

/** The entries of a kind and direction. */
const only = async (visitor, direction, kind) =>
  (await visitor.entries()).filter(entry => entry.direction === direction && entry.kind === kind);

test('a stream that comes: open, items, metadata where it happened, end', visit(server, to('count'), async visitor => {
  await visitor.writeRaw('{"to": 3, "pause_ms": 20}');
  await visitor.click('open');
  await visitor.see('call-view', { 'data-status': 'completed' });
  const entries = await visitor.entries();
  const items = entries.filter(entry => entry.direction === 'in' && entry.kind === 'item');
  assert.equal(items.length, 3);
  items.forEach((item, at) => assert.match(item.text, new RegExp(`\\b${at}\\b`)));
  const number = test => entries.findIndex(test);
  const opened = number(entry => entry.kind === 'open');
  const leading = number(entry => entry.text.includes('expected'));
  const first = number(entry => entry.kind === 'item');
  const trailing = number(entry => entry.text.includes('counted'));
  const last = entries.findLastIndex(entry => entry.kind === 'item');
  assert.ok(opened >= 0 && opened < first, 'it is opened before it has items');
  assert.ok(leading > opened && leading < first, `leading metadata comes ahead: ${JSON.stringify(entries)}`);
  assert.ok(trailing > last, `trailing metadata comes last: ${JSON.stringify(entries)}`);
}));

test('a stream that goes: open, send, send, end', visit(server, to('total'), async visitor => {
  await visitor.click('open');
  await visitor.see('call-view', { 'data-status': 'running' });
  for (const number of ['1', '2', '39']) {
    await visitor.writeRaw(number);
    await visitor.click('send');
  }
  await visitor.until('three have gone', async () => (await only(visitor, 'out', 'item')).length === 3, () => course(visitor));
  assert.deepEqual(await only(visitor, 'in', 'item'), []);
  await visitor.click('end');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.read('call-result', /^42$/);
  const order = await course(visitor);
  assert.ok(order.indexOf('out end') > order.lastIndexOf('out item'), `the end comes last: ${order}`);
}));

test('a stream that goes can be cancelled', visit(server, to('total'), async visitor => {
  await visitor.click('open');
  await visitor.writeRaw('1');
  await visitor.click('send');
  await visitor.click('cancel');
  await visitor.see('call-view', { 'data-status': 'cancelled' });
  assert.equal((await only(visitor, 'out', 'cancel')).length, 1);
}));

for (const { how, frames } of FRAMES) {
  test(`both directions stand in one list, in the order of time${how}`, visit(server, { ...to('multiply'), frames }, async visitor => {
    await visitor.click('open');
    let product = 1;
    for (const factor of [2, 3, 7]) {
      product *= factor;
      await visitor.writeRaw(String(factor));
      await visitor.click('send');
      await visitor.until(`${product} comes`, async () =>
        (await only(visitor, 'in', 'item')).some(entry => new RegExp(`\\b${product}\\b`).test(entry.text)),
      );
    }
    await visitor.click('end');
    await visitor.see('call-view', { 'data-status': 'completed' });
    const order = (await course(visitor)).filter(step => /item|end/.test(step));
    const alternating = ['out item', 'in item', 'out item', 'in item', 'out item', 'in item', 'out end'];
    assert.deepEqual(order.slice(0, 7), alternating);
    assert.ok((await visitor.entries()).at(-1).text.includes('factors') || (await visitor.text('call-end')) !== '');
  }));
}

test('an entry can be looked at in full', visit(server, to('count'), async visitor => {
  await visitor.writeRaw('{"to": 2, "pause_ms": 0}');
  await visitor.click('open');
  await visitor.see('call-view', { 'data-status': 'completed' });
  const [first] = await only(visitor, 'in', 'item');
  await visitor.click(`entry-${first.number}`);
  await visitor.read('entry-detail', '0');
}));

test('several items are sent at once', visit(server, to('total'), async visitor => {
  await visitor.click('open');
  await visitor.writeRaw('5');
  await visitor.fill('send-many-count', '200');
  await visitor.fill('send-many-rate', '0');
  await visitor.click('send-many');
  await visitor.until('all have gone', async () => {
    const count = await visitor.get('entries').getAttribute('data-count');
    return Number(count) >= 200;
  });
  await visitor.click('end');
  await visitor.read('call-result', /^1000$/);
}));

test('two who chat hear each other', async () => {
  const { Visitor } = await import('./kit.mjs');
  const [ann, bob] = [await Visitor.open(server, to('chat.join')), await Visitor.open(server, to('chat.join'))];
  await ann.click('open');
  await ann.see('call-view', { 'data-status': 'running' });
  await bob.click('open');
  await ann.until('bob has come', async () => (await ann.entries()).some(entry => /joined/.test(entry.text)));
  await bob.writeRaw('{"text": "good evening"}');
  await bob.click('send');
  for (const visitor of [ann, bob]) {
    await visitor.until('all hear it', async () =>
      (await only(visitor, 'in', 'item')).some(entry => /good evening/.test(entry.text)),
    );
  }
  // Who ends the own side has left.
  await bob.click('end');
  await bob.see('call-view', { 'data-status': 'completed' });
  await ann.until('bob has left', async () => (await ann.entries()).some(entry => /left/.test(entry.text)));
  await ann.leave();
  await bob.leave();
});

/** Runs what is to be measured, and returns the longest time, in milliseconds, for which a task kept the processor. */
async function longestTask(visitor, body) {
  const browser = visitor.context.browser();
  await browser.startTracing(visitor.page, { categories: ['toplevel', '__metadata'] });
  await body();
  const { traceEvents: events } = JSON.parse((await browser.stopTracing()).toString());
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const isMain = ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain';
  const mains = new Set(events.filter(isMain).map(thread));
  const tasks = events.filter(event => event.name.endsWith('RunTask') && mains.has(thread(event)));
  assert.ok(tasks.length > 1000 && tasks.every(({ tdur }) => tdur >= 0), `${tasks.length} tasks are known`);
  return Math.max(...tasks.map(({ tdur }) => tdur)) / 1000;
}

/** Whether others use the processors, so that a task takes longer than it works. */
const isBusy = () => loadavg()[0] > cpus().length;

test('ten thousand items come, and the page never stops for as long as one would notice', visit(server, to('count'), async visitor => {
  const watched = await visitor.page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver(list => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ type: 'longtask' });
    return PerformanceObserver.supportedEntryTypes.includes('longtask');
  });
  assert.ok(watched, 'the browser tells of long tasks');
  await visitor.writeRaw('{"to": 10000, "pause_ms": 0}');
  let calls = 0;
  const run = async () => {
    calls += 1;
    await visitor.click('open');
    await visitor.see(`call-tab-${calls}`, { 'aria-selected': 'true' });
    await visitor.see('call-view', { 'data-status': 'completed' });
    await visitor.until('all are counted', async () =>
      Number(await visitor.get('entries').getAttribute('data-count')) >= 10_000,
    );
    // Scrolling through them, too.
    for (const share of [0.1, 0.9, 0.5, 0, 1]) {
      await visitor.get('entries').evaluate((list, share) => list.scrollTo(0, list.scrollHeight * share), share);
      await visitor.page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
    }
    // A few of them are drawn, not all.
    const drawn = await visitor.page.locator('[data-testid^="entry-"][data-kind]').count();
    assert.ok(drawn > 0 && drawn < 500, `${drawn} entries are drawn`);
  };

  const worked = await longestTask(visitor, run);
  console.log(`  the longest task works for ${worked.toFixed(1)} ms`);
  assert.ok(worked <= 50, `a task works for ${worked} ms`);

  // As people have it, who may be kept waiting by other programs as well: the best of three.
  const taken = [];
  while (taken.length < 3 && !taken.some(longest => longest <= 100)) {
    await visitor.page.evaluate(() => { window.longest = 0; });
    await run();
    taken.push(await visitor.page.evaluate(() => window.longest));
  }
  console.log(`  the longest task takes ${taken.map(longest => `${Math.round(longest)} ms`).join(', ')}`);
  assert.ok(Math.min(...taken) <= 100 || isBusy(), `a task takes ${Math.min(...taken)} ms, and the machine has nothing else to do`);
}));
