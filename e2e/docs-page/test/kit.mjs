// What the tests of the docs page share: a server, a browser, and a visitor whose clicks are counted.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

/** After so many milliseconds without what a test waits for, it has failed. */
export const PATIENCE = 15_000;

/** So many milliseconds late, at most and by chance, all tests see every frame: to find out what depends on them. */
const LATE = Number(process.env.SWILL_FRAMES ?? 0);

/** Where the `swill` command is. */
export const SWILL = process.env.SWILL_BIN ?? 'swill';

/**
 * Starts `swill demo`.
 *
 * @param {string[]} options of the command
 * @returns {Promise<{ address: string, url: string, page: string, stop: () => Promise<void> }>}
 */
export async function demo(options = []) {
  const args = options.includes('--address') ? options : ['--address', '127.0.0.1:0', ...options];
  const server = spawn(SWILL, ['demo', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise(resolve => server.once('exit', resolve));
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) server.kill('SIGTERM');
    await ended;
  };
  after(stop);
  const address = await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', code => reject(new Error(`swill demo ended with ${code}`)));
    createInterface({ input: server.stdout }).once('line', line => {
      const [, address] = /^listening on (\S+)$/.exec(line) ?? [];
      if (address) resolve(address);
      else reject(new Error(`swill demo says ${JSON.stringify(line)} first`));
    });
  });
  return { address, url: `ws://${address}/ws`, page: `http://${address}/docs`, stop };
}

let started;

/** Frames as they come, and late ones: what is typed between two of them counts as much. */
export const FRAMES = [
  { how: '', frames: 0 },
  { how: ', while frames are late', frames: 300 },
];

/** The browser of this test file, started when it is first needed. */
function browser() {
  started ??= (async () => {
    // With a profile of its own, which playwright takes away again.
    return chromium.launch({
      executablePath: process.env.SWILL_CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
  })();
  return started;
}

// Of the whole file, not of the test that happens to be the first.
after(async () => (await started)?.close());

/** The text of an element, as it is drawn. Runs in the page. */
function seenText(element) {
  const isBlock = style => !/^(inline|contents)/.test(style.display);
  const textOf = node => {
    if (node.nodeType === Node.TEXT_NODE) return node.data.replace(/[ \n]+/g, ' ');
    if (!(node instanceof Element)) return '';
    const style = getComputedStyle(node);
    if (style.display === 'none' || style.visibility === 'hidden' || node.matches('style, script')) return '';
    const inside = node.localName === 'slot' ? node.assignedNodes({ flatten: true }) : (node.shadowRoot ?? node).childNodes;
    const text = [...inside].map(textOf).join('');
    if (style.whiteSpace.startsWith('pre')) return `${node.textContent}\n`;
    return isBlock(style) ? `\n${text}\n` : text;
  };
  return textOf(element).replace(/\n\s*\n/g, '\n').trim();
}

/** Makes frames late by so many milliseconds, as on a machine that has much to do. Runs in the page. */
function delayFrames([least, most]) {
  const { requestAnimationFrame, cancelAnimationFrame } = window;
  const cancels = new Map();
  let count = 0;
  window.requestAnimationFrame = draw => {
    const number = (count += 1);
    const timer = setTimeout(() => {
      const frame = requestAnimationFrame(time => {
        cancels.delete(number);
        draw(time);
      });
      cancels.set(number, () => cancelAnimationFrame(frame));
    }, least + Math.random() * (most - least));
    cancels.set(number, () => clearTimeout(timer));
    return number;
  };
  window.cancelAnimationFrame = number => {
    cancels.get(number)?.();
    cancels.delete(number);
  };
}

/** Somebody who looks at a page, whose clicks are counted and whose browser must have nothing to complain of. */
export class Visitor {
  /** Clicks, taps and keys that submit something, since the count was last taken. */
  #clicks = 0;
  #complaints = [];
  #requests = [];
  #expected = [];

  constructor(page, context, address) {
    this.page = page;
    this.context = context;
    this.address = address;
    page.setDefaultTimeout(PATIENCE);
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(`console: ${message.text()}`);
    });
    page.on('pageerror', error => this.#complaints.push(`exception: ${error.stack ?? error}`));
    page.on('request', request => this.#requests.push(request.url()));
    page.on('websocket', socket => this.#requests.push(socket.url()));
  }

  /**
   * Opens the docs page of a server.
   *
   * @param {{ address: string, page: string }} server
   * @param {{ hash?: string, credentials?: object, viewport?: object, colorScheme?: string, touch?: boolean,
   *   frames?: number }} options `frames` is by how many milliseconds each frame is late
   */
  static async open(server, { hash = '', viewport = { width: 1280, height: 800 }, ...options } = {}) {
    const context = await (await browser()).newContext({
      viewport,
      hasTouch: options.touch ?? false,
      colorScheme: options.colorScheme ?? 'light',
      reducedMotion: 'reduce',
      httpCredentials: options.credentials,
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    await context.addInitScript(() => {
      window.violations = [];
      document.addEventListener('securitypolicyviolation', event => {
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
      });
    });
    const { frames = 0 } = options;
    if (frames > 0 || LATE > 0) await context.addInitScript(delayFrames, frames > 0 ? [frames, frames] : [0, LATE]);
    const page = await context.newPage();
    const visitor = new Visitor(page, context, server.address);
    await page.goto(`${server.page}${hash}`);
    try {
      await visitor.see('app', { 'data-status': 'ready' });
    } catch (error) {
      await context.close();
      throw new Error(`the page does not get ready: ${visitor.#complaints.join('; ')}`, { cause: error });
    }
    return visitor;
  }

  /** The element with this id. */
  get(id) {
    return this.page.getByTestId(id);
  }

  /** Clicks on the element with this id, and counts that. */
  async click(id) {
    this.#clicks += 1;
    await this.get(id).click();
  }

  /** Types into the field with this id, in place of what is there. */
  async fill(id, text) {
    if (id.startsWith('field-')) await this.tab('form');
    await this.get(id).fill(text);
  }

  /** Goes to one of the views of the value that is sent: `form`, `editor` or `snippets`. Not counted. */
  async tab(name) {
    const tab = this.get(`tab-${name}`);
    if ((await tab.getAttribute('aria-selected')) !== 'true') await tab.click();
  }

  /** Goes to a part of what lies below the page: `history`, `wire` or `server`. Not counted. */
  async dock(name) {
    const tab = this.get(`dock-tab-${name}`);
    if (!(await tab.isVisible())) await this.get('dock-toggle').click();
    await tab.click();
  }

  /** Leads to another place of the page by its address. */
  async go(hash) {
    await this.page.evaluate(hash => { location.hash = hash; }, hash);
  }

  /** Leads to a procedure by its address. */
  async to(name) {
    await this.go(`#/procedure/${name}`);
    await this.see('procedure', { 'data-name': name });
  }

  /** Waits until the element with this id cannot be seen. */
  async gone(id) {
    await this.get(id).first().waitFor({ state: 'hidden' });
  }

  /** How many clicks there were since this was asked last. */
  clicks() {
    const clicks = this.#clicks;
    this.#clicks = 0;
    return clicks;
  }

  /** Waits until the element with this id is visible and has these attributes. */
  async see(id, attributes = {}) {
    const element = this.get(id).first();
    await element.waitFor({ state: 'visible' });
    for (const [name, value] of Object.entries(attributes)) {
      await this.until(`${id} has ${name}=${value}`, async () => (await element.getAttribute(name)) === value, async () =>
        element.getAttribute(name),
      );
    }
    return element;
  }

  /** Waits until the text of the element with this id matches. */
  async read(id, pattern) {
    const element = this.get(id).first();
    await element.waitFor({ state: 'visible' });
    const matches = async () => {
      const text = await this.text(id);
      return pattern instanceof RegExp ? pattern.test(text) : text.includes(pattern);
    };
    await this.until(`${id} reads ${pattern}`, matches, () => this.text(id));
    return this.text(id);
  }

  /** What people see of the element with this id, with what lies in shadow roots. */
  async text(id) {
    return this.get(id).first().evaluate(seenText);
  }

  /** Waits until something is so. */
  async until(what, isSo, instead = () => '') {
    const end = Date.now() + PATIENCE;
    while (!(await isSo())) {
      if (Date.now() > end) assert.fail(`waited in vain: ${what}; there is ${JSON.stringify(await instead())}`);
      await this.page.evaluate(() => new Promise(requestAnimationFrame));
    }
  }

  /** The text in the raw editor. */
  async raw() {
    await this.tab('editor');
    const lines = await this.get('raw-editor').locator('.cm-line').allTextContents();
    return lines.join('\n');
  }

  /** Writes into the raw editor, in place of what is there. */
  async writeRaw(text) {
    await this.tab('editor');
    const content = this.get('raw-editor').locator('.cm-content');
    await content.focus();
    await this.page.keyboard.press('ControlOrMeta+a');
    await this.page.keyboard.insertText(text);
  }

  /** The entries of the call in sight, in their order. Only for short lists: all of it is drawn for the occasion. */
  async entries() {
    const all = await this.page.getByTestId('entries').first().evaluate(async list => {
      const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
      list.style.height = '2000px';
      await drawn();
      const entries = [...list.shadowRoot.querySelectorAll('[data-testid^="entry-"]')].map(entry => ({
        number: Number(entry.dataset.testid.slice('entry-'.length)),
        direction: entry.dataset.direction,
        kind: entry.dataset.kind,
        text: entry.closest('[role=option]').textContent.replace(/\s+/g, ' ').trim(),
      }));
      list.style.height = '';
      await drawn();
      return entries;
    });
    return all.sort((one, other) => one.number - other.number);
  }

  /** From now on complaints that match are what the test wants. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /** Ends the visit: nothing was complained of, nothing was asked of anybody else. */
  async leave() {
    const violations = await this.page.evaluate(() => window.violations);
    await this.context.close();
    const complaints = [...this.#complaints, ...violations.map(violation => `policy: ${violation}`)];
    const unexpected = complaints.filter(text => !this.#expected.some(pattern => pattern.test(text)));
    assert.deepEqual(unexpected, [], 'the browser complains of nothing');
    const elsewhere = this.#requests.filter(url => {
      const { protocol, host } = new URL(url);
      return !['http:', 'ws:'].includes(protocol) || host !== this.address;
    });
    assert.deepEqual(elsewhere.filter(url => !url.startsWith('data:')), [], 'nobody else is asked');
  }
}

/**
 * Runs a test with a visitor, who has to leave without complaints.
 *
 * @param {(visitor: Visitor) => Promise<void>} body
 */
export function visit(server, options, body) {
  return async () => {
    const visitor = await Visitor.open(typeof server === 'function' ? server() : server, options);
    try {
      await body(visitor);
    } catch (error) {
      if (process.env.SWILL_SHOTS) {
        const name = String(error.message).replace(/[^a-z0-9]+/gi, '-').slice(0, 60);
        await visitor.page.screenshot({ path: join(process.env.SWILL_SHOTS, `failed-${name}.png`) }).catch(() => {});
      }
      await visitor.context.close();
      throw error;
    }
    await visitor.leave();
  };
}
