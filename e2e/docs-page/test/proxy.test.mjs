// Behind a proxy that puts the app at a path of its own: all addresses of the page are relative.

import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { demo, visit } from './kit.mjs';

const server = await demo();
const [host, port] = server.address.split(':');

/** Below this path the app is to be found; the app does not know. */
const PREFIX = '/api/v1';

/** Passes on what lies below the prefix, sockets too, with the host as the browser names it. */
const proxy = createServer((incoming, answer) => {
  if (!incoming.url.startsWith(`${PREFIX}/`)) {
    answer.writeHead(404).end();
    return;
  }
  const { method, headers } = incoming;
  const outgoing = request({ host, port, method, headers, path: incoming.url.slice(PREFIX.length) }, came => {
    answer.writeHead(came.statusCode, came.headers);
    came.pipe(answer);
  });
  incoming.pipe(outgoing);
});
const sockets = [];
proxy.on('upgrade', (incoming, socket, head) => {
  sockets.push(incoming.url);
  if (incoming.url !== PREFIX && !incoming.url.startsWith(`${PREFIX}/`)) {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
    return;
  }
  const upstream = connect(Number(port), host, () => {
    const lines = [];
    for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
      lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
    }
    const path = incoming.url.slice(PREFIX.length) || '/';
    upstream.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    upstream.write(head);
    socket.pipe(upstream).pipe(socket);
  });
  const close = () => {
    upstream.destroy();
    socket.destroy();
  };
  upstream.on('error', close).on('close', close);
  socket.on('error', close).on('close', close);
});
await new Promise(resolve => proxy.listen(0, '127.0.0.1', resolve));
after(() => {
  proxy.close();
  proxy.closeAllConnections();
});

const address = `127.0.0.1:${proxy.address().port}`;

test('the page works wherever a proxy puts it', visit({ address, page: `http://${address}${PREFIX}/docs` }, {}, async visitor => {
  await visitor.click('overview-procedure-add');
  await visitor.click('call');
  await visitor.see('call-view', { 'data-status': 'completed' });
  assert.ok(sockets.length > 0 && sockets.every(path => path.startsWith(PREFIX)), sockets.join());
  for (const link of ['link-swill-json', 'link-openrpc']) {
    await visitor.go('#/');
    const target = await visitor.get(link).first().evaluate(element => element.href);
    assert.ok(target.startsWith(`http://${address}${PREFIX}/`), target);
    assert.equal((await fetch(target)).status, 200);
  }
}));

test('a slash at its end leads to the page', visit({ address, page: `http://${address}${PREFIX}/docs/` }, {}, async visitor => {
  assert.equal(new URL(visitor.page.url()).pathname, `${PREFIX}/docs`);
}));
