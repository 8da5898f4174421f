// What somebody does who has never seen the page: every click counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, FRAMES, visit } from './kit.mjs';

const server = await demo();

test('add is called and a stream is opened and cancelled, in six clicks', visit(server, {}, async visitor => {
  // The first page explains what this is, and shows what there is.
  await visitor.read('app-title', 'Swill demo');
  await visitor.see('overview-procedure-add');

  await visitor.click('overview-procedure-add');
  await visitor.see('procedure', { 'data-name': 'add', 'data-shape': 'single' });
  // An example is filled in, so that nothing has to be typed.
  const [a, b] = [await visitor.get('field-a').inputValue(), await visitor.get('field-b').inputValue()];
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.read('call-result', String(BigInt(a) + BigInt(b)));
  const forAdd = visitor.clicks();
  assert.ok(forAdd <= 3, `${forAdd} clicks for add`);

  await visitor.click('nav-procedure-ticks');
  await visitor.see('procedure', { 'data-name': 'ticks', 'data-shape': 'stream' });
  await visitor.click('open');
  await visitor.see('call-view', { 'data-status': 'running' });
  await visitor.until('an item is there', async () => (await visitor.entries()).some(entry => entry.kind === 'item'));
  await visitor.click('cancel');
  await visitor.see('call-view', { 'data-status': 'cancelled' });
  const forTicks = visitor.clicks();
  assert.ok(forTicks <= 3, `${forTicks} clicks for a stream`);
  const entries = await visitor.entries();
  assert.equal(entries.filter(entry => entry.kind === 'cancel' && entry.direction === 'out').length, 1);
}));

for (const { how, frames } of FRAMES) {
  test(`what is typed is what is called${how}`, visit(server, { frames }, async visitor => {
    await visitor.click('overview-procedure-add');
    await visitor.fill('field-a', '40');
    await visitor.fill('field-b', '2');
    await visitor.click('call');
    await visitor.read('call-result', /^42$/);
  }));
}

for (const { how, frames } of FRAMES) {
  test(`everything can be done with the keyboard alone${how}`, visit(server, { frames }, async visitor => {
    const { keyboard } = visitor.page;
    const focused = () => visitor.page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      const style = element ? getComputedStyle(element) : undefined;
      return {
        id: element?.closest('[data-testid]')?.dataset.testid ?? '',
        seen: style !== undefined && (style.outlineStyle !== 'none' || style.boxShadow !== 'none'),
      };
    });
    /** Goes from one place to the next until the right one is reached. */
    const reach = async id => {
      for (let presses = 0; presses < 120; presses += 1) {
        const at = await focused();
        if (at.id === id) {
          assert.ok(at.seen, `it is to be seen where the keyboard is: ${id}`);
          return;
        }
        await keyboard.press('Tab');
      }
      assert.fail(`the keyboard does not reach ${id}`);
    };
    await keyboard.press('/');
    assert.equal((await focused()).id, 'search');
    await keyboard.type('add');
    await reach('nav-procedure-add');
    await keyboard.press('Enter');
    await visitor.see('procedure', { 'data-name': 'add' });
    await reach('field-a');
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type('20');
    await reach('field-b');
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type('22');
    await reach('call');
    await keyboard.press('Enter');
    await visitor.read('call-result', /^42$/);
    // From a field, too.
    await visitor.get('field-a').focus();
    await keyboard.press('ControlOrMeta+a');
    await keyboard.type('21');
    await keyboard.press('ControlOrMeta+Enter');
    await visitor.read('call-result', /^43$/);
    // The editor lets the keyboard out again.
    await visitor.get('tab-form').focus();
    await keyboard.press('ArrowRight');
    await visitor.see('raw-editor');
    await visitor.get('raw-editor').locator('.cm-content').focus();
    await keyboard.press('Escape');
    await keyboard.press('Tab');
    assert.notEqual((await focused()).id, 'raw-editor');
    assert.equal(visitor.clicks(), 0);
  }));
}
