// Serves the page for an app that runs elsewhere: `node dev.mjs http://127.0.0.1:8000/ws [PORT]`.
//
// Everything that is no file of the page is asked of the app, sockets included, as if both were one server.
// The bundle is made anew for every request, not compressed.

import { readFile } from 'node:fs/promises';
import { createServer, request as ask } from 'node:http';
import { bundle } from './build.mjs';

const here = new URL('.', import.meta.url);
const app = new URL(process.argv[2] ?? 'http://127.0.0.1:8000/');
const port = Number(process.argv[3] ?? 8080);
const below = app.pathname.replace(/\/$/, '');

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FILES = {
  [`${below}/docs`]: ['text/html', () => readFile(new URL('index.html', here))],
  [`${below}/docs/icon.svg`]: ['image/svg+xml', () => readFile(new URL('icon.svg', here))],
  [`${below}/docs/app.js`]: ['text/javascript', async () => (await bundle({ minify: false })).script],
  [`${below}/docs/app.css`]: ['text/css', async () => (await bundle({ minify: false })).style],
};

const target = incoming => ({
  host: app.hostname,
  port: app.port,
  path: incoming.url,
  method: incoming.method,
  headers: { ...incoming.headers, host: app.host, ...(incoming.headers.origin && { origin: app.origin }) },
});

const server = createServer(async (incoming, outgoing) => {
  const [type, content] = FILES[new URL(incoming.url, app).pathname] ?? [];
  if (type) {
    outgoing.writeHead(200, {
      'Content-Type': `${type}; charset=utf-8`,
      'Content-Security-Policy': POLICY,
      'Cache-Control': 'no-store',
    });
    outgoing.end(await content());
    return;
  }
  const asked = ask(target(incoming), answer => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  asked.on('error', error => outgoing.writeHead(502).end(String(error)));
  incoming.pipe(asked);
});

server.on('upgrade', (incoming, socket, head) => {
  const asked = ask(target(incoming));
  asked.on('upgrade', (answer, upstream, first) => {
    const headers = answer.rawHeaders
      .map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`))
      .join('');
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${headers}\r\n`);
    socket.write(first);
    upstream.write(head);
    upstream.pipe(socket).pipe(upstream);
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  asked.on('response', answer =>
    socket.end(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\nConnection: close\r\n\r\n`),
  );
  asked.on('error', () => socket.destroy());
  asked.end();
});

server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}${below}/docs`));
