import { css, html, type TemplateResult } from 'lit';
import type { Page } from '../session/page.ts';
import { Element } from './element.ts';
import './history-view.ts';
import { icon } from './icons.ts';
import './incoming-view.ts';
import { walkTabs } from './tabs.ts';
import './wire-view.ts';

type Tab = 'history' | 'wire' | 'server';

const NAMES: Record<Tab, string> = { history: 'Calls', wire: 'Wire', server: 'From the server' };

/** What happens on the page as a whole: calls, the wire, what the server asks. */
export class DockView extends Element {
  static override properties = { page: { attribute: false }, tab: { state: true } };
  declare page: Page;
  declare private tab: Tab | undefined;
  /** How many calls of the server waited for an answer when it was drawn last. */
  private asked = 0;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: grid;
        grid-template-rows: auto auto;
        border-top: 1px solid var(--line);
        background: var(--bg);
        min-width: 0;
      }
      .head {
        display: flex;
        align-items: center;
        padding: 4px 8px;
        gap: 6px;
      }
      .head .tabs {
        flex: 1;
      }
      .inside {
        height: min(38dvh, 420px);
        min-height: 0;
        border-top: 1px solid var(--line);
      }
      .number {
        padding: 0 6px;
        border-radius: 99px;
        background: var(--sunk);
        font-size: 11.5px;
        line-height: 18px;
        min-width: 18px;
        text-align: center;
      }
      .number.urgent {
        background: var(--accent);
        color: var(--on-accent);
      }
      .shut .icon {
        transform: rotate(180deg);
      }
      @media (max-width: 760px) {
        .inside {
          height: 55dvh;
        }
      }
    `,
  ];

  /** Who is asked something should see it. */
  protected override willUpdate(): void {
    const { open } = this.page.incoming;
    if (open > this.asked) this.tab ??= 'server';
    this.asked = open;
  }

  protected override render(): unknown {
    const { calls, wire, incoming } = this.page;
    this.watch(calls, wire, incoming);
    return html`<div class="head" role="region" aria-label="Calls and messages">
        <div class="tabs" role="tablist" aria-label="What has happened" @keydown=${walkTabs}>
          ${this.button('history', calls.list.length)}
          ${this.button('wire', wire.frames.length + wire.frames.dropped)}
          ${this.button('server', incoming.list.length, incoming.open > 0)}
        </div>
        <button
          class="quiet tiny ${this.tab ? '' : 'shut'}"
          type="button"
          data-testid="dock-toggle"
          aria-expanded=${this.tab !== undefined}
          aria-label=${this.tab ? 'Close' : 'Open'}
          @click=${() => (this.tab = this.tab ? undefined : 'history')}
        >
          ${icon('down')}
        </button>
      </div>
      ${this.tab ? html`<div class="inside" role="region" aria-label=${NAMES[this.tab]}>${this.inside(this.tab)}</div>` : ''}`;
  }

  private inside(tab: Tab): TemplateResult {
    switch (tab) {
      case 'history':
        return html`<history-view .page=${this.page}></history-view>`;
      case 'wire':
        return html`<wire-view .wire=${this.page.wire}></wire-view>`;
      case 'server':
        return html`<incoming-view .page=${this.page}></incoming-view>`;
    }
  }

  private button(tab: Tab, count: number, urgent = false): TemplateResult {
    return html`<button
      type="button"
      role="tab"
      data-testid="dock-tab-${tab}"
      aria-selected=${this.tab === tab}
      tabindex=${this.tab === tab || (this.tab === undefined && tab === 'history') ? 0 : -1}
      @click=${() => (this.tab = this.tab === tab ? undefined : tab)}
    >
      ${NAMES[tab]}
      ${count > 0 ? html`<span class="number ${urgent ? 'urgent' : ''}">${count > 9999 ? '9999+' : count}</span>` : ''}
    </button>`;
  }
}

customElements.define('dock-view', DockView);
