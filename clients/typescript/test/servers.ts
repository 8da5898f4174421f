import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

/** A server of the examples, at an address of its own. */
export interface Server {
  /** Host and port. */
  readonly address: string;
  /** Ends it, and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** The root of the repository, seen from where the compiled tests lie. */
export const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** Where the program of an example is: in `SWILL_EXAMPLES`, or where cargo has built it. */
export function example(name: string): string | undefined {
  const told = process.env['SWILL_EXAMPLES'];
  const folders =
    told === undefined ? [`${ROOT}target/release/examples`, `${ROOT}target/debug/examples`] : [told];
  return folders.map((folder) => `${folder}/${name}`).find(existsSync);
}

/** Why tests with a server are left out. */
export const MISSING =
  'there is no server: run `cargo build --examples`, or say where it is by SWILL_EXAMPLES';

/** Starts an example, which ends with this process. */
export async function start(name: string, option: string, port = 0): Promise<Server> {
  const program = example(name);
  if (program === undefined) throw new Error(MISSING);
  const child = spawn(program, [option, `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'ignore'] });
  process.once('exit', () => child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^listening on (.*)$/.exec(line)?.[1];
    if (address === undefined) continue;
    // It is not to be waited for when everything else is done.
    child.stdout.resume();
    (child.stdout as Socket).unref();
    child.unref();
    return { address, stop: (signal = 'SIGTERM') => stopped(child, signal) };
  }
  throw new Error(`${name} did not say where it listens`);
}

function stopped(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  return gone;
}
