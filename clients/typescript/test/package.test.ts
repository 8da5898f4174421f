// The package as users get it: packed, installed into an empty project, used, and bundled.
import assert from 'node:assert/strict';
import { build } from 'esbuild';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PACKAGE } from './browser/page.js';
import { folder, lines, run } from './programs.js';
import { example, MISSING, start } from './servers.js';

const skip = example('conformance') === undefined ? MISSING : false;
const TSC = join(PACKAGE, 'node_modules/typescript/bin/tsc');

/** The TypeScript of the README, block by block. */
const blocks = [...readFileSync(join(PACKAGE, 'README.md'), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(
  ([, code = '']) => code,
);

const project = folder();

/** What a program of the README says that it prints. */
function promised(code: string): string[] {
  return [...code.matchAll(/\/\/ prints (.*)$/gm)].flatMap(([line, text = '']) =>
    /[{[]/.test(line) ? [text] : text.split(', '),
  );
}

/** Whether nobody listens at the port that the quick start means. */
async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

before(async () => {
  const packed = JSON.parse(
    await run(
      PACKAGE,
      'npm',
      'pack',
      '--json',
      '--silent',
      '--ignore-scripts',
      '--pack-destination',
      project,
    ),
  ) as [{ filename: string; files: { path: string }[] }];
  const [{ filename, files }] = packed;
  const names = files.map(({ path }) => path);
  for (const name of ['dist/index.js', 'dist/index.d.ts', 'README.md', 'package.json']) {
    assert.ok(names.includes(name), `${name} is not in the package: run \`npm run build\``);
  }
  assert.deepEqual(
    names.filter((name) => /test|node_modules/.test(name)),
    [],
  );
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }');
  // Without a registry: the package needs no other.
  const quiet = ['--silent', '--no-audit', '--no-fund'];
  await run(project, 'npm', 'install', '--offline', ...quiet, join(project, filename));
});

test('it has no dependencies', () => {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8')) as { packages: object };
  assert.deepEqual(Object.keys(lock.packages), ['', 'node_modules/@swill/client']);
});

test('the three lines work as they stand', { skip }, async (context) => {
  writeFileSync(join(project, 'quick-start.mjs'), blocks[0]);
  const program = [
    process.execPath,
    fileURLToPath(new URL('alone.js', import.meta.url)),
    project,
    'quick-start.mjs',
  ];
  if (!(await isFree(8000))) {
    // Where that is possible, in a network in which nobody else listens there.
    const network = [
      '--user',
      '--map-root-user',
      '--net',
      'sh',
      '-c',
      'ip link set lo up && exec "$@"',
      'sh',
    ];
    const possible = await run(project, 'unshare', ...network, 'true').then(
      () => true,
      () => false,
    );
    if (!possible) return context.skip('something listens at port 8000 already');
    program.unshift('unshare', ...network);
  }
  const [command, ...options] = program as [string, ...string[]];
  assert.equal(await run(project, command, ...options), '3\n');
});

test('the programs of the README do what they say', { skip }, async () => {
  const { address } = await start('conformance', '--addr');
  const programs = join(project, 'readme');
  mkdirSync(programs);
  const typescript = ['--module', 'nodenext', '--target', 'es2022', '--outDir', programs, '--skipLibCheck'];
  for (const [at, code] of blocks.entries()) {
    // The only change: where the server is.
    const here = code.replaceAll("'localhost'", `'${address}'`).replaceAll('localhost:8000', address);
    writeFileSync(join(project, `readme-${at}.ts`), here);
  }
  const files = blocks.map((_, at) => `readme-${at}.ts`);
  await run(project, process.execPath, TSC, ...typescript, ...files);
  for (const [at, code] of blocks.entries()) {
    const wanted = promised(code);
    assert.ok(wanted.length > 0, `block ${at} of the README promises nothing`);
    assert.deepEqual(await lines(project, join(programs, `readme-${at}.js`), wanted.length), wanted);
  }
});

for (const [name, lib, types] of [
  ['a page', 'es2022,dom', ''],
  ['a program of Node', 'es2022', join(PACKAGE, 'node_modules/@types/node')],
]) {
  test(`the strictest compiler takes its types in ${name}`, async () => {
    blocks.forEach((code, at) => {
      const noConsole = types === '' ? '' : '/// <reference types="node" />\n';
      writeFileSync(join(project, `strict-${at}.ts`), `${noConsole}${code}\nexport {};\n`);
    });
    const strict = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--noImplicitOverride',
    ];
    const others = ['--noPropertyAccessFromIndexSignature', '--isolatedModules', '--verbatimModuleSyntax'];
    const where = ['--module', 'nodenext', '--target', 'es2022', '--lib', lib, '--noEmit', '--types', types];
    const roots = types === '' ? [] : ['--typeRoots', join(PACKAGE, 'node_modules/@types')];
    const named = types === '' ? where.slice(0, -2) : [...where.slice(0, -1), 'node'];
    const files = blocks.map((_, at) => `strict-${at}.ts`);
    await run(project, process.execPath, TSC, ...strict, ...others, ...named, ...roots, ...files);
  });
}

test('a bundle for a page is small and has nothing of Node in it', async () => {
  writeFileSync(join(project, 'page.js'), blocks[0]);
  const { outputFiles, metafile } = await build({
    absWorkingDir: project,
    entryPoints: ['page.js'],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  });
  const [{ text }] = outputFiles;
  assert.doesNotMatch(text, /["']node:/);
  assert.ok(!Object.keys(metafile.inputs).some((name) => /socket\/(handshake|frames)/.test(name)));
  assert.ok(text.length < 60_000, `${text.length} bytes`);
});
