// Makes the files that are served: one script, one style sheet, the page, the icon. The same source gives the
// same bytes.
//
// `node build.mjs` writes them; `node build.mjs --check` compares them with those that are there.

import { readFile, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import zopfli from '@gfx/zopfli';
import * as esbuild from 'esbuild';

const here = new URL('.', import.meta.url);
const assets = new URL('../crates/swill/assets/docs/', here);

/** Bytes of all files together, as they are served. */
const MOST = 150_000;

/**
 * Modules that do nothing by being imported, though their packages do not say so: what is not used is left
 * out.
 */
const withoutEffects = {
  name: 'without-effects',
  setup(build) {
    build.onResolve({ filter: /^@(lezer|codemirror)\// }, async ({ path, pluginData, ...from }) => {
      if (pluginData === 'resolved') return undefined;
      const found = await build.resolve(path, { ...from, pluginData: 'resolved' });
      return { ...found, sideEffects: false };
    });
  },
};

/** The client's sockets for Node have no place in a page, which never asks for them. */
const withoutNode = {
  name: 'without-node',
  setup(build) {
    build.onResolve({ filter: /\/node\.js$/ }, ({ importer }) =>
      importer.includes('clients/typescript/src') ? { path: 'node', namespace: 'nothing' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'export {};' }));
  },
};

/** Styles and templates are written with blanks and line breaks that nobody sees. */
const smallTemplates = {
  name: 'small-templates',
  setup(build) {
    build.onLoad({ filter: /playground\/src\/ui\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const contents = source
        .replace(/css`[^`]*`/g, style => style.replace(/\s+/g, ' ').replace(/ ?([{};,]) ?/g, '$1'))
        .replace(/\n[ \t]+/g, '\n');
      return { contents, loader: 'ts' };
    });
  },
};

/** The bundle's script and style, not compressed. */
export async function bundle({ minify = true } = {}) {
  const result = await esbuild.build({
    absWorkingDir: fileURLToPath(here),
    entryPoints: { app: 'src/main.ts' },
    bundle: true,
    minify,
    write: false,
    outdir: 'out',
    format: 'esm',
    target: ['es2022', 'chrome115', 'firefox115', 'safari16.4'],
    charset: 'utf8',
    conditions: ['production', 'browser'],
    legalComments: 'none',
    metafile: true,
    alias: { '@swill/client': fileURLToPath(new URL('../clients/typescript/src/index.ts', here)) },
    plugins: minify ? [withoutEffects, withoutNode, smallTemplates] : [withoutEffects, withoutNode],
    tsconfigRaw: {
      compilerOptions: {
        experimentalDecorators: true,
        useDefineForClassFields: false,
        verbatimModuleSyntax: true,
      },
    },
  });
  const style = await esbuild.transform(await readFile(new URL('src/app.css', here), 'utf8'), {
    loader: 'css',
    minify,
  });
  const script = result.outputFiles[0]?.contents;
  if (script === undefined) throw new Error('esbuild wrote nothing');
  return { script: Buffer.from(script), style: Buffer.from(style.code), metafile: result.metafile };
}

/** The files that are served, by their names; none is compressed yet. */
async function files() {
  const { script, style, metafile } = await bundle();
  for (const word of ['new Function', 'eval(']) {
    if (script.includes(word))
      throw new Error(`the script has \`${word}\` in it, which the page's policy forbids`);
  }
  return new Map([
    ['licenses.txt', Buffer.from(await licenses(metafile))],
    ['index.html', await readFile(new URL('index.html', here))],
    ['icon.svg', await readFile(new URL('icon.svg', here))],
    ['app.js.gz', script],
    ['app.css.gz', style],
  ]);
}

/** The licenses of all that is in the script and was written by others. They lie beside it, and are not served. */
async function licenses({ inputs }) {
  const found = Object.keys(inputs).map(path => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  const texts = [...new Set(found.filter(name => name !== undefined))].sort().map(async name => {
    const text = await readFile(new URL(`node_modules/${name}/LICENSE`, here), 'utf8');
    return `${name}\n${'='.repeat(name.length)}\n\n${text.trim()}\n`;
  });
  return (await Promise.all(texts)).join('\n\n');
}

/** A file as it is served. Nothing that comes with it changes from day to day: neither a time nor a name. */
async function served(name, contents) {
  return name.endsWith('.gz')
    ? Buffer.from(await zopfli.gzipAsync(contents, { numiterations: 10 }))
    : contents;
}

/** What a served file holds, whatever has compressed it. */
function contentsOf(name, bytes) {
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isCheck = process.argv.includes('--check');
  let total = 0;
  await mkdir(assets, { recursive: true });
  for (const [name, contents] of await files()) {
    const path = new URL(name, assets);
    let bytes = await readFile(path).catch(() => undefined);
    const isFresh = bytes !== undefined && contentsOf(name, bytes).equals(contents);
    if (!isFresh && isCheck) {
      console.error(
        `${name} is not what the source makes: run \`npm run build\` in playground/ and commit it`,
      );
      process.exitCode = 1;
    } else if (!isFresh) {
      bytes = await served(name, contents);
      await writeFile(path, bytes);
    }
    if (name !== 'licenses.txt') total += bytes?.length ?? 0;
    console.log(`${String(bytes?.length ?? 0).padStart(8)}  ${name}`);
  }
  console.log(`${String(total).padStart(8)}  of ${MOST}`);
  if (total > MOST) {
    console.error('the page is too large');
    process.exitCode = 1;
  }
}
