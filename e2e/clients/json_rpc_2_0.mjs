// npm json-rpc-2.0 over npm ws, both directions, against a server under test.
//   npm install && node json_rpc_2_0.mjs --url ws://127.0.0.1:9000/jsonrpc
import WebSocket from 'ws';
import { JSONRPCClient, JSONRPCErrorException, JSONRPCServer, JSONRPCServerAndClient } from 'json-rpc-2.0';
import { check, connected, done, failure, sleep, url } from './checks.mjs';

const webSocket = new WebSocket(url);
await connected(webSocket);
const peer = new JSONRPCServerAndClient(
  new JSONRPCServer({ errorListener() {} }),
  new JSONRPCClient(message => webSocket.send(JSON.stringify(message))),
);
webSocket.onmessage = event => peer.receiveAndSend(JSON.parse(event.data));
const ticks = [];
peer.addMethod('ping', params => ['pong', params]);
peer.addMethod('refuse', () => { throw new JSONRPCErrorException('own error', -32055); });
peer.addMethod('later', async ([n]) => { await sleep(100); return n * 2; });
peer.addMethod('tick', params => { ticks.push(params); });
peer.addMethod('batch_sent', params => { ticks.push(['batch', params]); });

await check('call positional', () => peer.request('add', [1, 2]), 3);
await check('call named', () => peer.request('subtract', { subtrahend: 23, minuend: 42 }), 19);
await check('call without params', () => peer.request('get_data'), ['hello', 5]);
await check('null result', () => peer.request('nothing'), null);
await check('unknown method', () => failure(peer.request('no.such.method')), [-32601, 'Method not found']);
await check('internal error', () => failure(peer.request('fail')), [-32603, 'Internal error']);
await check('invalid params', () => failure(peer.request('add', { a: 1, c: 2 })), [-32602, 'Invalid params']);
await check('custom error', () => failure(peer.request('error', [-32042, 'my error'])), [-32042, 'my error']);
await check('string ids', async () => {
  const answer = await peer.requestAdvanced({ jsonrpc: '2.0', id: 'ä-1', method: 'add', params: [2, 3] });
  return [answer.id, answer.result];
}, ['ä-1', 5]);
await check('batch', async () => {
  const answers = await peer.requestAdvanced([
    { jsonrpc: '2.0', id: 'one', method: 'add', params: [1, 2] },
    { jsonrpc: '2.0', method: 'note', params: ['from a batch'] },
    { jsonrpc: '2.0', id: 'two', method: 'no.such.method' },
  ]);
  return answers.map(answer => [answer.id, answer.result ?? answer.error.code]);
}, [['one', 3], ['two', -32601]]);
await check('notify', async () => {
  peer.notify('note', ['one']);
  peer.notify('note', { text: 'two' });
  return peer.request('notes');
}, [['note', ['from a batch']], ['note', ['one']], ['note', { text: 'two' }]]);
await check('server calls client', () => peer.request('call_me', ['ping', [1, 'x']]), { result: ['pong', [1, 'x']] });
await check('server calls slow client method', () => peer.request('call_me', ['later', [21]]), { result: 42 });
await check('server calls client method that fails', () => peer.request('call_me', ['refuse']), { error: { code: -32055, message: 'own error' } });
await check('server calls unknown client method', async () => (await peer.request('call_me', ['nope'])).error.code, -32601);
await check('server notifies client', async () => [await peer.request('notify_me', ['tick', [7]]), ticks.splice(0)], ['sent', [[7]]]);
await check('server sends batch', () => peer.request('batch_me', ['ping', [[1], [2]]]), [{ result: ['pong', [1]] }, { result: ['pong', [2]] }]);
await check('server sends batch with notification', () => ticks.splice(0), [['batch', [2]]]);
// Streams are no part of JSON-RPC: Swill's way to say them is in conformance/PROTOCOLS.md, 2.8.
const streams = new Map();
peer.addMethod('$/stream', ({ subscription, result, end, error }) => {
  const stream = streams.get(subscription) ?? { items: [] };
  streams.set(subscription, stream);
  if (end || error) stream.last = end ?? error.code;
  else stream.items.push(result);
  stream.heard?.();
});
const heard = (id, wanted) => new Promise(resolve => {
  const stream = streams.get(id) ?? { items: [] };
  streams.set(id, stream);
  stream.heard = () => wanted(stream) && resolve(stream);
  stream.heard();
});
await check('stream out', async () => {
  const { items, last } = await heard(await peer.request('lines', [2]), stream => 'last' in stream);
  return [items, last];
}, [['line 1', 'line 2'], true]);
await check('stream out is cancelled', async () => {
  const id = await peer.request('ticks', { ms: 1 });
  await heard(id, stream => stream.items.length >= 3);
  peer.notify('$/cancelRequest', { subscription: id });
  const { items, last } = await heard(id, stream => 'last' in stream);
  return [items.slice(0, 3), last];
}, [[0, 1, 2], -32800]);
await check('stream in is refused', () => failure(peer.request('total').catch(e => { throw Object.assign(e, { message: '' }); })), [501, '']);
await check('still connected', () => peer.request('add', [20, 22]), 42);
webSocket.close();
done();
