// The driver of the TypeScript client in a browser. `SWILL_TYPESCRIPT` says where the built client is, `SWILL_CHROMIUM`
// where the browser. Pages cannot ping: a server that has gone without a word is noticed by the server only.

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, extname, join, normalize } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [url, protocol, options] = process.argv.slice(2);
const dist = dirname(process.env.SWILL_TYPESCRIPT);
const here = dirname(fileURLToPath(import.meta.url));
const { chromium } = createRequire(join(dist, 'index.js'))('playwright-core');

/** The page and what it imports: the built client, and the commands. */
const pages = createServer(async (request, response) => {
  if (request.url === '/') {
    response.setHeader('content-type', 'text/html');
    return response.end('<!doctype html><title>driver</title>');
  }
  const path = normalize(request.url);
  try {
    const file = path === '/commands.mjs' ? join(here, path) : join(dist, path);
    response.setHeader('content-type', extname(file) === '.html' ? 'text/html' : 'text/javascript');
    response.end(await readFile(file));
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));

const browser = await chromium.launch({
  executablePath: process.env.SWILL_CHROMIUM,
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
process.stdout.on('error', () => process.exit(0));
try {
  const page = await browser.newPage();
  await page.exposeFunction('tell', (events) =>
    process.stdout.write(events.map((event) => `${JSON.stringify(event)}\n`).join('')),
  );
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.evaluate(
    async (told) => {
      const swill = await import('/index.js');
      const { driver } = await import('/commands.mjs');
      // The way out of a page is long: what happens at nearly the same time takes it together.
      let events = [];
      const leave = () => {
        globalThis.tell(events);
        events = [];
      };
      globalThis.driver = driver(swill, told, (event) => {
        if (events.push(event) === 1) setTimeout(leave, 2);
      });
      await globalThis.driver.connected;
    },
    { url, protocol, options: JSON.parse(options) },
  );
  for await (const line of createInterface({ input: process.stdin }))
    await page.evaluate((command) => void globalThis.driver.obey(command), JSON.parse(line));
  await page.evaluate(async () => {
    await globalThis.driver.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
} finally {
  await browser.close();
  pages.close();
}
