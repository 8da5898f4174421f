// What must never happen: strangers who look, scripts from elsewhere, people who cannot use the page.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { demo, visit, Visitor } from './kit.mjs';

const server = await demo();
const spec = await (await fetch(`http://${server.address}/swill.json`)).json();
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

test('a password is asked for', async () => {
  const guarded = await demo(['--password', 'ann:secret']);
  for (const credentials of [undefined, { username: 'ann', password: 'wrong' }]) {
    for (const path of ['docs', 'docs/app.js', 'swill.json']) {
      const headers = credentials
        ? { authorization: `Basic ${btoa(`${credentials.username}:${credentials.password}`)}` }
        : {};
      const response = await fetch(`http://${guarded.address}/${path}`, { headers });
      assert.equal(response.status, 401, path);
      assert.match(response.headers.get('www-authenticate'), /^Basic /, path);
    }
  }
  const visitor = await Visitor.open(guarded, { credentials: { username: 'ann', password: 'secret' } });
  visitor.expect(/401/);
  await visitor.click('overview-procedure-add');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.leave();
});

test('a page to read calls nothing', async () => {
  const server = await demo(['--read-only']);
  await visit(server, {}, async visitor => {
    const sockets = [];
    visitor.page.on('websocket', socket => sockets.push(socket.url()));
    for (const { name } of spec.procedures) {
      await visitor.click(`nav-procedure-${name}`);
      await visitor.see('procedure', { 'data-name': name });
      await visitor.see('read-only');
      for (const button of ['call', 'open', 'send']) {
        const there = visitor.get(button);
        assert.ok((await there.count()) === 0 || (await there.isDisabled()), `${button} of ${name}`);
      }
    }
    assert.deepEqual(sockets, []);
  })();
});

test('the page keeps nothing but the theme', visit(server, {}, async visitor => {
  await visitor.click('overview-procedure-add');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await visitor.click('connection-status');
  await visitor.fill('connection-token', 'secret-token');
  await visitor.page.keyboard.press('Escape');
  await visitor.click('theme-toggle');
  const kept = await visitor.page.evaluate(async () => ({
    local: { ...localStorage },
    session: { ...sessionStorage },
    cookies: document.cookie,
    databases: (await indexedDB.databases()).length,
    address: location.href,
  }));
  assert.ok(!JSON.stringify(kept).includes('secret-token'), JSON.stringify(kept));
  assert.ok(Object.keys(kept.local).length <= 1, JSON.stringify(kept.local));
  assert.deepEqual([kept.session, kept.cookies, kept.databases], [{}, '', 0]);
}));

for (const colorScheme of ['light', 'dark']) {
  test(`everybody can use it, ${colorScheme}`, visit(server, { colorScheme }, async visitor => {
    const check = async where => {
      // The policy lets no script in but the page's own; this comes through the tools of the developer.
      await visitor.page.evaluate(await source());
      const { violations } = await visitor.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(node => node.target.flat().join(' ')).join(', ')}`);
      assert.deepEqual(found, [], where);
    };
    await check('the first page');
    await visitor.click('nav-procedure-shop.order');
    await visitor.see('procedure', { 'data-name': 'shop.order' });
    await check('a large form');
    await visitor.click('nav-procedure-count');
    await visitor.writeRaw('{"to": 5, "pause_ms": 0}');
    await visitor.click('open');
    await visitor.see('call-view', { 'data-status': 'completed' });
    await check('a stream');
    await visitor.click('connection-status');
    await visitor.see('connection-panel');
    await check('the connection');
  }));
}

let axeSource;
async function source() {
  const { readFile } = await import('node:fs/promises');
  axeSource ??= await readFile(axe, 'utf8');
  return axeSource;
}

test('a small screen needs no scrolling to the side', visit(server, { viewport: { width: 360, height: 740 }, touch: true }, async visitor => {
  const fits = async where => {
    const { wide, screen } = await visitor.page.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      screen: innerWidth,
    }));
    assert.ok(wide <= screen, `${where}: ${wide} on a screen of ${screen}`);
  };
  await fits('the first page');
  await visitor.click('overview-procedure-add');
  await visitor.see('procedure', { 'data-name': 'add' });
  await fits('a procedure');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  await fits('an answer');
  // The answer is in sight, above what lies at the bottom, and that is where the screen ends.
  const inSight = async () => {
    const [answer, dock] = [await visitor.get('call-result').boundingBox(), await visitor.get('dock-toggle').boundingBox()];
    return answer.y >= 0 && answer.y + Math.min(answer.height, 20) <= dock.y && dock.y > 640;
  };
  await visitor.until('the answer is in sight', inSight, () => visitor.get('call-result').boundingBox());
  for (const name of ['shop.order', 'count', 'lab.digest', 'multiply']) {
    await visitor.click('menu-toggle');
    await visitor.click(`nav-procedure-${name}`);
    await visitor.see('procedure', { 'data-name': name });
    await fits(name);
  }
  // What is to be touched is large enough for a finger.
  for (const id of ['menu-toggle', 'open', 'theme-toggle']) {
    const box = await visitor.get(id).first().boundingBox();
    assert.ok(box && box.height >= 24 && box.width >= 24, `${id}: ${JSON.stringify(box)}`);
  }
}));
