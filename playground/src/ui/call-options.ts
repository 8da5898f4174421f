import { css, html, type TemplateResult } from 'lit';
import type { Draft, MetadataRow } from '../session/draft.ts';
import type { Page } from '../session/page.ts';
import { isDeadline } from '../session/ready.ts';
import { Element } from './element.ts';
import { formStyles } from './form-styles.ts';
import { icon } from './icons.ts';

/** What is said about a call beside its value: metadata, deadline, whether it may be executed twice. */
export class CallOptions extends Element {
  static override properties = { page: { attribute: false }, draft: { attribute: false } };
  declare page: Page;
  declare draft: Draft;

  static override styles = [
    ...Element.styles,
    formStyles,
    css`
      :host {
        display: block;
      }
      details {
        border-top: 1px dashed var(--line);
        padding-top: 10px;
      }
      summary {
        cursor: pointer;
        color: var(--muted);
        font-size: 13px;
        font-weight: 550;
        border-radius: 6px;
        width: fit-content;
        padding: 2px 4px;
        margin-left: -4px;
      }
      .inside {
        display: grid;
        gap: 14px;
        padding-top: 10px;
      }
      .pair {
        display: grid;
        grid-template-columns: 1fr 1.4fr auto;
        gap: 8px;
      }
      label.text {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
        color: var(--muted);
        max-width: 220px;
      }
    `,
  ];

  protected override render(): unknown {
    const { draft, page } = this;
    this.watch(draft, page.connection);
    const count = draft.metadata.length + (draft.deadline === '' ? 0 : 1) + (draft.idempotent ? 1 : 0);
    const known = draft.procedure.metadata?.client ?? [];
    return html`<details data-testid="options" ?open=${count > 0}>
      <summary>Metadata, deadline${count > 0 ? ` (${count})` : ''}</summary>
      <div class="inside">
        ${this.rows(draft)}
        ${page.connection.protocol === 'json-rpc' && draft.metadata.length > 0 ? html`<p class="problem">JSON-RPC carries no metadata: it is not sent.</p>` : ''}
        <div class="row">
          <button class="tiny" type="button" data-testid="metadata-add" @click=${() => this.add('')}>
            ${icon('plus', 14)}Metadata
          </button>
          ${known.filter(it => !draft.metadata.some(row => row.key === it.name)).map(it => html`<button class="tiny" type="button" title=${it.doc ?? ''} @click=${() => this.add(it.name)}>${icon('plus', 14)}${it.name}</button>`)}
        </div>
        <label class="text"
          >Deadline
          <input
            data-testid="deadline"
            placeholder="default, 2s, 500ms, none"
            .value=${draft.deadline}
            aria-invalid=${!isDeadline(draft.deadline)}
            @input=${(event: Event) => draft.set({ deadline: (event.target as HTMLInputElement).value })}
          />
          ${isDeadline(draft.deadline) ? '' : html`<span class="problem">as 500ms, 2s, 1m, or none</span>`}</label
        >
        <label class="check small"
          ><input
            type="checkbox"
            data-testid="idempotent"
            .checked=${draft.idempotent}
            @change=${(event: Event) => draft.set({ idempotent: (event.target as HTMLInputElement).checked })}
          />
          Idempotent: send it again if the connection breaks</label
        >
      </div>
    </details>`;
  }

  private rows(draft: Draft): TemplateResult[] {
    const change = (index: number, row: Partial<MetadataRow>) =>
      draft.set({ metadata: draft.metadata.map((it, at) => (at === index ? { ...it, ...row } : it)) });
    return draft.metadata.map(
      (row, index) =>
        html`<div class="pair">
          <input
            class="mono"
            data-testid="metadata-key-${index}"
            aria-label="key"
            placeholder="key"
            .value=${row.key}
            @input=${(event: Event) => change(index, { key: (event.target as HTMLInputElement).value })}
          />
          <input
            class="mono"
            data-testid="metadata-value-${index}"
            aria-label="value"
            placeholder="text or JSON"
            .value=${row.value}
            @input=${(event: Event) => change(index, { value: (event.target as HTMLInputElement).value })}
          />
          <button
            class="quiet tiny"
            type="button"
            data-testid="metadata-remove-${index}"
            aria-label="Remove"
            @click=${() => draft.set({ metadata: draft.metadata.toSpliced(index, 1) })}
          >
            ${icon('close', 14)}
          </button>
        </div>`,
    );
  }

  /** Adds a row, and goes to the first field of it that is empty. */
  private async add(key: string): Promise<void> {
    const index = this.draft.metadata.length;
    this.draft.set({ metadata: [...this.draft.metadata, { key, value: '' }] });
    this.requestUpdate();
    await this.updateComplete;
    const field = key === '' ? 'key' : 'value';
    this.renderRoot.querySelector<HTMLElement>(`[data-testid='metadata-${field}-${index}']`)?.focus();
  }
}

customElements.define('call-options', CallOptions);
