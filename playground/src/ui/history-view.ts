import { css, html, type TemplateResult } from 'lit';
import { inline } from '../json/print.ts';
import type { Call } from '../session/call.ts';
import type { Page } from '../session/page.ts';
import { hashOf } from '../text/route.ts';
import { duration } from './call-view.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';

/** The calls of this page. They are forgotten with it. */
export class HistoryView extends Element {
  static override properties = { page: { attribute: false } };
  declare page: Page;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        height: 100%;
        overflow: auto;
      }
      .empty {
        padding: 20px;
        color: var(--muted);
      }
      .call {
        display: flex;
        gap: 12px;
        align-items: center;
        padding: 4px 12px;
        border-bottom: 1px solid var(--line);
        font-size: 13px;
      }
      .call a {
        font: 550 12.5px var(--mono);
        flex: none;
        max-width: 40%;
      }
      .dot {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--muted);
        flex: none;
      }
      .dot.running {
        background: var(--warn);
      }
      .dot.completed {
        background: var(--accent);
      }
      .dot.failed,
      .dot.lost,
      .dot.deadline {
        background: var(--bad);
      }
      .n {
        width: 38px;
        color: var(--muted);
        text-align: right;
        flex: none;
      }
      .bar {
        display: flex;
        justify-content: flex-end;
        padding: 6px 12px 0;
      }
      @media (max-width: 700px) {
        .time,
        .words {
          display: none;
        }
      }
    `,
  ];

  protected override render(): unknown {
    const { calls } = this.page;
    this.watch(calls, this.page);
    if (calls.list.length === 0)
      return html`<p class="empty">
        No calls yet. They are kept here as long as the page is open, and nowhere else.
      </p>`;
    return html`<div class="bar">
        <button class="quiet tiny" type="button" @click=${() => calls.clear()}>
          ${icon('trash', 14)}Forget those that are over
        </button>
      </div>
      ${calls.list.map(it => this.entry(it))}`;
  }

  private entry(call: Call): TemplateResult {
    return html`<div class="call" data-testid="history-${call.number}">
      <span class="n mono">#${call.number}</span><span class="dot ${call.status}"></span>
      <a
        class="cut"
        href=${hashOf({ page: 'procedure', name: call.name })}
        @click=${() => this.page.calls.show(call)}
        >${call.name}</a
      >
      <span class="cut grow mono muted"
        >${call.request.procedure.items ? '' : inline(call.request.value, 160)}</span
      >
      <span class="words cut muted">${call.words}</span>
      <span class="time muted">${call.duration === undefined ? '' : duration(call.duration)}</span>
      <button
        class="quiet tiny"
        type="button"
        data-testid="history-repeat-${call.number}"
        title="Fill it in again and call"
        @click=${() => this.repeat(call)}
      >
        ${icon('repeat', 14)}Repeat
      </button>
    </div>`;
  }

  private repeat(call: Call): void {
    const { page } = this;
    const procedure = page.description?.procedure(call.name);
    if (!procedure || !page.description) return;
    page.draft(procedure).setValue(call.request.value);
    if (!page.connection.isUsable) page.connection.connect();
    page.calls.begin({ ...call.request, procedure }, page.description.schemas);
    location.hash = hashOf({ page: 'procedure', name: call.name });
  }
}

customElements.define('history-view', HistoryView);
