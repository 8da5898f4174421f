// How it looks: light and dark follow the system and the button, and pictures are taken for people to judge.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { demo, visit } from './kit.mjs';

const server = await demo();

/** Where pictures go, if somebody wants them. */
const folder = process.env.SWILL_SHOTS;

async function picture(visitor, name) {
  if (folder) await visitor.page.screenshot({ path: join(folder, `${name}.png`) });
}

/** How bright the page is, from 0 to 1. */
const brightness = visitor =>
  visitor.page.evaluate(() => {
    const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  });

for (const colorScheme of ['light', 'dark']) {
  const isRight = value => (colorScheme === 'light' ? value > 0.8 : value < 0.2);

  test(`${colorScheme}, as the system has it`, visit(server, { colorScheme }, async visitor => {
    assert.ok(isRight(await brightness(visitor)));
    await picture(visitor, `overview-${colorScheme}`);

    await visitor.click('nav-procedure-add');
    await visitor.writeRaw('{"a": 40, "b": 2}');
    await visitor.click('call');
    await visitor.see('call-view', { 'data-status': 'completed' });
    await picture(visitor, `call-${colorScheme}`);

    await visitor.click('nav-procedure-multiply');
    await visitor.click('open');
    for (const [factor, product] of [[2, 2], [3, 6], [7, 42]]) {
      await visitor.writeRaw(String(factor));
      await visitor.click('send');
      await visitor.until(`${product} comes`, async () =>
        (await visitor.entries()).some(({ direction, text }) => direction === 'in' && new RegExp(`\\b${product}\\b`).test(text)),
      );
    }
    await visitor.click('end');
    await visitor.see('call-view', { 'data-status': 'completed' });
    await visitor.page.setViewportSize({ width: 1280, height: 1020 });
    await picture(visitor, `docs-page-${colorScheme}`);
    await visitor.page.setViewportSize({ width: 1280, height: 800 });
    await visitor.dock('wire');
    await visitor.page.locator('[data-testid^="wire-frame-"]').first().click();
    await picture(visitor, `stream-${colorScheme}`);
    await visitor.click('dock-toggle');

    await visitor.click('nav-procedure-shop.order');
    await visitor.see('procedure', { 'data-name': 'shop.order' });
    await visitor.tab('form');
    await visitor.fill('field-order.customer.email', 'nonsense');
    await visitor.see('problem-order.customer.email');
    await picture(visitor, `form-${colorScheme}`);
  }));

  test(`${colorScheme}, on a telephone`, visit(server, { colorScheme, viewport: { width: 360, height: 740 }, touch: true }, async visitor => {
    await picture(visitor, `small-overview-${colorScheme}`);
    await visitor.click('overview-procedure-add');
    await visitor.click('call');
    await visitor.see('call-view', { 'data-status': 'completed' });
    await picture(visitor, `small-call-${colorScheme}`);
    await visitor.click('menu-toggle');
    await visitor.see('nav-procedure-add');
    await picture(visitor, `small-menu-${colorScheme}`);
    assert.ok(isRight(await brightness(visitor)));
  }));
}

test('the button changes the theme, and it stays', visit(server, { colorScheme: 'light' }, async visitor => {
  assert.ok((await brightness(visitor)) > 0.8);
  for (let clicks = 0; clicks < 3 && (await brightness(visitor)) > 0.5; clicks += 1) await visitor.click('theme-toggle');
  assert.ok((await brightness(visitor)) < 0.2, 'it is dark now');
  await visitor.page.reload();
  await visitor.see('app', { 'data-status': 'ready' });
  assert.ok((await brightness(visitor)) < 0.2, 'it is dark still');
}));
