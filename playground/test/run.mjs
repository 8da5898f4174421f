// Bundles the tests, which are in TypeScript, and runs them: `node test/run.mjs`.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = await mkdtemp(join(tmpdir(), 'playground-test-'));
try {
  const names = (await readdir(here)).filter(name => name.endsWith('.test.ts'));
  await esbuild.build({
    entryPoints: names.map(name => join(here, name)),
    bundle: true,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    alias: { '@swill/client': join(here, '../../clients/typescript/src/index.ts') },
  });
  const files = names.map(name => join(out, name.replace(/\.ts$/, '.mjs')));
  const { status } = spawnSync(process.execPath, ['--test', ...files], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  await rm(out, { recursive: true, force: true });
}
