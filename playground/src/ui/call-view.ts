import { css, html, nothing, type TemplateResult } from 'lit';
import { sizeText } from '../json/bytes.ts';
import { compact, inline } from '../json/print.ts';
import { announced } from '../schema/announced.ts';
import { refused } from '../schema/refused.ts';
import type { Call } from '../session/call.ts';
import { type Entry, entryRecord, KINDS } from '../session/entry.ts';
import { Element } from './element.ts';
import { download } from './download.ts';
import { icon } from './icons.ts';
import './copy-button.ts';
import './json-view.ts';
import './row-list.ts';

/** What came of a call: its answer, or everything that went back and forth, and how it ended. */
export class CallView extends Element {
  static override properties = {
    call: { attribute: false },
    chosen: { state: true },
    follow: { state: true },
    frozen: { state: true },
  };
  declare call: Call;
  /** The number of an entry. */
  declare private chosen: number;
  declare private follow: boolean;
  /** How many entries there were when the list was paused. */
  declare private frozen: number | undefined;

  constructor() {
    super();
    this.chosen = 0;
    this.follow = true;
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: grid;
        gap: 12px;
        min-width: 0;
      }
      .status {
        display: flex;
        align-items: center;
        gap: 8px;
        flex-wrap: wrap;
      }
      .dot {
        width: 9px;
        height: 9px;
        border-radius: 50%;
        background: var(--muted);
        flex: none;
      }
      .running .dot {
        background: var(--warn);
        animation: beat 1.2s ease-in-out infinite;
      }
      .completed .dot {
        background: var(--accent);
      }
      .failed .dot,
      .lost .dot,
      .deadline .dot {
        background: var(--bad);
      }
      @keyframes beat {
        50% {
          opacity: 0.35;
        }
      }
      .words {
        font-weight: 600;
      }
      .result {
        position: relative;
        padding: 12px 14px;
        border: 1px solid var(--line);
        border-radius: 10px;
        max-height: 360px;
        overflow: auto;
        background: var(--soft);
      }
      .result copy-button {
        position: absolute;
        top: 6px;
        right: 6px;
      }
      .result.bad {
        border-color: transparent;
        background: var(--bad-soft);
        color: var(--text);
      }
      .result ul {
        margin: 6px 0;
        padding-left: 20px;
      }
      .result.bad {
        display: grid;
        gap: 4px;
      }
      .code {
        font: 650 13px var(--mono);
        color: var(--bad);
      }
      .metadata {
        display: grid;
        gap: 3px;
      }
      .metadata h3 {
        margin-bottom: 0;
      }
      .bar {
        display: flex;
        gap: 2px;
        align-items: center;
      }
      .bar h3 {
        flex: 1;
      }
      .list {
        border: 1px solid var(--line);
        border-radius: 10px;
        overflow: hidden;
      }
      row-list {
        height: 280px;
      }
      .detail {
        border-top: 1px solid var(--line);
        padding: 10px 14px;
        max-height: 300px;
        overflow: auto;
        background: var(--soft);
        position: relative;
      }
      .detail copy-button {
        position: absolute;
        top: 6px;
        right: 6px;
      }
      .empty {
        padding: 16px;
        color: var(--muted);
      }
    `,
  ];

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (!changed.has('call')) return;
    this.chosen = 0;
    this.follow = true;
    this.frozen = undefined;
  }

  protected override render(): unknown {
    const { call } = this;
    this.watch(call);
    return html`<div
        class=${call.status}
        data-testid="call-view"
        data-call=${call.number}
        data-status=${call.status}
      >
        <div class="status">
          <span class="dot"></span>
          <span class="words" role="status" data-testid="call-end">${call.words}</span>
          <span class="muted small">${call.duration === undefined ? '' : duration(call.duration)}</span>
        </div>
      </div>
      ${call.shape === 'single' ? this.single(call) : html`${call.hasResult ? this.result(call) : ''}${this.entries(call)}`}
      ${call.shape === 'single' && call.error ? nothing : call.error && call.status !== 'cancelled' ? this.error(call) : nothing}`;
  }

  private single(call: Call): TemplateResult {
    return html`${metadata('call-leading', 'Leading metadata', call.leading)}
    ${call.hasResult ? this.result(call) : ''}${call.error && call.status !== 'cancelled' ? this.error(call) : ''}
    ${metadata('call-trailing', 'Trailing metadata', call.trailing)}`;
  }

  private result(call: Call): TemplateResult {
    return html`<div class="result" role="region" aria-label="Answer" tabindex="0">
      <json-view hook="call-result" .value=${call.result}></json-view>
      <copy-button label="Copy the answer" .text=${() => inline(call.result)}></copy-button>
    </div>`;
  }

  private error(call: Call): TemplateResult {
    const { error } = call;
    const { code, data } = error && 'code' in error ? error : { code: undefined, data: undefined };
    const known =
      code === undefined
        ? undefined
        : announced(call.schemas, call.request.procedure, call.protocol, {
            code,
            data,
            message: error?.message ?? '',
          });
    const wrong = refused(data);
    return html`<div class="result bad" role="alert" data-testid="call-error">
      <p>
        ${code === undefined ? '' : html`<span class="code">${code}</span> `}${known ? html`<span class="code" data-testid="call-error-name" title=${known.doc ?? nothing}>${known.name}</span> ` : ''}${error?.message}
      </p>
      ${
        wrong.length === 0
          ? ''
          : html`<ul>
              ${wrong.map(it => html`<li data-testid="call-violation">${it.path === '' ? '' : html`<code>${it.path}</code> `}${it.message}</li>`)}
            </ul>`
      }
      ${data === undefined ? '' : html`<json-view .value=${data}></json-view>`}
    </div>`;
  }

  private entries(call: Call): TemplateResult {
    const { entries } = call;
    // Rows keep their numbers until they are drawn anew, also if some of them are dropped meanwhile.
    const { dropped } = entries;
    const count =
      this.frozen === undefined ? entries.length : Math.min(this.frozen - dropped, entries.length);
    const waiting = entries.length - count;
    const chosen = this.chosen === 0 ? -1 : this.chosen - 1 - dropped;
    const entry = entries.at(chosen);
    return html`<div class="list">
      <div class="bar">
        <h3>
          &nbsp;
          ${call.sent > 0 ? `${call.sent} sent` : ''}${call.sent > 0 && call.received > 0 ? ', ' : ''}${call.received > 0 ? `${call.received} received` : ''}${waiting > 0 ? `, ${waiting} not shown` : ''}
        </h3>
        ${this.tool('entries-follow', 'follow', 'Follow the end', () => (this.follow = !this.follow), this.follow)}
        ${this.tool('entries-pause', this.frozen === undefined ? 'pause' : 'play', this.frozen === undefined ? 'Pause the list' : 'Go on', () => this.freeze(call), this.frozen !== undefined)}
        ${this.tool('entries-clear', 'trash', 'Clear the list', () => this.clear(call))}
        <copy-button
          hook="entries-copy"
          label="Copy as JSON lines"
          .text=${() => lines(entries)}
        ></copy-button>
        ${this.tool('entries-export', 'download', 'Save as JSON lines', () => download(`${call.name}-${call.number}.jsonl`, lines(entries)))}
      </div>
      <row-list
        data-testid="entries"
        data-count=${entries.length}
        label="Messages of the call"
        .count=${count}
        .version=${dropped + entries.length}
        .chosen=${chosen}
        ?follow=${this.follow}
        .follow=${this.follow}
        .row=${(index: number) => row(entries.at(index + dropped - entries.dropped))}
        @choose=${(event: CustomEvent<number>) => this.choose(event.detail, dropped)}
        @follow=${(event: CustomEvent<boolean>) => (this.follow = event.detail)}
      ></row-list>
      ${
        entry
          ? html`<div
              class="detail"
              data-testid="entry-detail"
              tabindex="0"
              role="region"
              aria-label="Message ${entry.number}"
            >
              <json-view .value=${entry.value}></json-view
              ><copy-button label="Copy" .text=${() => inline(entry.value)}></copy-button>
            </div>`
          : ''
      }
    </div>`;
  }

  private tool(
    hook: string,
    shape: Parameters<typeof icon>[0],
    label: string,
    act: () => void,
    pressed?: boolean,
  ): TemplateResult {
    return html`<button
      class="quiet tiny"
      type="button"
      data-testid=${hook}
      title=${label}
      aria-label=${label}
      aria-pressed=${pressed === undefined ? nothing : pressed}
      @click=${act}
    >
      ${icon(shape)}
    </button>`;
  }

  private choose(index: number, dropped: number): void {
    this.chosen = index < 0 ? 0 : index + 1 + dropped;
    if (index >= 0) this.follow = false;
  }

  private freeze(call: Call): void {
    this.frozen = this.frozen === undefined ? call.entries.dropped + call.entries.length : undefined;
  }

  private clear(call: Call): void {
    call.entries.clear();
    this.chosen = 0;
    if (this.frozen !== undefined) this.frozen = call.entries.dropped;
    call.changed();
  }
}

function row(entry: Entry | undefined): TemplateResult | typeof nothing {
  if (!entry) return nothing;
  const arrow = { in: '←', out: '→', note: '·' }[entry.direction];
  const words = { in: 'received', out: 'sent', note: 'note' }[entry.direction];
  return html`<span
      class="n"
      data-testid="entry-${entry.number}"
      data-direction=${entry.direction}
      data-kind=${entry.kind}
      >${entry.number}</span
    >
    <span class=${entry.direction} role="img" aria-label=${words}>${arrow}</span>
    <span class="k ${entry.kind === 'error' ? 'bad' : ''}">${KINDS[entry.kind]}</span>
    <span class="cut"
      >${typeof entry.value === 'string' && entry.kind !== 'item' && entry.kind !== 'result' ? entry.value : inline(entry.value, 300)}</span
    >
    <span class="s">${entry.size === undefined ? '' : sizeText(entry.size)}</span>
    <span class="t">${duration(entry.at)}</span>`;
}

function metadata(hook: string, title: string, value: unknown): TemplateResult | typeof nothing {
  if (value === undefined) return nothing;
  return html`<div class="metadata">
    <h3>${title}</h3>
    <json-view hook=${hook} .value=${value}></json-view>
  </div>`;
}

function lines(entries: Iterable<Entry>): string {
  return Array.from(entries, entry => `${compact(entryRecord(entry))}\n`).join('');
}

/** Milliseconds for people: `0.8 ms`, `12 ms`, `3.40 s`. */
export function duration(milliseconds: number): string {
  if (milliseconds < 10) return `${milliseconds.toFixed(1)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return milliseconds < 600_000
    ? `${(milliseconds / 1000).toFixed(2)} s`
    : `${Math.round(milliseconds / 60_000)} min`;
}

customElements.define('call-view', CallView);
