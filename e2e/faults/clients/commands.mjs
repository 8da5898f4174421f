// What a TypeScript client is told to do, and what it is told: the same in Node and in a page. See the README.

const NAMES = {
  ping_after: 'pingAfter',
  pong_within: 'pongWithin',
  write_stall: 'writeStall',
};

/**
 * Makes a client that begins to connect.
 *
 * @param {{ Client: any, SwillError: any }} swill the client library
 * @param {{ url: string, protocol: string, options: Record<string, number> }} told what the client is told
 * @param {(event: object) => void} tell takes events
 */
export function driver(swill, { url, protocol, options }, tell) {
  const limits = {};
  for (const [name, limit] of Object.entries(NAMES)) if (name in options) limits[limit] = options[name];
  const reconnect = { base: options.base ?? 100, cap: options.cap ?? 10_000 };
  if (options.attempts != null) reconnect.attempts = options.attempts;
  const client = new swill.Client({ protocol, limits, reconnect, deadline: options.deadline ?? 30_000 });
  client.onState((state) => tell({ event: 'state', kind: state.kind }));
  const connected = client.connect(url, { lazy: true, timeout: options.connect_timeout ?? 10_000 });

  const done = (id, since, value) =>
    tell({ event: 'end', id, ok: true, took: performance.now() - since, value: value ?? null });
  const failed = (id, since, error) => {
    const known = error instanceof swill.SwillError;
    tell({
      event: 'end',
      id,
      ok: false,
      took: performance.now() - since,
      code: known ? error.code : -1,
      unknown: known && error.outcomeUnknown,
      message: known ? error.message : String(error?.stack ?? error),
      data: known ? (error.data ?? null) : null,
    });
  };

  const said = (command) => {
    const asked = { idempotent: command.idempotent === true };
    if (command.deadline != null) asked.deadline = command.deadline;
    return asked;
  };

  const commands = {
    call: (command) => client.call('work', [command.id, command.ms ?? 0], said(command)),
    large: async (command) =>
      (await client.call('large', [command.id, command.size ?? 0], said(command))).length,
    async stream(command) {
      const params = [command.id, command.n ?? 0, command.ms ?? 0, command.size ?? 0];
      for await (const { n } of client.stream('count', params, said(command)))
        tell({ event: 'item', id: command.id, n });
    },
    async in(command) {
      const sender = client.streamIn('total', said(command));
      for (const n of Array(command.n ?? 0).keys()) {
        await pause(command.ms);
        await sender.send({ id: command.id, n });
      }
      return sender.finish();
    },
    async both(command) {
      const both = client.both('relay', said(command));
      const sending = async () => {
        for (const n of Array(command.n ?? 0).keys()) {
          await pause(command.ms);
          await both.send({ id: command.id, n });
        }
        await both.end();
      };
      const taking = async () => {
        for await (const n of both) tell({ event: 'item', id: command.id, n });
      };
      const [sent, taken] = await Promise.allSettled([sending(), taking()]);
      for (const half of [taken, sent]) if (half.status === 'rejected') throw half.reason;
    },
    close: () => client.close(),
  };

  /** Calls with the ids `ID.0`, `ID.1` and so on. */
  async function batch(command) {
    const ids = Array.from({ length: command.n ?? 0 }, (_, n) => `${command.id}.${n}`);
    const since = performance.now();
    const calls = client.batch();
    for (const id of ids) calls.call('work', [id, command.ms ?? 0]);
    if (command.deadline != null) calls.deadline(command.deadline);
    try {
      for (const [n, result] of (await calls.settle()).entries()) {
        if (result.status === 'fulfilled') done(ids[n], since, result.value);
        else failed(ids[n], since, result.reason);
      }
    } catch (error) {
      for (const id of ids) failed(id, since, error);
    }
  }

  async function obey(command) {
    if (command.do === 'batch') return batch(command);
    const since = performance.now();
    try {
      done(command.id, since, await commands[command.do](command));
    } catch (error) {
      failed(command.id, since, error);
    }
  }

  return { connected, obey, close: () => client.close() };
}

const pause = (ms) => (ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined);
