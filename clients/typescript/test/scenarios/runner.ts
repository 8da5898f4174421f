import { Round, type Members } from './round.js';

/** What became of the list. */
export interface Report {
  /** How many rounds were played: scenarios, each once for every protocol that it names. */
  readonly played: number;
  readonly skipped: readonly string[];
  readonly failures: readonly string[];
}

const MEMBERS = ['name', 'why', 'protocols', 'not_in', 'limit_ms', 'steps'];

/** How many rounds are played at the same time. */
const AT_ONCE = 8;

/** Plays a list of scenarios, and says what became of it. */
export async function playAll(
  list: unknown,
  address: string,
  runner: 'node' | 'browser',
  only?: string,
): Promise<Report> {
  const { version, scenarios } = list as { version: unknown; scenarios: Members[] };
  if (version !== 1) throw new Error(`there is no version ${String(version)} of the list`);
  const skipped: string[] = [];
  const failures: string[] = [];
  const rounds: (() => Promise<void>)[] = [];
  for (const scenario of scenarios) {
    const name = String(scenario['name']);
    const unknown = Object.keys(scenario).find((member) => !MEMBERS.includes(member));
    const reason = ((scenario['not_in'] ?? {}) as Record<string, string>)[runner];
    if (unknown !== undefined) failures.push(`${name}: there is no member ${unknown}`);
    else if (reason !== undefined) skipped.push(`${name}: ${reason}`);
    else if (only === undefined || name.includes(only)) {
      for (const protocol of (scenario['protocols'] ?? ['swill']) as string[]) {
        rounds.push(async () => {
          const failure = await play(scenario, protocol, address);
          if (failure !== undefined) failures.push(`${name} (${protocol}): ${failure}`);
        });
      }
    }
  }
  const played = rounds.length;
  const worker = async (): Promise<void> => {
    for (let round = rounds.shift(); round !== undefined; round = rounds.shift()) await round();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { played, skipped, failures };
}

/** Plays one scenario. Why it failed, if it did. */
async function play(scenario: Members, protocol: string, address: string): Promise<string | undefined> {
  const run = `${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
  const limit = Number(scenario['limit_ms'] ?? 30_000);
  const round = new Round(address, protocol, run);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`it took longer than ${limit} ms`)), limit);
    });
    const played = round.play(scenario['steps']);
    played.catch(() => {});
    await Promise.race([played, late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
    await round.clear();
  }
}
