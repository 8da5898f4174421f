import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** A folder that is gone when the process is. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'swill-client-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** Runs a program to its end, and returns what it printed. */
export async function run(directory: string, program: string, ...options: string[]): Promise<string> {
  try {
    return (await execute(program, options, { cwd: directory })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${options.join(' ')} failed:\n${stdout ?? ''}${stderr ?? ''}`, {
      cause: error,
    });
  }
}

/** Runs a program until it has printed so many lines, and returns them. It need not come to an end. */
export async function lines(directory: string, file: string, count: number): Promise<string[]> {
  const child = spawn(process.execPath, [file], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  const printed: string[] = [];
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      printed.push(line);
      if (printed.length === count) break;
    }
  } finally {
    child.kill();
  }
  return printed;
}
