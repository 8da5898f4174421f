import { css, html, nothing, type TemplateResult } from 'lit';
import { inline } from '../json/print.ts';
import { withoutSecrets } from '../schema/secrets.ts';
import type { Description } from '../session/description.ts';
import type { Draft } from '../session/draft.ts';
import type { Page } from '../session/page.ts';
import { type ErrorCase, type MetadataKey, type Procedure, type Schema, SHAPES, shapeOf } from '../spec.ts';
import { hashOf } from '../text/route.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';
import './copy-button.ts';
import './markdown-view.ts';
import './type-view.ts';

/** A procedure in words: what it does, takes, gives and fails with. */
export class ProcedureDocs extends Element {
  static override properties = {
    page: { attribute: false },
    procedure: { attribute: false },
    raw: { state: true },
  };
  declare page: Page;
  declare procedure: Procedure;
  declare private raw: boolean;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
      }
      header {
        display: grid;
        gap: 10px;
      }
      h1 {
        overflow-wrap: anywhere;
      }
      section {
        margin-top: 28px;
      }
      section > .row {
        justify-content: space-between;
        margin-bottom: 6px;
        min-height: 28px;
      }
      section > h2 {
        margin-bottom: 8px;
      }
      .entry {
        padding: 11px 0;
        border-top: 1px solid var(--line);
      }
      .entry:last-child {
        border-bottom: 1px solid var(--line);
      }
      .title {
        display: flex;
        align-items: baseline;
        gap: 4px 10px;
        flex-wrap: wrap;
      }
      .title .name {
        font: 600 13px var(--mono);
      }
      .entry > markdown-view {
        margin: 3px 0 2px;
        color: var(--muted);
      }
      .code {
        font: 600 12.5px var(--mono);
        color: var(--bad);
      }
      .jump {
        display: none;
      }
      @media (max-width: 1180px) {
        .jump {
          display: inline-flex;
          margin-left: auto;
        }
      }
      .facts {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 5px 18px;
        font-size: 13px;
      }
      .facts dt {
        color: var(--muted);
      }
      .facts dd {
        overflow-wrap: anywhere;
      }
    `,
  ];

  protected override render(): unknown {
    const { procedure } = this;
    const description = this.page.description;
    if (!description) return nothing;
    const shape = shapeOf(procedure);
    return html`<article data-testid="procedure" data-name=${procedure.name} data-shape=${shape}>
      <header>
        ${procedure.module ? html`<a class="small" href=${hashOf({ page: 'module', name: procedure.module })}>${procedure.module}</a>` : ''}
        <div class="row">
          <h1 class="mono" data-testid="procedure-title">${this.shortName()}</h1>
          <copy-button
            hook="copy-link"
            icon="link"
            label="Copy a link with these values"
            .text=${() => this.link()}
          ></copy-button>
        </div>
        <div class="row">
          <span class="badge" data-testid="procedure-shape">${icon(shape, 14)}${SHAPES[shape].word}</span>
          <span class="small muted">${SHAPES[shape].means}</span>
          ${this.page.settings.readOnly ? '' : html`<button class="tiny jump" type="button" @click=${() => this.tell('to-call')}>${icon('down', 14)}Call it</button>`}
        </div>
        ${procedure.doc ? html`<markdown-view data-testid="procedure-doc" .text=${procedure.doc}></markdown-view>` : html`<p class="muted">There is no documentation of it.</p>`}
      </header>
      ${this.input(description)} ${this.output(description)} ${this.errors(description)} ${this.metadata()}
      ${this.facts(description)}
    </article>`;
  }

  private shortName(): string {
    const prefix = `${this.procedure.module ?? ''}.`;
    return this.procedure.name.startsWith(prefix)
      ? this.procedure.name.slice(prefix.length)
      : this.procedure.name;
  }

  private input(description: Description): TemplateResult {
    const { items, parameters } = this.procedure;
    const toggle = html`<button
      class="quiet tiny"
      type="button"
      data-testid="schema-toggle"
      aria-pressed=${Boolean(this.raw)}
      @click=${() => (this.raw = !this.raw)}
    >
      JSON Schema
    </button>`;
    if (items) {
      return html`<section>
        <div class="row">
          <h2>Stream in</h2>
          ${toggle}
        </div>
        <div class="entry" data-testid="item-type">
          <div class="title">
            <span class="name">${items.name}</span><span class="small muted">each item</span>
          </div>
          ${items.doc ? html`<markdown-view .text=${items.doc}></markdown-view>` : ''}${this.type(description, items.schema)}
        </div>
      </section>`;
    }
    return html`<section>
      <div class="row">
        <h2>Parameters</h2>
        ${toggle}
      </div>
      ${
        parameters.length === 0
          ? html`<p class="muted">It takes none.</p>`
          : parameters.map(
              it =>
                html`<div class="entry" data-testid="parameter-${it.name}">
                  <div class="title">
                    <span class="name">${it.name}</span>
                    ${it.required ? '' : html`<span class="small muted">may be left out${it.default === undefined ? '' : html`, then <code>${inline(it.default, 80)}</code>`}</span>`}
                  </div>
                  ${it.doc ? html`<markdown-view .text=${it.doc}></markdown-view>` : ''}
                  ${this.type(description, it.schema)}
                </div>`,
            )
      }
    </section>`;
  }

  private output(description: Description): TemplateResult {
    return html`<section>
      <h2>${this.procedure.streams_out ? 'Stream out' : 'Answer'}</h2>
      <div class="entry" data-testid="result-type">
        ${this.procedure.streams_out ? html`<span class="small muted">each item</span>` : ''}
        ${this.type(description, this.procedure.result)}
      </div>
    </section>`;
  }

  private errors(description: Description): TemplateResult | typeof nothing {
    const errors = this.procedure.errors ?? [];
    if (errors.length === 0) return nothing;
    return html`<section>
      <h2>Errors</h2>
      ${errors.map(it => this.error(description, it))}
      <p class="small muted">
        Every procedure can fail with other codes as well, such as 422 for parameters that do not fit.
      </p>
    </section>`;
  }

  private error(description: Description, error: ErrorCase): TemplateResult {
    return html`<div class="entry" data-testid="error-${error.name}">
      <div class="title">
        <span class="code">${error.code}</span><span class="name">${error.name}</span>
        ${error.json_rpc_code === undefined ? '' : html`<span class="small muted">${error.json_rpc_code} in JSON-RPC</span>`}
        ${error.parameter === undefined ? '' : html`<span class="small muted">about <code>${error.parameter}</code></span>`}
      </div>
      <p class="small">${error.message}</p>
      ${error.doc ? html`<markdown-view .text=${error.doc}></markdown-view>` : ''}
      ${error.data === undefined ? '' : html`<span class="small muted">data:</span> ${this.type(description, error.data)}`}
    </div>`;
  }

  private metadata(): TemplateResult | typeof nothing {
    const { client = [], leading = [], trailing = [] } = this.procedure.metadata ?? {};
    if (client.length + leading.length + trailing.length === 0) return nothing;
    const keys = (place: string, words: string, list: MetadataKey[]) =>
      list.map(
        it =>
          html` <div class="entry" data-testid="metadata-${place}-${it.name}">
            <div class="title">
              <span class="name">${it.name}</span><span class="small muted">${words}</span>
            </div>
            ${it.doc ? html`<markdown-view .text=${it.doc}></markdown-view>` : ''}
          </div>`,
      );
    return html`<section>
      <h2>Metadata</h2>
      ${keys('client', 'read from the call', client)} ${keys('leading', 'sent before the answer', leading)}
      ${keys('trailing', 'sent after the answer', trailing)}
    </section>`;
  }

  private facts(description: Description): TemplateResult {
    const { procedure } = this;
    const not = description.cannotCarry(procedure);
    const deadline = procedure.deadline_ms ?? description.spec.limits.deadline_ms;
    return html`<section>
      <h2>More</h2>
      <dl class="facts">
        <dt>Full name</dt>
        <dd><code>${procedure.name}</code></dd>
        ${
          procedure.paths?.length
            ? html`<dt>Called by path</dt>
                <dd>${procedure.paths.map(path => html`<code>${path}</code> `)}</dd>`
            : ''
        }
        <dt>Deadline</dt>
        <dd>${deadline === undefined ? 'none on the server' : `${deadline} ms`}</dd>
        <dt>Protocols</dt>
        <dd>${not.length === 0 ? 'all of this app' : `all of this app but ${not.join(', ')}`}</dd>
      </dl>
    </section>`;
  }

  private type(description: Description, schema: Schema): TemplateResult {
    return html`<type-view .schemas=${description.schemas} .schema=${schema} ?raw=${this.raw}></type-view>`;
  }

  /**
   * A link that brings others here, with the values as they are now. Metadata and tokens are no part of it.
   */
  private link(): string {
    const draft = this.page.draft(this.procedure);
    const params = draft.isJson && !this.page.settings.readOnly ? this.shareable(draft) : undefined;
    const hash = hashOf({
      page: 'procedure',
      name: this.procedure.name,
      ...(params !== undefined && { params }),
    });
    return `${location.href.replace(/#.*$/, '')}${hash}`;
  }

  private shareable(draft: Draft): string | undefined {
    const { description } = this.page;
    const value = description && withoutSecrets(description.schemas, draft.schema, draft.value);
    return value === undefined ? undefined : inline(value);
  }
}

customElements.define('procedure-docs', ProcedureDocs);
