import { build } from 'esbuild';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { ROOT } from '../servers.js';

/** The folder of this package. */
export const PACKAGE = `${ROOT}clients/typescript/`;

/** Switched off: everything that would look beyond this machine, or needs a graphics card. */
const OPTIONS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where Chromium is, if it is anywhere. */
function program(): string | undefined {
  const told = process.env['SWILL_CHROMIUM'];
  if (told !== undefined) return told;
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  return folders.map((folder) => `${folder}/chromium`).find(existsSync);
}

/** Why tests in a browser are left out, if they are. */
export const NO_BROWSER =
  program() === undefined ? 'there is no Chromium; SWILL_CHROMIUM can say where it is' : undefined;

/** Runs something with a browser that has a profile of its own. */
export async function browser<T>(run: (browser: Browser) => Promise<T>): Promise<T> {
  const started = await chromium.launch({
    executablePath: program() as string,
    headless: true,
    args: OPTIONS,
  });
  try {
    return await run(started);
  } finally {
    await started.close();
  }
}

/** The code that runs in a page, as one file. A module of Node in it is an error. */
export async function bundle(entry: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: PACKAGE,
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}

/** Opens a page of its own origin, on this machine, that runs a file of the tests. */
export async function page(started: Browser, entry: string): Promise<Page> {
  const script = await bundle(entry);
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><script type="module" src="/script.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const tab = await started.newPage();
  tab.on('console', (message) => console.log(`page: ${message.text()}`));
  tab.on('close', () => server.close());
  started.on('disconnected', () => server.close());
  await tab.goto(`http://127.0.0.1:${port}/`, { waitUntil: 'load' });
  return tab;
}
