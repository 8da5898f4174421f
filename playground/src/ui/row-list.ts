import { css, html, nothing, type TemplateResult } from 'lit';
import { isAtEnd, scrollTo, windowOf } from '../text/window.ts';
import { Element } from './element.ts';

/** A row's height in pixels. */
const ROW = 28;

/**
 * A long list of rows of one height, of which only those in sight are drawn. It tells `choose` with an index,
 * or -1.
 */
export class RowList extends Element {
  static override properties = {
    count: { type: Number },
    version: { attribute: false },
    row: { attribute: false },
    chosen: { type: Number },
    follow: { type: Boolean },
    label: {},
  };
  declare count: number;
  /** Another one whenever rows have changed. */
  declare version: unknown;
  /** Draws a row: its cells. */
  declare row: (index: number) => TemplateResult | typeof nothing;
  declare chosen: number;
  /** Stays at the end while rows are added. */
  declare follow: boolean;
  declare label: string;
  private top = 0;
  private height = 300;
  private readonly sizes = new ResizeObserver(() => this.measure());

  constructor() {
    super();
    this.count = 0;
    this.row = () => nothing;
    this.chosen = -1;
    this.follow = true;
    this.label = '';
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        container-type: inline-size;
        display: block;
        position: relative;
        min-height: 0;
        overflow-y: auto;
        overflow-x: hidden;
        overscroll-behavior: contain;
        background: var(--bg);
        contain: strict;
      }
      .all:focus-visible .seen {
        outline: 2px solid var(--accent);
        outline-offset: -2px;
      }
      .all {
        position: relative;
        min-height: 100%;
        outline: none;
      }
      .seen {
        position: absolute;
        left: 0;
        right: 0;
        top: 0;
        will-change: transform;
      }
      .row {
        display: flex;
        flex-wrap: nowrap;
        gap: 10px;
        height: 28px;
        padding: 0 10px;
        font: 12.5px/28px var(--mono);
        white-space: nowrap;
        cursor: default;
      }
      .row:hover {
        background: var(--soft);
      }
      .row[aria-selected='true'] {
        background: var(--accent-soft);
      }
      .row > * {
        flex: none;
      }
      .row > .cut {
        flex: 1 1 0;
        min-width: 0;
      }
      .n {
        width: 46px;
        color: var(--muted);
        text-align: right;
      }
      .in {
        color: var(--accent);
      }
      .out {
        color: var(--text);
      }
      .note {
        padding: 0;
        border: 0;
        background: none;
      }
      .t {
        width: 74px;
        color: var(--muted);
        text-align: right;
      }
      .s {
        width: 64px;
        color: var(--muted);
        text-align: right;
      }
      .k {
        width: 70px;
        color: var(--muted);
      }
      .p {
        width: 150px;
      }
      @container (max-width: 500px) {
        .row {
          gap: 8px;
          padding: 0 8px;
        }
        .s {
          display: none;
        }
        .k {
          width: 58px;
        }
        .n {
          width: 32px;
        }
        .t {
          width: 60px;
        }
        .p {
          width: 90px;
        }
      }
      @container (max-width: 380px) {
        .t,
        .p {
          display: none;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('scroll', this.scrolled, { passive: true });
    this.addEventListener('keydown', this.pressed);
    this.sizes.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  protected override render(): unknown {
    const { from, to, height, top } = windowOf(
      this.count,
      ROW,
      this.follow ? Infinity : this.top,
      this.height,
    );
    const rows = Array.from({ length: to - from }, (_, index) => from + index);
    // What is not drawn cannot be pointed to.
    const active = this.chosen >= from && this.chosen < to ? `row-${this.chosen}` : nothing;
    return html`<div
      class="all"
      role="listbox"
      tabindex="0"
      aria-label=${this.label}
      aria-activedescendant=${active}
      .style=${`height:${height}px`}
    >
      <div class="seen" .style=${`transform:translateY(${top}px)`}>
        ${rows.map(
          index =>
            html`<div
              class="row"
              role="option"
              id="row-${index}"
              aria-selected=${index === this.chosen}
              aria-setsize=${this.count}
              aria-posinset=${index + 1}
              @click=${() => this.choose(index)}
            >
              ${this.row(index)}
            </div>`,
        )}
      </div>
    </div>`;
  }

  protected override updated(): void {
    if (this.follow && !isAtEnd(this.count, ROW, this.scrollTop, this.clientHeight))
      this.scrollTop = this.count * ROW;
  }

  private measure(): void {
    this.height = this.clientHeight || 300;
    this.requestUpdate();
  }

  private readonly scrolled = (): void => {
    this.top = this.scrollTop;
    const end = isAtEnd(this.count, ROW, this.scrollTop, this.clientHeight);
    // Who scrolls up wants to read; who scrolls to the end wants to see what comes.
    if (this.follow !== end && this.count * ROW > this.clientHeight) this.tell('follow', end);
    this.requestUpdate();
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(this.height / ROW) - 1);
    const at = this.chosen < 0 ? this.count - 1 : this.chosen;
    const to = {
      ArrowDown: at + 1,
      ArrowUp: this.chosen < 0 ? at : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: this.count - 1,
      Escape: -1,
    }[event.key];
    if (to === undefined || this.count === 0) return;
    event.preventDefault();
    this.choose(to < 0 && event.key !== 'Escape' ? 0 : Math.min(to, this.count - 1));
  };

  private choose(index: number): void {
    this.tell('choose', index === this.chosen ? -1 : index);
    if (index < 0) return;
    const top = scrollTo(index, ROW, this.scrollTop, this.clientHeight);
    if (top !== undefined) this.scrollTop = top;
  }
}

customElements.define('row-list', RowList);
