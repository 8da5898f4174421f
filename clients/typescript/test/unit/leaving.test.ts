import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SINGLE, SingleCall, type Opening } from '../../src/call.js';
import { JsonRpc } from '../../src/jsonrpc.js';
import { bench, type Bench } from './fakes.js';

function call(it: Bench, opening: Partial<Opening>): Promise<unknown> {
  const made = new SingleCall(it.session, SINGLE, { name: 'add', ...opening });
  const answer = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  answer.catch(() => {});
  it.session.submit(made);
  return answer;
}

const refusal = { code: 503, message: 'the server is shutting down', data: { begun: false } };
const busy = { code: 503, message: 'too much to do' };

for (const protocol of ['swill', 'json-rpc']) {
  test(`what a leaving server has not begun is sent to the next one if it is idempotent, over ${protocol}`, async () => {
    const serving = { find: () => undefined, peer: () => assert.fail(), failed: () => {} };
    const it = bench(
      protocol === 'swill' ? {} : { protocol: (limits) => new JsonRpc({ limits, int64: 'auto' }, serving) },
    );
    const fail = (id: number, error: object): void => {
      const socket = it.sockets[0];
      if (protocol === 'swill') socket.say(id, error, 3, null, null);
      else socket.sayText({ jsonrpc: '2.0', id, error });
    };
    await it.session.connect(false);
    const again = call(it, { idempotent: true });
    const once = call(it, {});
    const told = call(it, { idempotent: true });
    for (const seq of [1, 2]) fail(seq, refusal);
    fail(3, busy);
    await assert.rejects(once, { code: 503, outcomeUnknown: false });
    await assert.rejects(told, { code: 503, message: busy.message });
    assert.equal(it.session.inFlight, 1);
    it.sockets[0].end(1001);
    it.clock.pass(50);
    for (let hop = 0; hop < 20; hop++) await Promise.resolve();
    const [, next] = it.sockets;
    assert.equal(next.sent.length, 1);
    if (protocol === 'swill') next.say(1, 'done', 0, null, null);
    else next.sayText({ jsonrpc: '2.0', id: 1, result: 'done' });
    assert.equal(await again, 'done');
  });
}
