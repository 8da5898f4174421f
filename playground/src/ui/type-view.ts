import { css, html, nothing, type TemplateResult } from 'lit';
import { inline } from '../json/print.ts';
import { print } from '../json/print.ts';
import type { Schemas } from '../schema/schemas.ts';
import { type Kind, kindOf } from '../schema/kind.ts';
import { constraintWords, typeWords } from '../schema/words.ts';
import type { Schema } from '../spec.ts';
import { Element } from './element.ts';
import './json-view.ts';
import './markdown-view.ts';

/** How many members a struct may have to be shown unfolded. */
const FEW = 12;

/** A line of the tree. */
interface Line {
  name: string;
  /** What a name is: of a member, or of something that has none. */
  named: boolean;
  schema: Schema;
  required?: boolean;
  doc?: string | undefined;
}

/**
 * A type as a tree: names, types, constraints in words, what they mean. What lies deeper unfolds on demand.
 */
export class TypeView extends Element {
  static override properties = {
    schemas: { attribute: false },
    schema: { attribute: false },
    raw: { type: Boolean },
    unfolded: { state: true },
  };
  declare schemas: Schemas;
  declare schema: Schema;
  /** Shows the JSON Schema instead. */
  declare raw: boolean;
  declare private unfolded: ReadonlyMap<string, boolean>;

  constructor() {
    super();
    this.unfolded = new Map();
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
      }
      .lines {
        display: grid;
        gap: 1px;
        margin-top: 6px;
        padding-left: 14px;
        border-left: 1px solid var(--line);
      }
      .line {
        padding: 4px 0;
      }
      .head > * {
        margin-right: 8px;
      }
      .name {
        font: 550 12.5px var(--mono);
      }
      .type {
        font-size: 13px;
        color: var(--muted);
      }
      button.type {
        min-height: 0;
        padding: 0 4px;
        margin: 0 4px 0 -4px;
        border: 0;
        background: none;
        font-weight: 500;
        color: var(--accent);
        white-space: normal;
        text-align: left;
        border-radius: 4px;
      }
      .sign {
        font-family: var(--mono);
      }
      .words {
        font-size: 12.5px;
        color: var(--muted);
      }
      .words::before {
        content: '·';
        margin-right: 8px;
      }
      markdown-view {
        display: block;
        margin-top: 2px;
        font-size: 13px;
        color: var(--muted);
      }
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
        margin-top: 5px;
      }
      .raw {
        padding: 10px 12px;
        border-radius: 8px;
        background: var(--sunk);
        overflow-x: auto;
      }
    `,
  ];

  protected override render(): unknown {
    if (this.raw)
      return html`<div class="raw">
        <json-view .text=${print(this.schema)}></json-view>${this.definitions()}
      </div>`;
    return html`${this.type(this.schema, '', 0)}`;
  }

  /** The definitions that a schema refers to, beneath it. */
  private definitions(): unknown {
    const names = new Set<string>();
    const find = (text: string): void => {
      for (const match of text.matchAll(/"\$ref": "#\/\$defs\/([^"]+)"/g)) {
        const name = this.schemas.nameOf({ $ref: `#/$defs/${match[1] ?? ''}` });
        if (name === undefined || names.has(name)) continue;
        names.add(name);
        find(print(this.schemas.definition(name)));
      }
    };
    find(print(this.schema));
    return [...names].map(
      name =>
        html`<h3>${name}</h3>
          <json-view .text=${print(this.schemas.definition(name))}></json-view>`,
    );
  }

  private line(line: Line, path: string, depth: number): TemplateResult {
    const flat = this.schemas.flat(line.schema);
    const doc = line.doc ?? (flat === false ? undefined : flat.description);
    const fallback = flat === false ? undefined : flat.default;
    return html`<div class="line">
      <div class="head">
        ${line.named ? html`<span class="name">${line.name}</span>` : html`<span class="small muted">${line.name}</span>`}
        ${this.headOf(line.schema, path, depth)}
        ${line.required === false ? html`<span class="words">may be left out${fallback === undefined ? '' : `, then ${inline(fallback, 60)}`}</span>` : ''}
      </div>
      ${doc ? html`<markdown-view .text=${doc}></markdown-view>` : ''}
      ${this.inside(line.schema, path, depth)}
    </div>`;
  }

  private type(schema: Schema, path: string, depth: number): TemplateResult {
    return html`<div class="head">${this.headOf(schema, path, depth)}</div>
      ${this.inside(schema, path, depth)}`;
  }

  private headOf(schema: Schema, path: string, depth: number): TemplateResult {
    const words = typeWords(this.schemas, schema);
    const lines = this.linesOf(schema);
    const open = this.isOpen(path, lines.length, depth);
    const type =
      lines.length === 0
        ? html`<span class="type">${words}</span>`
        : html`<button
            class="type"
            type="button"
            aria-expanded=${open}
            @click=${() => this.toggle(path, !open)}
          >
            <span class="sign" aria-hidden="true">${open ? '−' : '+'}</span> ${words}
          </button>`;
    const constraints = constraintWords(this.schemas, schema);
    return html`${type}${constraints.map(it => html`<span class="words">${it}</span>`)}`;
  }

  private inside(schema: Schema, path: string, depth: number): unknown {
    const lines = this.linesOf(schema);
    const choices = this.choicesOf(schema);
    const shown =
      choices.length > 0
        ? html`<div class="choices">
            ${choices.map(choice => html`<span title=${choice.doc ?? nothing}><code>${inline(choice.value, 60)}</code></span>`)}
          </div>`
        : '';
    if (lines.length === 0 || !this.isOpen(path, lines.length, depth)) return shown;
    return html`<div class="lines">
      ${lines.map((line, index) => this.line(line, `${path}/${index}`, depth + 1))}
    </div>`;
  }

  private isOpen(path: string, count: number, depth: number): boolean {
    return this.unfolded.get(path) ?? (depth === 0 || (depth < 2 && count <= FEW));
  }

  private toggle(path: string, open: boolean): void {
    this.unfolded = new Map(this.unfolded).set(path, open);
  }

  /** The fixed values of a type, if they are too many to stand in its head. */
  private choicesOf(schema: Schema): { value: unknown; doc?: string }[] {
    const kind = this.core(schema);
    if (kind.kind !== 'choice') return [];
    const isSaid = !this.isNamed(schema) && kind.choices.length <= 6 && !kind.choices.some(it => it.doc);
    return isSaid ? [] : kind.choices;
  }

  /** Whether the words of a type are a name, which says nothing of its values. */
  private isNamed(schema: Schema): boolean {
    if (this.schemas.nameOf(schema) !== undefined) return true;
    const kind = kindOf(this.schemas, schema);
    if (kind.kind === 'list') return this.isNamed(kind.items);
    return kind.kind === 'nullable' && this.isNamed(kind.inner);
  }

  /** What is interesting about a type: of a list its elements, of an optional one what it may be. */
  private core(schema: Schema): Kind {
    let kind = kindOf(this.schemas, schema);
    for (let depth = 0; depth < 8; depth += 1) {
      const inner: Schema | undefined =
        kind.kind === 'nullable' ? kind.inner : kind.kind === 'list' ? kind.items : undefined;
      if (inner === undefined) break;
      kind = kindOf(this.schemas, inner);
    }
    return kind;
  }

  private linesOf(schema: Schema): Line[] {
    const kind = this.core(schema);
    switch (kind.kind) {
      case 'struct':
        return kind.fields.map(it => ({ named: true, ...it }));
      case 'variants':
        return kind.variants.map(it => ({ name: it.label, named: true, schema: it.schema, doc: it.doc }));
      case 'tuple':
        return kind.items.every(it => this.isPlain(it))
          ? []
          : kind.items.map((it, index) => ({ name: `${index}`, named: false, schema: it }));
      case 'map': {
        const lines: Line[] = [];
        if (kind.keys !== true && constraintWords(this.schemas, kind.keys).length > 0) {
          lines.push({ name: 'key', named: false, schema: kind.keys });
        }
        if (
          kind.values !== true &&
          (!this.isPlain(kind.values) || constraintWords(this.schemas, kind.values).length > 0)
        ) {
          lines.push({ name: 'value', named: false, schema: kind.values });
        }
        return lines;
      }
      case 'choice':
        return [];
      default:
        return [];
    }
  }

  /** Whether a type has nothing inside that its words do not say. */
  private isPlain(schema: Schema): boolean {
    const kind = kindOf(this.schemas, schema);
    if (kind.kind === 'nullable') return this.isPlain(kind.inner);
    if (constraintWords(this.schemas, schema).length > 0) return false;
    return !['struct', 'variants', 'tuple', 'map', 'list'].includes(kind.kind);
  }
}

customElements.define('type-view', TypeView);
