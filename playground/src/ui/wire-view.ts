import type { DecodedFrame } from '@swill/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import { hex, hexLines, sizeText } from '../json/bytes.ts';
import { compact, inline } from '../json/print.ts';
import type { Frame, Wire } from '../session/wire.ts';
import { duration } from './call-view.ts';
import './copy-button.ts';
import { download } from './download.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';
import './json-view.ts';
import './row-list.ts';

/** How many lines of a hex dump are drawn. */
const LINES = 256;

/** Every message on the wire: taken apart, and as bytes. */
export class WireView extends Element {
  static override properties = {
    wire: { attribute: false },
    filter: { state: true },
    chosen: { state: true },
    follow: { state: true },
  };
  declare wire: Wire;
  declare private filter: string;
  /** The number of a frame. */
  declare private chosen: number;
  declare private follow: boolean;
  private found: { key: string; frames: Frame[] } = { key: '', frames: [] };

  constructor() {
    super();
    this.filter = '';
    this.chosen = 0;
    this.follow = true;
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: grid;
        grid-template-rows: auto 1fr;
        min-height: 0;
        height: 100%;
      }
      .bar {
        display: flex;
        gap: 4px;
        align-items: center;
        padding: 8px 12px;
      }
      .bar input {
        max-width: 300px;
        min-height: 30px;
        padding: 3px 10px;
      }
      .bar .count {
        flex: 1;
        padding-left: 8px;
      }
      .views {
        display: grid;
        grid-template-columns: minmax(0, 1.2fr) minmax(0, 1fr);
        min-height: 0;
        border-top: 1px solid var(--line);
      }
      .views.alone {
        grid-template-columns: 1fr;
      }
      .detail {
        overflow: auto;
        border-left: 1px solid var(--line);
        padding: 12px 16px;
        display: grid;
        gap: 12px;
        align-content: start;
        background: var(--soft);
      }
      .hex {
        white-space: pre;
        line-height: 1.45;
        overflow-x: auto;
      }
      .hex .o {
        color: var(--muted);
      }
      .hex .x {
        color: var(--code-string);
      }
      .detail .row {
        justify-content: space-between;
      }
      .empty {
        padding: 20px;
        color: var(--muted);
      }
      @media (max-width: 760px) {
        .views {
          grid-template-columns: 1fr;
          grid-template-rows: 1fr 1fr;
        }
        .detail {
          border-left: 0;
          border-top: 1px solid var(--line);
        }
        .bar .count {
          display: none;
        }
      }
    `,
  ];

  protected override render(): unknown {
    const { wire } = this;
    this.watch(wire);
    const frames = this.shown();
    // Rows keep their frames until they are drawn anew, also if some of them are dropped meanwhile.
    const { dropped } = wire.frames;
    const at = (index: number) =>
      frames ? frames[index] : wire.frames.at(index + dropped - wire.frames.dropped);
    const count = frames?.length ?? wire.frames.length;
    const first = wire.frames.at(0)?.number ?? 1;
    // Numbers have gaps where it was paused.
    const index =
      this.chosen === 0 ? -1 : (frames ?? [...wire.frames]).findIndex(it => it.number === this.chosen);
    const chosen = at(index);
    return html`<div class="bar">
        <input
          type="search"
          data-testid="wire-filter"
          aria-label="Filter frames"
          placeholder="Filter: name, kind, text"
          .value=${this.filter}
          @input=${(event: Event) => (this.filter = (event.target as HTMLInputElement).value)}
        />
        <span class="count small muted" role="status"
          >${count} of ${wire.frames.length}
          kept${wire.frames.dropped > 0 ? `, ${wire.frames.dropped} dropped` : ''}</span
        >
        ${this.tool('wire-follow', 'follow', 'Follow the end', () => (this.follow = !this.follow), this.follow)}
        ${this.tool('wire-pause', wire.isPaused ? 'play' : 'pause', wire.isPaused ? 'Go on' : 'Pause', () => wire.pause(!wire.isPaused), wire.isPaused)}
        ${this.tool('wire-clear', 'trash', 'Clear', () => wire.clear())}
        ${this.tool('wire-export', 'download', 'Save as JSON lines', () => download('frames.jsonl', this.lines()))}
      </div>
      ${
        wire.frames.length === 0
          ? html`<p class="empty">
              Nothing has gone over the wire yet${wire.isPaused ? ', or it is paused' : ''}.
            </p>`
          : html` <div class="views ${chosen ? '' : 'alone'}">
              <row-list
                label="Frames"
                .count=${count}
                .version=${`${first} ${count} ${this.filter}`}
                .chosen=${index}
                .follow=${this.follow}
                .row=${(row: number) => this.row(at(row))}
                @follow=${(event: CustomEvent<boolean>) => (this.follow = event.detail)}
                @choose=${(event: CustomEvent<number>) => this.choose(at(event.detail))}
              ></row-list>
              ${chosen ? this.detail(chosen) : ''}
            </div>`
      }`;
  }

  private choose(frame: Frame | undefined): void {
    this.chosen = frame?.number ?? 0;
    if (frame) this.follow = false;
  }

  /**
   * The frames that fit the filter; `undefined` if all of them do. What has been looked at is not looked at
   * again.
   */
  private shown(): Frame[] | undefined {
    const words = this.filter.trim().toLowerCase();
    if (words === '') return undefined;
    const { frames } = this.wire;
    const before = this.found.key === words ? this.found.frames : [];
    const last = before.at(-1)?.number ?? 0;
    const first = frames.at(0)?.number ?? Infinity;
    const fresh = [...frames].filter(it => it.number > last && this.fits(it, words));
    this.found = { key: words, frames: [...before.filter(it => it.number >= first), ...fresh] };
    return this.found.frames;
  }

  private fits(frame: Frame, words: string): boolean {
    const decoded = this.wire.decode(frame);
    const text = `${frame.direction} ${decoded.kind} ${decoded.call ?? ''} ${decoded.name ?? ''} ${inline(decoded.payload, 2000)}`;
    return text.toLowerCase().includes(words);
  }

  private row(frame: Frame | undefined): TemplateResult | typeof nothing {
    if (!frame) return nothing;
    const decoded = this.wire.decode(frame);
    const more = [decoded.metadata, decoded.leading, decoded.trailing].filter(
      it => it !== undefined && Object.keys(it).length > 0,
    );
    return html`<span
        class="n"
        data-testid="wire-frame-${frame.number}"
        data-direction=${frame.direction}
        data-kind=${decoded.kind}
        >${frame.number}</span
      >
      <span class=${frame.direction} role="img" aria-label=${frame.direction === 'in' ? 'received' : 'sent'}
        >${frame.direction === 'in' ? '←' : '→'}</span
      >
      <span class="k ${decoded.kind === 'error' || decoded.kind === 'invalid' ? 'bad' : ''}"
        >${decoded.kind}</span
      >
      <span class="n">${decoded.call === null ? '' : `#${decoded.call}`}</span>
      <span class="p cut">${decoded.name ?? ''}</span>
      <span class="cut"
        >${decoded.payload === undefined || decoded.payload === null ? '' : inline(decoded.payload, 300)}${more.length > 0 ? ` + ${inline(Object.assign({}, ...more), 120)}` : ''}</span
      >
      <span class="s">${sizeText(frame.size)}</span>
      <span class="t">${duration(frame.at)}</span>`;
  }

  private detail(frame: Frame): TemplateResult {
    const decoded = this.wire.decode(frame);
    const bytes = bytesOf(frame);
    return html`<div class="detail" tabindex="0" role="region" aria-label="Frame ${frame.number}">
      <div class="row">
        <h3>Frame ${frame.number}, decoded</h3>
        <copy-button label="Copy" .text=${() => inline(withoutEmpty(decoded))}></copy-button>
      </div>
      <json-view hook="wire-detail" .value=${withoutEmpty(decoded)}></json-view>
      <div class="row">
        <h3>${sizeText(frame.size)}</h3>
        <copy-button label="Copy the bytes" .text=${() => hex(bytes, ' ')}></copy-button>
      </div>
      <pre class="hex" tabindex="0" data-testid="wire-hex">
${hexLines(bytes, LINES).map(
          line =>
            html`<span class="o">${line.offset}</span>
              <span class="x">${line.bytes.padEnd(47)}</span> ${line.text} `,
        )}${bytes.length > LINES * 16 ? '…' : ''}</pre>
    </div>`;
  }

  private lines(): string {
    const frames = this.shown() ?? [...this.wire.frames];
    return frames
      .map(frame => {
        const record = {
          number: frame.number,
          at: frame.at,
          direction: frame.direction,
          size: frame.size,
          ...withoutEmpty(this.wire.decode(frame)),
          bytes: hex(bytesOf(frame)),
        };
        return `${compact(record)}\n`;
      })
      .join('');
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
}

function bytesOf(frame: Frame): Uint8Array {
  return typeof frame.data === 'string' ? new TextEncoder().encode(frame.data) : frame.data;
}

function withoutEmpty(decoded: DecodedFrame): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decoded).filter(([, value]) => value !== undefined));
}

customElements.define('wire-view', WireView);
