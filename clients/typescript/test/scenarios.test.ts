import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { playAll, type Report } from './scenarios/runner.js';
import { browser, NO_BROWSER, page } from './browser/page.js';
import { example, MISSING, ROOT, start } from './servers.js';

/** A part of a name, to play only some of them. */
const only = process.env['SWILL_SCENARIO'];

const list: unknown = JSON.parse(readFileSync(`${ROOT}conformance/scenarios/scenarios.json`, 'utf8'));

function check(report: Report, where: string): void {
  console.log(`${where}: ${report.played} scenarios played, ${report.skipped.length} skipped`);
  for (const skipped of report.skipped) console.log(`  skipped ${skipped}`);
  assert.deepEqual(report.failures, []);
  assert.ok(report.played > (only === undefined ? 100 : 0), 'the list is shorter than it was');
}

const server = example('scenarios') === undefined ? MISSING : undefined;

test('every scenario is played in Node', { skip: server }, async () => {
  const { address } = await start('scenarios', '--address');
  check(await playAll(list, address, 'node', only), 'Node');
});

test('every scenario is played in a browser', { skip: server ?? NO_BROWSER }, async () => {
  const { address } = await start('scenarios', '--address');
  await browser(async (chromium) => {
    const tab = await page(chromium, 'test/browser/scenarios.ts');
    const played = `window.play(${JSON.stringify(list)}, ${JSON.stringify(address)}, ${JSON.stringify(only) ?? 'undefined'})`;
    check(await tab.evaluate<Report>(played), 'Chromium');
  });
});
