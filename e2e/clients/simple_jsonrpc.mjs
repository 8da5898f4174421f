// npm simple-jsonrpc-js over npm ws, both directions, against a server under test.
//   npm install && node simple_jsonrpc.mjs --url ws://127.0.0.1:9000/jsonrpc
import WebSocket from 'ws';
import JsonRpc from 'simple-jsonrpc-js';
import { check, connected, done, failure, sleep, url } from './checks.mjs';

const webSocket = new WebSocket(url);
await connected(webSocket);
const peer = new JsonRpc();
peer.toStream = text => webSocket.send(text);
webSocket.onmessage = event => peer.messageHandler(event.data);
const ticks = [];
peer.on('ping', ['a', 'b'], (a, b) => ['pong', a, b]);
peer.on('later', ['n'], async n => { await sleep(100); return n * 2; });
peer.on('refuse', () => { throw peer.customException(-32055, 'own error'); });
peer.on('tick', 'pass', params => { ticks.push(params); });

await check('call positional', () => peer.call('add', [1, 2]), 3);
await check('call named', () => peer.call('subtract', { subtrahend: 23, minuend: 42 }), 19);
await check('call without params', () => peer.call('get_data'), ['hello', 5]);
await check('null result', () => peer.call('nothing'), null);
await check('unknown method', () => failure(peer.call('no.such.method')), [-32601, 'Method not found']);
await check('internal error', () => failure(peer.call('fail')), [-32603, 'Internal error']);
await check('invalid params', () => failure(peer.call('add', [1])), [-32602, 'Invalid params']);
await check('custom error', () => failure(peer.call('error', [-32042, 'my error'])), [-32042, 'my error']);
await check('batch', () => peer.batch([
  { call: { method: 'add', params: [1, 2] } },
  { notification: { method: 'note', params: ['from a batch'] } },
  { call: { method: 'sum', params: [1, 2, 3] } },
]), [3, 6]);
await check('notify', async () => {
  peer.notification('note', { text: 'two' });
  return peer.call('notes');
}, [['note', ['from a batch']], ['note', { text: 'two' }]]);
await check('server calls client', () => peer.call('call_me', ['ping', [1, 'x']]), { result: ['pong', 1, 'x'] });
await check('server calls client named', () => peer.call('call_me', ['ping', { b: 1, a: 2 }]), { result: ['pong', 2, 1] });
await check('server calls slow client method', () => peer.call('call_me', ['later', [21]]), { result: 42 });
await check('server calls client method that fails', () => peer.call('call_me', ['refuse']), { error: { code: -32055, message: 'own error' } });
await check('server calls unknown client method', async () => (await peer.call('call_me', ['nope'])).error.code, -32601);
await check('server notifies client', async () => [await peer.call('notify_me', ['tick', [7]]), ticks.splice(0)], ['sent', [[7]]]);
await check('still connected', () => peer.call('add', [20, 22]), 42);
webSocket.close();
done();
