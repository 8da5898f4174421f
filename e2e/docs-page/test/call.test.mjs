// One value each way: the form, the editor, what is checked, and what comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, FRAMES, visit } from './kit.mjs';

const server = await demo();
const to = name => ({ hash: `#/procedure/${name}` });

/** What the field shows. */
const field = async (visitor, id) => {
  await visitor.tab('form');
  return visitor.get(`field-${id}`).inputValue();
};

for (const { how, frames } of FRAMES) {
  test(`form and editor are kept in step${how}`, visit(server, { ...to('add'), frames }, async visitor => {
    await visitor.fill('field-a', '7');
    await visitor.until('the editor follows', async () => /"a":\s*7\b/.test(await visitor.raw()), () => visitor.raw());
    await visitor.writeRaw('{"a": 1, "b": 9007199254740993}');
    assert.equal(await field(visitor, 'b'), '9007199254740993', 'the form follows');
    // More than a double can hold stays exact, there and back.
    await visitor.click('call');
    await visitor.read('call-result', /^9007199254740994$/);
    // What is no JSON is said so, is not sent, and the form keeps the last value that was.
    await visitor.writeRaw('{"a": 1,');
    await visitor.see('invalid');
    await visitor.click('call');
    assert.equal(await visitor.page.locator('[data-testid^="call-tab-"]').count(), 1);
    assert.equal(await field(visitor, 'b'), '9007199254740993');
    await visitor.writeRaw('{"a": 5, "b": 6}');
    await visitor.gone('invalid');
    assert.equal(await field(visitor, 'a'), '5');
  }));
}

for (const { how, frames } of FRAMES) {
  test(`what was there before can be written again${how}`, visit(server, { ...to('add'), frames }, async visitor => {
    await visitor.writeRaw('{"a": 40, "b": 2}');
    await visitor.click('call');
    await visitor.read('call-result', /^42$/);
    await visitor.writeRaw('{"a": 1, "b": 1}');
    await visitor.writeRaw('{"a": 40, "b": 2}');
    await visitor.click('call');
    await visitor.see('call-tab-2', { 'aria-selected': 'true' });
    await visitor.read('call-result', /^42$/);
    // An example that is filled in is what the next field is added to.
    await visitor.tab('form');
    await visitor.click('example');
    const b = await visitor.get('field-b').inputValue();
    await visitor.fill('field-a', '1000');
    await visitor.click('call');
    await visitor.read('call-result', String(1000n + BigInt(b)));
  }));
}

test('the editor selects all by itself', visit(server, to('add'), async visitor => {
  await visitor.tab('editor');
  await visitor.get('raw-editor').locator('.cm-content').focus();
  await visitor.page.evaluate(() => {
    // The browser tells of its own selection later, at which time it may be undone already.
    window.addEventListener('selectionchange', event => event.stopImmediatePropagation(), true);
    window.addEventListener('keydown', event => { window.isTaken = event.defaultPrevented; });
  });
  await visitor.page.keyboard.press('ControlOrMeta+a');
  assert.ok(await visitor.page.evaluate(() => window.isTaken), 'it is not left to the browser');
  await visitor.page.keyboard.insertText('{"a": 2, "b": 3}');
  await visitor.click('call');
  await visitor.read('call-result', /^5$/);
}));

test('what does not fit is said before it is sent', visit(server, to('add'), async visitor => {
  await visitor.fill('field-a', 'many');
  await visitor.see('problem-a');
  await visitor.click('call');
  assert.equal(await visitor.get('call-view').count(), 0, 'nothing is called');
  await visitor.fill('field-a', '1');
  await visitor.gone('problem-a');
  for (const [text, problem] of [['{"a": 1}', 'b'], ['{"a": 1, "b": 1.5}', 'b'], ['{"a": 1, "b": 9223372036854775808}', 'b']]) {
    await visitor.writeRaw(text);
    await visitor.see('invalid');
    await visitor.tab('form');
    await visitor.see(`problem-${problem}`);
  }
}));

test('it can be sent anyway, and the server says what is wrong', visit(server, to('lab.wait'), async visitor => {
  await visitor.fill('field-ms', '10001');
  await visitor.see('problem-ms');
  await visitor.click('send-anyway');
  await visitor.see('call-view', { 'data-status': 'failed' });
  const error = await visitor.read('call-error', '422');
  assert.match(error, /ms/);
  // A stream that comes fails in the same way.
  await visitor.to('ticks');
  await visitor.fill('field-every_ms', '1');
  await visitor.click('send-anyway');
  await visitor.see('call-view', { 'data-status': 'failed' });
  await visitor.read('call-error', '422');
}));

for (const { how, frames } of FRAMES) {
  test(`a form for everything: nested, variants, lists, maps, optional${how}`, visit(server, { ...to('shop.order'), frames }, async visitor => {
    await visitor.fill('field-order.customer.name', 'Grace Hopper');
    await visitor.fill('field-order.customer.email', 'nonsense');
    await visitor.see('problem-order.customer.email');
    await visitor.fill('field-order.customer.email', 'grace@example.org');
    await visitor.gone('problem-order.customer.email');
    const value = async () => {
      const { order } = JSON.parse(await visitor.raw());
      await visitor.tab('form');
      return order;
    };
    for (let lines = (await value()).lines.length; lines > 0; lines -= 1) await visitor.click('remove-order.lines[0]');
    await visitor.see('problem-order.lines');
    await visitor.click('add-order.lines');
    await visitor.get('field-order.lines[0].article').selectOption({ label: 'mug' });
    // It has a default, and is left out until it is wanted.
    await visitor.click('include-order.lines[0].quantity');
    await visitor.fill('field-order.lines[0].quantity', '100');
    await visitor.see('problem-order.lines[0].quantity');
    await visitor.fill('field-order.lines[0].quantity', '2');
    await visitor.see('variant-order.payment');
    const variants = await visitor.get('variant-order.payment').locator('option').allTextContents();
    const card = variants.find(variant => /card/i.test(variant));
    assert.ok(card, `card is among ${variants}`);
    await visitor.get('variant-order.payment').selectOption({ label: card });
    await visitor.fill('field-order.payment.digits', '4711');
    await visitor.until('the value follows', async () => (await value()).payment.digits === '4711');
    await visitor.click('include-order.engravings');
    await visitor.click('add-order.engravings');
    const key = visitor.page.locator('[data-testid^="key-order.engravings"]').last();
    await key.fill('mug');
    await key.press('Tab');
    await visitor.until('the map follows', async () => 'mug' in (await value()).engravings);
    await visitor.click('call');
    await visitor.see('call-view', { 'data-status': 'completed' });
    const result = await visitor.read('call-result', 'Grace Hopper');
    assert.match(result, /2400|2900/);
  }));
}

test('an error has its code, its message and its data', visit(server, to('divide'), async visitor => {
  await visitor.writeRaw('{"dividend": 3.0, "divisor": 0.0}');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'failed' });
  const error = await visitor.read('call-error', '3 cannot be divided by zero');
  assert.match(error, /400/);
  assert.match(error, /"dividend": 3/);
  // One with other data.
  await visitor.to('shop.order');
  const order = JSON.parse(await visitor.raw());
  order.order.lines = [{ article: 'mug', quantity: 13 }];
  await visitor.writeRaw(JSON.stringify(order));
  await visitor.click('call');
  const soldOut = await visitor.read('call-error', 'only 12 of `mug` are left');
  assert.match(soldOut, /409[\s\S]*"article": "mug"[\s\S]*"left": 12/);
}));

for (const { how, frames } of FRAMES) {
  test(`metadata goes and comes where it belongs${how}`, visit(server, { ...to('hello'), frames }, async visitor => {
    await visitor.get('options').locator('summary').click();
    await visitor.click('metadata-add');
    await visitor.fill('metadata-key-0', 'name');
    await visitor.fill('metadata-value-0', 'Ada');
    await visitor.click('call');
    await visitor.read('call-result', ', Ada!');
    await visitor.read('call-leading', /language[\s\S]*en/);
    await visitor.read('call-trailing', /took_us[\s\S]*\d/);
  }));
}

test('a key that the procedure knows is one click, and its value is typed at once', visit(server, to('hello'), async visitor => {
  await visitor.get('options').locator('summary').click();
  await visitor.get('options').getByRole('button', { name: 'name' }).click();
  await visitor.until('the value has the focus', () =>
    visitor.get('metadata-value-0').evaluate(field => field.getRootNode().activeElement === field));
  await visitor.page.keyboard.type('Ada');
  await visitor.click('call');
  await visitor.read('call-result', ', Ada!');
}));

test('what comes back is in sight, also below a long form', visit(server, to('shop.order'), async visitor => {
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  const box = () => visitor.get('call-result').boundingBox();
  const dock = await visitor.page.locator('dock-view').boundingBox();
  await visitor.until(
    'the answer is in sight',
    async () => (await box()).y + (await box()).height <= dock.y,
    async () => JSON.stringify([await box(), dock]),
  );
}));

test('a deadline passes, here and there', visit(server, to('lab.wait'), async visitor => {
  // The procedure's own, of two seconds.
  await visitor.writeRaw('{"ms": 5000}');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'running' });
  await visitor.read('call-error', '504');
  // The caller's.
  await visitor.get('options').locator('summary').click();
  await visitor.fill('deadline', '50ms');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'deadline' });
}));

test('a call that takes its time can be cancelled', visit(server, to('lab.wait'), async visitor => {
  await visitor.writeRaw('{"ms": 1900}');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'running' });
  await visitor.click('cancel');
  await visitor.see('call-view', { 'data-status': 'cancelled' });
}));

test('bytes go as bytes', visit(server, to('lab.digest'), async visitor => {
  await visitor.writeRaw('{"data": "AQID"}');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  const result = await visitor.text('call-result');
  assert.match(result, /AwIB/, 'reversed, in base64');
  // FNV-1a of 1, 2, 3: more than a double can hold.
  assert.match(result, /15035938162879559083/);
}));
