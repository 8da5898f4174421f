// The page shows how to call a procedure from elsewhere; here all of that is run.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { demo, SWILL, visit } from './kit.mjs';

const run = promisify(execFile);
const server = await demo();
const here = dirname(fileURLToPath(import.meta.url));

/** The repository, for the clients that are tried. */
const root = resolve(process.env.SWILL_ROOT ?? join(here, '../../..'));

const folder = await mkdtemp(join(tmpdir(), 'swill-snippets-'));
after(() => rm(folder, { recursive: true, force: true }));

/** How a snippet is run. Each returns what the program prints. */
const languages = {
  async typescript(code) {
    const { build } = await import('esbuild');
    const source = join(folder, 'snippet.ts');
    await writeFile(source, code);
    await build({
      entryPoints: [source],
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      outfile: join(folder, 'snippet.mjs'),
      alias: { '@swill/client': join(root, 'clients/typescript/src/index.ts') },
      logLevel: 'error',
    });
    return run(process.execPath, [join(folder, 'snippet.mjs')], { timeout: 30_000 });
  },
  async python(code) {
    const source = join(folder, 'snippet.py');
    await writeFile(source, code);
    return run(process.env.SWILL_PYTHON ?? 'python3', [source], { timeout: 30_000 });
  },
  async rust(code) {
    const crate = join(folder, 'rust');
    await mkdir(join(crate, 'src'), { recursive: true });
    const path = name => JSON.stringify(join(root, 'crates', name));
    await writeFile(join(crate, 'Cargo.toml'), `
[package]
name = "swill-snippet"
version = "0.0.0"
edition = "2024"

[workspace]

[dependencies]
futures-util = { version = "0.3", default-features = false }
serde_json = "1"
swill-client = { path = ${path('swill-client')} }
tokio = { version = "1", features = ["macros", "rt-multi-thread", "time"] }
`);
    await writeFile(join(crate, 'src/main.rs'), code);
    // The versions that everything else is tested with.
    await copyFile(join(root, 'Cargo.lock'), join(crate, 'Cargo.lock'));
    const env = { ...process.env, CARGO_TARGET_DIR: process.env.SWILL_SNIPPET_TARGET ?? join(folder, 'target') };
    return run(process.env.CARGO ?? 'cargo', ['run', '--quiet'], { cwd: crate, env, timeout: 600_000 });
  },
  async shell(code) {
    const path = `${dirname(resolve(SWILL))}${delimiter}${process.env.PATH}`;
    return run('sh', ['-c', code], { env: { ...process.env, PATH: path }, timeout: 30_000 });
  },
};

const missing = (process.env.SWILL_SNIPPETS_WITHOUT ?? '').split(',');

for (const [language, execute] of Object.entries(languages)) {
  const skip = missing.includes(language) && `there is nothing here to run ${language} with`;
  test(`add as it is shown in ${language} gives the answer`, { skip }, visit(server, { hash: '#/procedure/add' }, async visitor => {
    await visitor.writeRaw('{"a": 40, "b": 2}');
    await visitor.tab('snippets');
    await visitor.click(`snippet-tab-${language}`);
    await visitor.read('snippet-code', /\b40\b[\s\S]*\b2\b/);
    await visitor.click('snippet-copy');
    const code = await visitor.page.evaluate(() => navigator.clipboard.readText());
    assert.ok(code.includes(server.address), `it names this server: ${code}`);
    const { stdout } = await execute(code);
    assert.match(stdout, /\b42\b/);
  }));
}

test('there is something to copy for every procedure and language', visit(server, {}, async visitor => {
  const spec = await (await fetch(`http://${server.address}/swill.json`)).json();
  for (const { name } of spec.procedures) {
    await visitor.to(name);
    for (const language of Object.keys(languages)) {
      await visitor.tab('snippets');
      await visitor.click(`snippet-tab-${language}`);
      await visitor.read('snippet-code', name.split('.').at(-1));
    }
  }
}));
