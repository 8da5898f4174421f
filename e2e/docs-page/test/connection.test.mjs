// The connection: how it stands, in words; protocols; what goes over the wire; calls of the server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, visit, Visitor } from './kit.mjs';

const server = await demo();
const to = name => ({ hash: `#/procedure/${name}` });

/** Goes over to another protocol. */
async function speak(visitor, protocol) {
  await visitor.click('connection-status');
  await visitor.see('connection-panel');
  await visitor.get('connection-protocol').selectOption(protocol);
  await visitor.see('connection-status', { 'data-status': 'open' });
  await visitor.get('connection-protocol').press('Escape');
  await visitor.gone('connection-panel');
}

test('why the server is gone is told, and the page finds it again', async () => {
  let other = await demo();
  const visitor = await Visitor.open(other, to('add'));
  visitor.expect(/WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/);
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.see('connection-status', { 'data-status': 'open' });
  await other.stop();
  await visitor.until('the page notices', async () =>
    ['waiting', 'connecting'].includes(await visitor.get('connection-status').getAttribute('data-status')),
  );
  if (!(await visitor.get('connection-panel').isVisible())) await visitor.click('connection-status');
  const reason = await visitor.read('connection-reason', /1001/);
  assert.match(reason, /[a-z]{3,} [a-z]{3,}/i, 'in words, not only by its number');
  other = await demo(['--address', other.address]);
  await visitor.see('connection-status', { 'data-status': 'open' });
  await visitor.page.keyboard.press('Escape');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.leave();
});

test('a stream that is cut off says so', async () => {
  const other = await demo();
  const visitor = await Visitor.open(other, to('ticks'));
  visitor.expect(/WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/);
  await visitor.writeRaw('{"every_ms": 10}');
  await visitor.click('open');
  await visitor.until('it ticks', async () => (await visitor.entries()).some(entry => entry.kind === 'item'));
  const stopped = other.stop();
  await visitor.until('the call is over', async () =>
    (await visitor.get('call-view').first().getAttribute('data-status')) !== 'running',
  );
  await stopped;
  const status = await visitor.get('call-view').first().getAttribute('data-status');
  assert.ok(['lost', 'cancelled', 'failed'].includes(status), status);
  assert.notEqual(await visitor.text('call-end'), '');
  await visitor.leave();
});

test('it can be disconnected and connected by hand', visit(server, to('add'), async visitor => {
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.click('connection-status');
  await visitor.see('connection-panel');
  await visitor.click('disconnect');
  await visitor.see('connection-status', { 'data-status': 'closed' });
  await visitor.click('connect');
  await visitor.see('connection-status', { 'data-status': 'open' });
}));

test('calls go over JSON-RPC, too', visit(server, to('add'), async visitor => {
  await speak(visitor, 'json-rpc');
  await visitor.writeRaw('{"a": 40, "b": 2}');
  await visitor.click('call');
  await visitor.read('call-result', /^42$/);
  // A single parameter, an error, a stream that comes.
  await visitor.to('hello');
  await visitor.writeRaw('{"greeting": "Hi"}');
  await visitor.click('call');
  await visitor.read('call-result', 'Hi, stranger!');
  await visitor.to('divide');
  await visitor.writeRaw('{"dividend": 1.0, "divisor": 0.0}');
  await visitor.click('call');
  await visitor.read('call-error', 'divided by zero');
  await visitor.to('count');
  await visitor.writeRaw('{"to": 3, "pause_ms": 0}');
  await visitor.click('open');
  await visitor.see('call-view', { 'data-status': 'completed' });
  assert.equal((await visitor.entries()).filter(entry => entry.kind === 'item').length, 3);
  // It cannot carry a stream that goes.
  await visitor.to('total');
  await visitor.see('not-carried');
}));

test('the server calls the page and is answered', visit(server, to('lab.job'), async visitor => {
  await speak(visitor, 'json-rpc');
  await visitor.writeRaw('{"steps": 2}');
  await visitor.click('call');
  // Who is asked something sees it by itself.
  const asked = visitor.page.locator('[data-testid^="server-call-"][data-method="approve"]');
  await asked.waitFor();
  assert.equal(await asked.getAttribute('data-status'), 'waiting');
  assert.equal(await visitor.page.locator('[data-testid^="server-call-"][data-method="progress"]').count(), 2);
  const number = (await asked.getAttribute('data-testid')).slice('server-call-'.length);
  const answer = visitor.get(`server-answer-${number}`);
  const editor = answer.locator('.cm-content');
  if ((await editor.count()) > 0) {
    await editor.focus();
    await visitor.page.keyboard.press('ControlOrMeta+a');
    await visitor.page.keyboard.insertText('true');
  } else {
    await answer.fill('true');
  }
  await visitor.click(`server-reply-${number}`);
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.read('call-result', /approved[\s\S]*true/);
}));

test('the wire goes on behind a pause, and what is clicked is what is shown', visit(server, to('add'), async visitor => {
  const call = async (a, b) => {
    await visitor.writeRaw(JSON.stringify({ a, b }));
    await visitor.click('call');
    await visitor.read('call-result', String(a + b));
  };
  await call(1, 2);
  await visitor.dock('wire');
  await visitor.click('wire-pause');
  await call(30, 4);
  await visitor.click('wire-pause');
  const frames = visitor.page.locator('[data-testid^="wire-frame-"][data-direction="out"]');
  const before = await frames.count();
  await call(500, 6);
  await visitor.until('the last call is on the wire', async () => (await frames.count()) > before);
  const last = await frames.last().getAttribute('data-testid');
  await visitor.click(last);
  const detail = await visitor.read('wire-detail', '500');
  assert.doesNotMatch(detail, /\b30\b/);
}));

test('the wire shows every frame, decoded and as bytes', visit(server, to('add'), async visitor => {
  await visitor.writeRaw('{"a": 40, "b": 2}');
  await visitor.click('call');
  await visitor.read('call-result', /^42$/);
  await visitor.dock('wire');
  const frames = visitor.page.locator('[data-testid^="wire-frame-"]');
  await frames.first().waitFor();
  const shown = await frames.evaluateAll(all =>
    all.map(frame => ({
      id: frame.dataset.testid,
      direction: frame.dataset.direction,
      text: frame.closest('[role=option]').textContent,
    })),
  );
  const out = shown.find(frame => frame.direction === 'out' && frame.text.includes('add'));
  assert.ok(out, JSON.stringify(shown));
  await visitor.click(out.id);
  await visitor.read('wire-detail', 'add');
  const hex = await visitor.text('wire-hex');
  // `add` as MessagePack writes it, and the numbers 40 and 2.
  assert.match(hex.replace(/\s+/g, ' '), /a3 61 64 64/);
  assert.match(hex.replace(/\s+/g, ' '), /28 02/);
  assert.ok(shown.some(frame => frame.direction === 'in'));
  await visitor.click('wire-clear');
  await visitor.until('it is empty', async () => (await frames.count()) === 0);
}));

test('the history repeats a call', visit(server, to('add'), async visitor => {
  await visitor.writeRaw('{"a": 40, "b": 2}');
  await visitor.click('call');
  await visitor.read('call-result', /^42$/);
  await visitor.go('#/');
  await visitor.dock('history');
  await visitor.click('history-repeat-1');
  await visitor.see('procedure', { 'data-name': 'add' });
  await visitor.read('call-result', /^42$/);
}));
