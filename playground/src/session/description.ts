/** The app's description: fetched from beside the page, and made ready for what the page asks of it. */

import { parseValue } from '../json/parse.ts';
import { isObject } from '../json/value.ts';
import { Schemas } from '../schema/schemas.ts';
import { constraintWords, searchWords, typeWords } from '../schema/words.ts';
import { type Procedure, type Protocol, type Spec, SHAPES, clientProtocol, shapeOf } from '../spec.ts';
import { type Searchable } from '../text/search.ts';

/** Why there is no description, and what to do about it. */
export class NoDescription extends Error {
  constructor(
    message: string,
    /** What can be done. */
    readonly advice: string,
  ) {
    super(message);
  }
}

/** Procedures that belong together. */
export interface Group {
  /** Empty for those without a module. */
  name: string;
  doc: string;
  procedures: Procedure[];
}

/** A description with what follows from it. */
export class Description {
  readonly schemas: Schemas;
  readonly groups: Group[];
  /** What the search looks into, one for each procedure. */
  readonly searchable: Searchable[];

  constructor(readonly spec: Spec) {
    this.schemas = new Schemas(spec.$defs);
    this.groups = groupsOf(spec);
    this.searchable = spec.procedures.map(it => this.searchableOf(it));
  }

  /** The procedure with this full name. */
  procedure(name: string): Procedure | undefined {
    return this.spec.procedures.find(it => it.name === name);
  }

  /** The protocol of the app that the page's client means by this name. */
  protocol(name: 'swill' | 'json-rpc'): Protocol | undefined {
    return this.spec.protocols.find(it => clientProtocol(it) === name);
  }

  /** The protocols that this page can speak with the app; Swill's own first. */
  get speaks(): ('swill' | 'json-rpc')[] {
    return (['swill', 'json-rpc'] as const).filter(name => this.protocol(name) !== undefined);
  }

  /** The names of the protocols that cannot carry a procedure. */
  cannotCarry(procedure: Procedure): string[] {
    return this.spec.protocols.filter(it => it.cannot_carry?.includes(procedure.name)).map(it => it.name);
  }

  private searchableOf(procedure: Procedure): Searchable {
    const { schemas } = this;
    const types = [...procedure.parameters.map(it => it.schema), procedure.items?.schema, procedure.result];
    const known = types.filter(it => it !== undefined);
    const more = [
      SHAPES[shapeOf(procedure)].word,
      ...procedure.parameters.flatMap(it => [it.name, it.doc ?? '']),
      procedure.items?.name ?? '',
      ...known.flatMap(it => [
        typeWords(schemas, it),
        searchWords(schemas, it),
        ...constraintWords(schemas, it),
      ]),
      ...(procedure.errors ?? []).flatMap(it => [it.name, String(it.code), it.message]),
      ...(procedure.paths ?? []),
    ];
    return { name: procedure.name, doc: procedure.doc ?? '', more: more.join(' ') };
  }
}

function groupsOf(spec: Spec): Group[] {
  const groups = new Map<string, Group>();
  const group = (name: string) => {
    const known = groups.get(name) ?? { name, doc: '', procedures: [] };
    groups.set(name, known);
    return known;
  };
  for (const procedure of spec.procedures) group(procedure.module ?? '').procedures.push(procedure);
  for (const module of spec.modules) {
    if (groups.has(module.name) || module.name !== '') group(module.name).doc = module.doc ?? '';
  }
  return [...groups.values()].filter(it => it.procedures.length > 0 || it.doc !== '');
}

/** Where the description is, relative to the page. */
export const SOURCE = 'swill.json';

/** Fetches the description, asking the server in any case. */
export async function fetchDescription(source = SOURCE): Promise<Description> {
  let response: Response;
  try {
    response = await fetch(source, { cache: 'no-cache', headers: { Accept: 'application/json' } });
  } catch {
    throw new NoDescription(
      'The server cannot be reached.',
      'See whether the app is running, then try again.',
    );
  }
  if (!response.ok) throw refused(response.status);
  const value = parseValue(await response.text());
  if (!isObject(value) || !Array.isArray(value['procedures'])) {
    throw new NoDescription(
      `${source} is no description of a Swill app.`,
      'Something else answers in its place, a proxy perhaps.',
    );
  }
  if (value['swill'] !== '1') {
    throw new NoDescription(
      `The description has version ${String(value['swill'])}, and this page reads version 1.`,
      'Page and server are of different releases: reload the page without its cache.',
    );
  }
  return new Description(complete(value as unknown as Spec));
}

function complete(spec: Spec): Spec {
  return {
    ...spec,
    info: spec.info ?? {},
    paths: spec.paths ?? [],
    protocols: spec.protocols ?? [],
    modules: spec.modules ?? [],
    $defs: spec.$defs ?? {},
  };
}

function refused(status: number): NoDescription {
  switch (status) {
    case 401:
      return new NoDescription(
        'The server asks who you are (401).',
        'Reload the page and log in with the user and password of these pages.',
      );
    case 403:
      return new NoDescription(
        'You may not read the description (403).',
        'The app lets only some people see it. Ask whoever runs it.',
      );
    case 404:
      return new NoDescription(
        'There is no description beside this page (404).',
        'The app may have it switched off with App::description(false). It has to be on for this page.',
      );
    default:
      return new NoDescription(
        `The server answered with status ${status}.`,
        'Its log says why. Try again when it is well.',
      );
  }
}
