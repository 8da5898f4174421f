// What the programs in JavaScript share: their arguments, the calls, and the line that says what they cost.
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'in-flight': { type: 'string', default: '1' },
    calls: { type: 'string', default: '10000' },
    warmup: { type: 'string', default: '1000' },
  },
});

/** The address that the server was said to have. */
export const url = values.url ?? '';

/** Makes `add` so often, and checks every answer. */
async function make(add, inFlight, calls) {
  let next = 0;
  const caller = async () => {
    while (next < calls) {
      const number = next++;
      const answer = await add(number, 2);
      if (answer !== number + 2) throw new Error(`${number} + 2 is not ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, caller));
}

/** Calls, and prints what it cost. */
export async function measure(client, add) {
  if (url === '') throw new Error('--url is missing');
  const inFlight = Number(values['in-flight']);
  const calls = Number(values.calls);
  await make(add, inFlight, Number(values.warmup));
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await make(add, inFlight, calls);
  const { user, system } = process.cpuUsage(cpuBefore);
  const seconds = (performance.now() - start) / 1000;
  const cpuSeconds = (user + system) / 1e6;
  console.log(JSON.stringify({ client, in_flight: inFlight, calls, cpu_seconds: cpuSeconds, seconds }));
}
