import { css, html, type TemplateResult } from 'lit';
import type { Asked, Incoming } from '../session/incoming.ts';
import type { Page } from '../session/page.ts';
import { Element } from './element.ts';
import './json-editor.ts';
import './json-view.ts';

const STATUS: Record<Asked['status'], string> = {
  waiting: 'waits for your answer',
  answered: 'answered',
  refused: 'answered with an error',
  gone: 'the server does not wait any more',
  notification: 'notification',
};

/** What the server asks and tells: a card each, with a form to answer. */
export class IncomingView extends Element {
  static override properties = { page: { attribute: false }, wrong: { state: true } };
  declare page: Page;
  /** Why an answer could not be sent, by the number of its call. */
  declare private wrong: ReadonlyMap<number, string>;

  constructor() {
    super();
    this.wrong = new Map();
  }

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
        max-width: 70ch;
      }
      .card {
        margin: 12px;
        border: 1px solid var(--line);
        border-radius: 10px;
        padding: 12px 14px;
        display: grid;
        gap: 10px;
      }
      .card.waiting {
        border-color: var(--accent);
      }
      .name {
        font: 600 13px var(--mono);
      }
      .head {
        display: flex;
        gap: 10px;
        align-items: baseline;
      }
      .error {
        display: grid;
        grid-template-columns: 90px 1fr auto;
        gap: 8px;
      }
    `,
  ];

  protected override render(): unknown {
    const { incoming } = this.page;
    this.watch(incoming, this.page.connection);
    if (incoming.list.length === 0) {
      return html`<p class="empty">
        ${
          this.page.connection.protocol === 'json-rpc'
            ? 'The server has not called yet. What it asks appears here, and waits for your answer; what it tells is listed.'
            : 'In JSON-RPC the server can call this page. Choose that protocol under the state of the connection.'
        }
      </p>`;
    }
    return incoming.list.map(it => this.card(incoming, it));
  }

  private card(incoming: Incoming, asked: Asked): TemplateResult {
    return html`<article
      class="card ${asked.status}"
      data-testid="server-call-${asked.number}"
      data-method=${asked.method}
      data-status=${asked.status === 'waiting' || asked.status === 'notification' ? asked.status : 'answered'}
    >
      <div class="head">
        <span class="name">${asked.method}</span><span class="small muted">${STATUS[asked.status]}</span>
        <span class="grow"></span><span class="small muted">${asked.at.toLocaleTimeString()}</span>
      </div>
      ${asked.params === undefined ? '' : html`<json-view .value=${asked.params}></json-view>`}
      ${
        asked.status === 'answered'
          ? html`<div>
              <h3>Answer</h3>
              <json-view .text=${asked.answer}></json-view>
            </div>`
          : ''
      }
      ${asked.status === 'refused' ? html`<p class="bad small">${asked.message}</p>` : ''}
      ${asked.status === 'waiting' ? this.form(incoming, asked) : ''}
    </article>`;
  }

  private form(incoming: Incoming, asked: Asked): TemplateResult {
    const wrong = this.wrong.get(asked.number);
    const fail = (event: Event) => {
      const form = (event.target as HTMLElement).closest('.error');
      const [code, message] = [...(form?.querySelectorAll('input') ?? [])].map(it => it.value);
      incoming.refuse(asked, Number.parseInt(code ?? '', 10) || 500, message || 'refused');
    };
    return html`<json-editor
        data-testid="server-answer-${asked.number}"
        label="Answer as JSON"
        .text=${asked.answer}
        @text-change=${(event: CustomEvent<string>) => (asked.answer = event.detail)}
        @submit-value=${() => this.reply(incoming, asked)}
      ></json-editor>
      ${wrong ? html`<p class="bad small" role="alert">${wrong}</p>` : ''}
      <div class="row">
        <button
          class="primary"
          type="button"
          data-testid="server-reply-${asked.number}"
          @click=${() => this.reply(incoming, asked)}
        >
          Answer
        </button>
      </div>
      <div class="error">
        <input inputmode="numeric" aria-label="code of the error" value="500" /><input
          aria-label="message of the error"
          placeholder="or say what is wrong"
        />
        <button type="button" data-testid="server-fail-${asked.number}" @click=${fail}>Fail</button>
      </div>`;
  }

  private reply(incoming: Incoming, asked: Asked): void {
    const wrong = incoming.reply(asked);
    const next = new Map(this.wrong);
    if (wrong === undefined) next.delete(asked.number);
    else next.set(asked.number, wrong);
    this.wrong = next;
  }
}

customElements.define('incoming-view', IncomingView);
