// Node's own WebSocket, as strict as a browser's, with @msgpack/msgpack: swill/1 by its token `swill.1`.
//   npm install && node --experimental-websocket node_websocket.mjs --url ws://127.0.0.1:9000/ws
// Node 22 and later need no flag.
import { decode, encode } from '@msgpack/msgpack';
import { check, connected, done, url } from './checks.mjs';

const [MESSAGE, END_OF_STREAM, , ERROR] = [0, 1, 2, 3];
const CANCEL = 3;

await check('the slash is refused by the client itself', () => {
  try {
    new WebSocket(url, ['swill/1']).close();
    return 'accepted';
  } catch (e) {
    return e.name;
  }
}, 'SyntaxError');
const socket = new WebSocket(url, ['swill.1']);
socket.binaryType = 'arraybuffer';
await connected(socket, 'swill.1');

let last = 0;
const calls = new Map();
socket.onmessage = event => {
  const [seq, data, type] = decode(new Uint8Array(event.data));
  const call = calls.get(seq);
  if (!call) return console.log(`FAIL a message for call ${seq}, which is over or was never made`);
  if (type === MESSAGE) call.items.push(data);
  if (type === ERROR) { call.end([data.code, data.message]); calls.delete(seq); }
  if (type === END_OF_STREAM || (type === MESSAGE && !call.streams)) { call.end(call.streams ? call.items : data); calls.delete(seq); }
  call.heard?.();
};

function open(rpc, messages, streams = false) {
  const seq = last += 1;
  const call = { seq, items: [], streams };
  call.over = new Promise(resolve => { call.end = resolve; });
  calls.set(seq, call);
  for (const message of messages) socket.send(encode([seq, ...message.slice(0, 1), rpc, ...message.slice(1)]));
  return call;
}
const call = (rpc, data) => open(rpc, [[data]]).over;

await check('call', () => call('add', [1, 2]), 3);
await check('any value', () => call('echo', { a: [1, -2.5, null, true, 'ä€😀', new Uint8Array([0, 255])] }), { a: [1, -2.5, null, true, 'ä€😀', new Uint8Array([0, 255])] });
await check('nothing', () => call('nothing', null), null);
await check('error', () => call('error', { code: 409, message: 'my error' }), [409, 'my error']);
await check('unknown procedure', async () => (await call('no.such.procedure', null))[0], 404);
await check('many at once', () => Promise.all([...Array(50).keys()].map(i => call('add', [i, i]))), [...Array(50).keys()].map(i => 2 * i));
await check('stream out', () => open('lines', [[3]], true).over, ['line 1', 'line 2', 'line 3']);
await check('stream out with an error', () => open('broken_lines', [[1]], true).over, [409, 'line broke']);
await check('stream in', () => open('total', [[1], [2], [3], [null, END_OF_STREAM]]).over, 6);
await check('stream in and out', () => open('multiply', [[2], [3], [7], [null, END_OF_STREAM]], true).over, [2, 6, 42]);
await check('cancel', async () => {
  const ticks = open('ticks', [[1]], true);
  await new Promise(resolve => { ticks.heard = () => ticks.items.length >= 3 && resolve(); });
  socket.send(encode([ticks.seq, null, 'ticks', CANCEL]));
  // What was on its way is still let in; the answer of a later call shows that nothing comes behind it.
  await call('slow', 50);
  const before = ticks.items.length;
  await call('slow', 50);
  return [ticks.items.slice(0, 3), ticks.items.length - before];
}, [[0, 1, 2], 0]);
await check('large', async () => (await call('echo', 'x'.repeat(200_000))).length, 200_000);
await check('close', () => new Promise(resolve => { socket.onclose = event => resolve([event.code, event.wasClean]); socket.close(1000); }), [1000, true]);
done();
