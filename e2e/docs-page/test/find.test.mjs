// How things are found: the list, the search, links.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, visit } from './kit.mjs';

const server = await demo();
const spec = await (await fetch(`http://${server.address}/swill.json`)).json();

test('everything that can be called is listed, with its modules', visit(server, {}, async visitor => {
  for (const { name } of spec.procedures) {
    await visitor.see(`nav-procedure-${name}`);
    await visitor.see(`overview-procedure-${name}`);
  }
  for (const { name } of spec.modules.filter(module => module.name)) {
    await visitor.see(`nav-module-${name}`);
  }
  assert.equal(await visitor.page.title().then(title => title.includes('Swill demo')), true);
  for (const link of ['link-swill-json', 'link-openrpc', 'link-asyncapi']) {
    const target = await visitor.get(link).first().evaluate(element => element.href);
    assert.equal((await fetch(target)).status, 200, link);
  }
}));

test('a page of each procedure says all that the description says', visit(server, {}, async visitor => {
  for (const { name, doc, parameters, items, errors = [], metadata = {} } of spec.procedures) {
    await visitor.click(`nav-procedure-${name}`);
    await visitor.see('procedure', { 'data-name': name });
    await visitor.read('procedure-title', name.split('.').at(-1));
    await visitor.read('procedure-doc', doc.split(/[.`(]/)[0]);
    for (const parameter of parameters ?? []) await visitor.read(`parameter-${parameter.name}`, parameter.name);
    if (items) await visitor.see('item-type');
    await visitor.see('result-type');
    for (const error of errors) await visitor.read(`error-${error.name}`, String(error.code));
    for (const [place, keys] of Object.entries(metadata)) {
      for (const key of keys) await visitor.read(`metadata-${place}-${key.name}`, key.doc);
    }
  }
}));

test('constraints, defaults and documentation of parts are shown', visit(server, {}, async visitor => {
  await visitor.click('nav-procedure-shop.order');
  const order = await visitor.text('parameter-order');
  for (const part of ['customer', 'lines', 'payment', 'delivery', 'note', 'engravings']) {
    assert.ok(order.includes(part), `${part} is in ${order}`);
  }
  await visitor.click('nav-procedure-ticks');
  const parameter = await visitor.text('parameter-every_ms');
  for (const part of ['1000', '10', '60000', 'The time between two ticks.']) {
    assert.ok(parameter.replaceAll(/[ ,\u2009]/g, '').includes(part.replaceAll(' ', '')), `${part} is in ${parameter}`);
  }
}));

test('the search finds names, modules and words', visit(server, {}, async visitor => {
  const listed = async () => {
    const ids = await visitor.page.locator('[data-testid^="nav-procedure-"]:visible').evaluateAll(entries =>
      entries.map(entry => entry.dataset.testid.slice('nav-procedure-'.length)),
    );
    return ids.sort();
  };
  const all = spec.procedures.map(({ name }) => name).sort();
  for (const [text, expected] of [
    ['add', ['add']],
    ['stock', ['shop.stock.level', 'shop.stock.watch']],
    ['ADD', ['add']],
    ['base64', ['lab.digest']],
    ['nothing of that kind', []],
    ['', all],
  ]) {
    await visitor.fill('search', text);
    const found = async () => {
      const names = await listed();
      return text === 'add' || text === 'ADD' ? names.includes('add') && names.length < all.length : names.join() === expected.join();
    };
    await visitor.until(`${JSON.stringify(text)} finds ${expected}`, found, listed);
  }
}));

test('links lead to procedures, modules and filled-in calls', visit(server, {}, async visitor => {
  await visitor.go('#/procedure/shop.stock.level');
  await visitor.see('procedure', { 'data-name': 'shop.stock.level' });
  await visitor.go('#/module/shop.stock');
  await visitor.see('module', { 'data-name': 'shop.stock' });
  await visitor.go(`#/procedure/add?params=${encodeURIComponent('{"a":40,"b":2}')}`);
  await visitor.see('procedure', { 'data-name': 'add' });
  await visitor.until('the parameters are filled in', async () => (await visitor.get('field-a').inputValue()) === '40');
  await visitor.click('call');
  await visitor.read('call-result', /^42$/);
  // The address changes with what is seen, and the way back leads back.
  await visitor.click('nav-procedure-total');
  await visitor.until('the address follows', () => visitor.page.url().includes('#/procedure/total'));
  await visitor.page.goBack();
  await visitor.see('procedure', { 'data-name': 'add' });
  await visitor.go('#/procedure/no.such');
  await visitor.page.getByText('no.such').first().waitFor();
  await visitor.click('home');
  await visitor.see('overview');
}));

test('a link opens where it leads', visit(server, { hash: '#/procedure/shop.order' }, async visitor => {
  await visitor.see('procedure', { 'data-name': 'shop.order' });
  await visitor.click('copy-link');
  const copied = await visitor.page.evaluate(() => navigator.clipboard.readText());
  assert.ok(copied.startsWith(`${server.page}#/procedure/shop.order`), copied);
}));
