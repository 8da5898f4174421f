/** Everything that the page knows. Elements draw it, and call its methods. */

import { print } from '../json/print.ts';
import { parseValue } from '../json/parse.ts';
import type { Procedure } from '../spec.ts';
import { type Route, routeOf } from '../text/route.ts';
import { Calls } from './calls.ts';
import { Changes } from './changes.ts';
import { Connection } from './connection.ts';
import { type Description, NoDescription, fetchDescription } from './description.ts';
import { Draft } from './draft.ts';
import { Incoming } from './incoming.ts';
import { Wire } from './wire.ts';

/** What the server says to the page. */
export interface Settings {
  /** Nothing can be called from here. */
  readOnly: boolean;
}

/** The page. */
export class Page extends Changes {
  description: Description | undefined;
  failure: NoDescription | undefined;
  route: Route = { page: 'overview' };
  /** Whether the server has another description now. */
  isOutdated = false;
  readonly wire = new Wire();
  readonly incoming = new Incoming();
  readonly connection: Connection;
  readonly calls: Calls;
  private drafts = new Map<string, Draft>();

  constructor(readonly settings: Settings) {
    super();
    this.connection = new Connection(this.wire, this.incoming);
    this.calls = new Calls(this.connection, this.wire);
    this.connection.onOpen = again => {
      this.calls.forgetNumbers();
      if (again) void this.compare();
    };
  }

  /** Reads the description, and connects. */
  async start(): Promise<void> {
    await this.load();
    if (this.description && !this.settings.readOnly) this.connection.begin(this.description);
  }

  /** Reads the description, the first time or again. */
  async load(): Promise<void> {
    this.failure = undefined;
    this.changed();
    try {
      const description = await fetchDescription();
      // What has been typed stays, as long as there is something to type it into.
      const before = this.drafts;
      this.drafts = new Map();
      this.description = description;
      this.isOutdated = false;
      for (const [name, draft] of before) {
        const procedure = description.procedure(name);
        if (procedure) this.draft(procedure).takeOver(draft);
      }
      this.connection.describe(description);
    } catch (error) {
      this.failure =
        error instanceof NoDescription ? error : new NoDescription(String(error), 'Reload the page.');
    }
    this.changed();
  }

  /** Goes where the address says. */
  go(hash: string): void {
    this.route = routeOf(hash);
    const route = this.route;
    if (route.page === 'procedure' && route.params !== undefined) {
      const procedure = this.description?.procedure(route.name);
      if (procedure) this.prefill(procedure, route.params);
    }
    this.changedNow();
  }

  /** What is being written for a procedure. */
  draft(procedure: Procedure): Draft {
    const known = this.drafts.get(procedure.name);
    if (known) return known;
    const draft = new Draft(this.description!.schemas, procedure);
    this.drafts.set(procedure.name, draft);
    return draft;
  }

  private prefill(procedure: Procedure, params: string): void {
    const value = parseValue(params);
    this.draft(procedure).setText(value === undefined ? params : print(value));
  }

  /** Looks whether the server has been replaced by one that means something else. */
  private async compare(): Promise<void> {
    try {
      const now = await fetchDescription();
      this.isOutdated = this.description !== undefined && now.spec.hash !== this.description.spec.hash;
      this.changed();
    } catch {
      // It may be away again already; the connection tells.
    }
  }
}
