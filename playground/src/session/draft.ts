/** What somebody is about to send: one value, which the form and the editor both change. */

import { type Parsed, parse } from '../json/parse.ts';
import { print } from '../json/print.ts';
import type { Json } from '../json/value.ts';
import { exampleOf } from '../schema/example.ts';
import type { Schemas } from '../schema/schemas.ts';
import { type Violation, validate } from '../schema/validate.ts';
import { byName } from '../schema/wire.ts';
import { type Procedure, type Schema, parametersSchema } from '../spec.ts';
import { Changes } from './changes.ts';

/** A key of metadata, as it is written. */
export interface MetadataRow {
  key: string;
  /** JSON, or text. */
  value: string;
}

/** A request that is being written. It stays while other procedures are looked at. */
export class Draft extends Changes {
  /** What the value has to fit. */
  readonly schema: Schema;
  /** The last value that could be read. */
  value: Json;
  /** The value as text. It may be no JSON at the moment. */
  text: string;
  parsed: Parsed;
  violations: Violation[];
  metadata: MetadataRow[] = [];
  /** Milliseconds, as they are written; empty for the default. */
  deadline = '';
  idempotent = false;
  /** Of `send many`. */
  count = '10';
  rate = '0';
  countsUp = false;

  constructor(
    private readonly schemas: Schemas,
    readonly procedure: Procedure,
  ) {
    super();
    this.schema = parametersSchema(procedure);
    this.value = exampleOf(schemas, procedure);
    this.text = print(this.value);
    this.parsed = parse(this.text);
    this.violations = validate(schemas, this.schema, this.value);
  }

  /** Whether the text is JSON. */
  get isJson(): boolean {
    return this.parsed.problems.length === 0;
  }

  /** Whether it can be sent without being asked twice. */
  get isValid(): boolean {
    return this.isJson && this.violations.length === 0;
  }

  /** Takes a value from the form. */
  setValue(value: Json): void {
    this.value = value;
    this.text = print(value);
    this.parsed = parse(this.text);
    this.violations = validate(this.schemas, this.schema, value);
    this.changedNow();
  }

  /** Takes a text from the editor, or of a link. The value stays as it was while the text is no JSON. */
  setText(text: string): void {
    if (text === this.text) return;
    this.text = text;
    this.parsed = parse(text);
    if (this.isJson && this.parsed.root) {
      this.value = byName(this.procedure, this.parsed.root.value);
      this.violations = validate(this.schemas, this.schema, this.value);
    }
    this.changedNow();
  }

  /** Fills in the example. */
  fill(): void {
    this.setValue(exampleOf(this.schemas, this.procedure));
  }

  /** Takes over what has been typed into another one. */
  takeOver(other: Draft): void {
    const { metadata, deadline, idempotent, count, rate, countsUp } = other;
    this.set({ metadata, deadline, idempotent, count, rate, countsUp });
    this.setText(other.text);
  }

  /** Changes something beside the value. */
  set(
    change: Partial<Pick<Draft, 'metadata' | 'deadline' | 'idempotent' | 'count' | 'rate' | 'countsUp'>>,
  ): void {
    Object.assign(this, change);
    this.changedNow();
  }
}
