import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { numbered } from '../json/template.ts';
import type { Json } from '../json/value.ts';
import { pathText } from '../json/value.ts';
import { placeOf } from '../json/place.ts';
import type { Call } from '../session/call.ts';
import { SPOKEN } from '../session/connection.ts';
import type { Description } from '../session/description.ts';
import type { Draft } from '../session/draft.ts';
import { isDeadline, requestOf } from '../session/ready.ts';
import type { Page } from '../session/page.ts';
import { type Procedure, shapeOf } from '../spec.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';
import { panelStyles } from './panel-styles.ts';
import { walkTabs } from './tabs.ts';
import './call-options.ts';
import './call-view.ts';
import './json-editor.ts';
import './snippets-view.ts';
import './value-form.ts';

/** Calls a procedure: what is sent, the buttons, and what comes back. */
export class CallPanel extends Element {
  static override properties = {
    page: { attribute: false },
    procedure: { attribute: false },
    tab: { state: true },
    warned: { state: true },
  };
  declare page: Page;
  declare procedure: Procedure;
  declare private tab: 'form' | 'editor' | 'snippets';
  /** Somebody has tried to send what is not valid. */
  declare private warned: boolean;

  constructor() {
    super();
    this.tab = 'form';
    this.warned = false;
  }

  static override styles = [...Element.styles, panelStyles];

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('procedure')) this.warned = false;
  }

  protected override render(): unknown {
    const { page, procedure } = this;
    const description = page.description;
    if (!description) return nothing;
    if (page.settings.readOnly) {
      return html`<div class="note" data-testid="read-only">
        Calling is switched off here: this page only explains what there is.
      </div>`;
    }
    const draft = page.draft(procedure);
    const call = page.calls.shown(procedure);
    this.watch(page, draft, page.calls, page.connection);
    return html`<div class="card" data-testid="call-panel" data-name=${procedure.name}>
        <div class="top">
          <h2>
            ${shapeOf(procedure) === 'single' ? 'Call it' : procedure.items ? 'Stream' : 'Open the stream'}
          </h2>
          <div class="tabs" role="tablist" aria-label="Views of the value" @keydown=${walkTabs}>
            ${(['form', 'editor', 'snippets'] as const).map(
              it =>
                html`<button
                  type="button"
                  role="tab"
                  data-testid="tab-${it}"
                  tabindex=${this.tab === it ? 0 : -1}
                  aria-selected=${this.tab === it}
                  aria-controls="body"
                  @click=${() => (this.tab = it)}
                >
                  ${{ form: 'Form', editor: 'JSON', snippets: 'Code' }[it]}
                </button>`,
            )}
          </div>
        </div>
        <div class="body" id="body" role="tabpanel" @keydown=${this.submitKey}>
          ${
            this.tab === 'snippets'
              ? html`<snippets-view .page=${page} .procedure=${procedure}></snippets-view>`
              : html`${this.tab === 'form' ? this.form(description, draft) : this.editor(description, draft)}
                  <call-options .page=${page} .draft=${draft}></call-options>`
          }
        </div>
        <div class="foot">
          ${this.problems(draft)} ${this.notCarried(description)} ${this.buttons(description, draft, call)}
        </div>
      </div>
      ${call ? this.outcome(call) : ''}`;
  }

  private form(description: Description, draft: Draft): TemplateResult {
    const { items } = draft.procedure;
    return html`${items ? html`<p class="small muted">The next item of the stream:</p>` : ''}
      ${draft.isJson ? '' : html`<p class="note warn">The text under JSON is not valid JSON at the moment. The form shows the last value that was.</p>`}
      <value-form
        data-testid="form"
        .schemas=${description.schemas}
        .schema=${draft.schema}
        .value=${live(draft.value)}
        .violations=${draft.violations}
        .label=${items?.name ?? 'value'}
        @value-change=${(event: CustomEvent<Json>) => draft.setValue(event.detail)}
      ></value-form>
      <div class="row fill">
        <button class="tiny" type="button" data-testid="example" @click=${() => draft.fill()}>
          Fill in the example
        </button>
      </div>`;
  }

  private editor(description: Description, draft: Draft): TemplateResult {
    const marks = [
      ...draft.parsed.problems.map(it => ({ ...it, to: Math.max(it.to, it.from + 1) })),
      ...(draft.isJson ? draft.violations : []).map(it => ({
        ...placeOf(draft.parsed, it.path),
        message: `${pathText(it.path) || 'The value'} ${it.message}`,
      })),
    ];
    return html`<json-editor
        data-testid="raw-editor"
        .schemas=${description.schemas}
        .schema=${draft.schema}
        .text=${draft.text}
        .marks=${marks}
        label=${draft.procedure.items ? 'Item as JSON' : 'Parameters as JSON'}
        @text-change=${(event: CustomEvent<string>) => draft.setText(event.detail)}
        @submit-value=${() => this.submit()}
      ></json-editor>
      <p class="small muted">
        ${draft.procedure.items ? 'One item.' : 'By name as an object, or by position as a list.'} Ctrl+Space
        suggests what fits.
      </p>
      <div class="row fill">
        <button class="tiny" type="button" data-testid="example" @click=${() => draft.fill()}>
          Fill in the example
        </button>
      </div>`;
  }

  private problems(draft: Draft): TemplateResult | typeof nothing {
    if (draft.isValid) return nothing;
    const [first] = draft.parsed.problems;
    const [violation] = draft.violations;
    const more = draft.violations.length - 1;
    const words = first
      ? first.message
      : `${violation ? pathText(violation.path) || 'The value' : ''} ${violation?.message ?? ''}`;
    return html`<div
      class="note ${this.warned ? 'bad' : 'warn'}"
      role=${this.warned ? 'alert' : nothing}
      data-testid="invalid"
    >
      <div class="row">
        <span class="grow">${words}${more > 0 && !first ? `, and ${more} more` : ''}</span>
        ${first ? '' : html`<button class="tiny" type="button" data-testid="send-anyway" @click=${() => this.submit(true)}>Send anyway</button>`}
      </div>
    </div>`;
  }

  private notCarried(description: Description): TemplateResult | typeof nothing {
    const { connection } = this.page;
    const protocol = description.protocol(connection.protocol);
    if (!protocol?.cannot_carry?.includes(this.procedure.name)) return nothing;
    const other = description.speaks.find(
      it => !description.protocol(it)?.cannot_carry?.includes(this.procedure.name),
    );
    return html`<p class="note warn" data-testid="not-carried">
      ${SPOKEN[connection.protocol]} cannot carry this procedure: calls fail with code 501.
      ${other ? html`<button class="tiny" type="button" @click=${() => connection.set({ protocol: other })}>Use ${SPOKEN[other]}</button>` : ''}
    </p>`;
  }

  private buttons(_description: Description, draft: Draft, call: Call | undefined): TemplateResult {
    const shape = shapeOf(this.procedure);
    const running = call?.isRunning ? call : undefined;
    const hint = html`<kbd aria-hidden="true">Ctrl ⏎</kbd>`;
    const cancel = html`<button
      type="button"
      data-testid="cancel"
      ?disabled=${!running}
      @click=${() => running?.cancel()}
    >
      Cancel
    </button>`;
    if (shape === 'single') {
      return html`<div class="buttons">
        <button class="primary" type="button" data-testid="call" @click=${() => this.submit()}>
          ${icon('play', 14)}Call ${hint}</button
        >${running ? cancel : ''} ${this.offline()}
      </div>`;
    }
    if (shape === 'stream') {
      return html`<div class="buttons">
        <button
          class=${running ? '' : 'primary'}
          type="button"
          data-testid="open"
          @click=${() => this.submit()}
        >
          Open ${running ? 'another' : ''} ${running ? '' : hint}
        </button>
        ${cancel} ${this.offline()}
      </div>`;
    }
    const takes = running?.takesItems ?? false;
    return html`<div class="buttons">
        <button class=${takes ? '' : 'primary'} type="button" data-testid="open" @click=${() => this.begin()}>
          Open${running ? ' another' : ''}
        </button>
        <button
          class=${takes ? 'primary' : ''}
          type="button"
          data-testid="send"
          ?disabled=${!takes}
          @click=${() => this.send()}
        >
          Send ${takes ? hint : ''}
        </button>
        <button type="button" data-testid="end" ?disabled=${!takes} @click=${() => running?.end()}>
          End
        </button>
        ${cancel} ${this.offline()}
      </div>
      <div class="many">
        <span>Send</span>
        <input
          type="number"
          min="1"
          data-testid="send-many-count"
          aria-label="how many items"
          .value=${draft.count}
          @input=${(event: Event) => draft.set({ count: valueOf(event) })}
        />
        <span>like this,</span>
        <input
          type="number"
          min="0"
          data-testid="send-many-rate"
          aria-label="items a second, 0 is as fast as it goes"
          .value=${draft.rate}
          @input=${(event: Event) => draft.set({ rate: valueOf(event) })}
        />
        <span>a second</span>
        <button
          class="tiny"
          type="button"
          data-testid="send-many"
          ?disabled=${!takes || (running?.toSend ?? 0) > 0}
          @click=${() => this.sendMany()}
        >
          Send many
        </button>
        <label class="check small"
          ><input
            type="checkbox"
            data-testid="send-many-counting"
            .checked=${draft.countsUp}
            @change=${(event: Event) => draft.set({ countsUp: (event.target as HTMLInputElement).checked })}
          />counting up</label
        >
        ${running && running.toSend > 0 ? html`<span role="status">${running.toSend} to go</span>` : html`<span class="small">0 a second is as fast as it goes; in texts, <code>{n}</code> is the number of the item</span>`}
      </div>`;
  }

  private offline(): TemplateResult | typeof nothing {
    const { connection } = this.page;
    if (connection.state.kind === 'open') return nothing;
    if (connection.isUsable)
      return html`<span class="small muted">It is sent as soon as there is a connection.</span>`;
    return html`<span class="small bad">There is no connection.</span>
      <button class="tiny" type="button" @click=${() => connection.connect()}>Connect</button>`;
  }

  private outcome(shown: Call): TemplateResult {
    const calls = this.page.calls.of(this.procedure);
    return html`<div class="card">
      <div class="top">
        <div class="calls tabs grow" role="tablist" aria-label="Calls of this procedure" @keydown=${walkTabs}>
          ${calls
            .slice(0, 50)
            .map(
              it =>
                html`<button
                  type="button"
                  role="tab"
                  data-testid="call-tab-${it.number}"
                  aria-selected=${it === shown}
                  tabindex=${it === shown ? 0 : -1}
                  @click=${() => this.page.calls.show(it)}
                >
                  <span class="dot ${it.status}"></span>#${it.number}<span class="visually-hidden"
                    >${it.words}</span
                  >
                </button>`,
            )}
        </div>
      </div>
      <div class="body"><call-view .call=${shown}></call-view></div>
    </div>`;
  }

  private submitKey(event: KeyboardEvent): void {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) {
      event.preventDefault();
      this.submit();
    }
  }

  /** Calls, or opens, or sends the next item, whichever comes next. */
  private submit(anyway = false): void {
    const shown = this.page.calls.shown(this.procedure);
    if (this.procedure.items) {
      if (shown?.takesItems) this.send(anyway);
      else this.begin();
      return;
    }
    if (!anyway && this.isRefused()) return;
    this.begin();
  }

  private begin(): void {
    const { page, procedure } = this;
    const draft = page.draft(procedure);
    if (!page.description || !isDeadline(draft.deadline)) return;
    if (!page.connection.isUsable) page.connection.connect();
    this.warned = false;
    const call = page.calls.begin(requestOf(draft), page.description.schemas);
    const unwatch = call.onChange(() => {
      // A stream is looked at from its beginning, an answer when it is there.
      if (call.shape !== 'single' || !call.isRunning) unwatch();
      this.reveal();
    });
  }

  /** What comes back may be out of sight: below a long form, or where all is in one column. */
  private reveal(): void {
    // Two frames later all of it has been drawn.
    requestAnimationFrame(() => requestAnimationFrame(() => this.scrollToOutcome()));
  }

  private scrollToOutcome(): void {
    const outcome = this.renderRoot.querySelector('call-view')?.closest('.card');
    if (!outcome) return;
    const oneColumn = window.matchMedia('(max-width: 1180px)').matches;
    const inSight = this.getBoundingClientRect().bottom - outcome.getBoundingClientRect().top;
    if (!oneColumn && inSight >= Math.min(outcome.clientHeight, 160)) return;
    outcome.scrollIntoView({ block: outcome.clientHeight > window.innerHeight / 2 ? 'start' : 'end' });
  }

  private send(anyway = false): void {
    if (!anyway && this.isRefused()) return;
    this.warned = false;
    void this.page.calls.shown(this.procedure)?.send(this.page.draft(this.procedure).value);
  }

  private sendMany(): void {
    if (this.isRefused()) return;
    const draft = this.page.draft(this.procedure);
    const count = Math.max(1, Math.min(1_000_000, Math.floor(Number(draft.count) || 1)));
    const { value, countsUp } = draft;
    void this.page.calls
      .shown(this.procedure)
      ?.sendMany(index => numbered({ value, countsUp }, index), count, Math.max(0, Number(draft.rate) || 0));
  }

  private isRefused(): boolean {
    this.warned = !this.page.draft(this.procedure).isValid;
    return this.warned;
  }
}

function valueOf(event: Event): string {
  return (event.target as HTMLInputElement).value;
}

customElements.define('call-panel', CallPanel);
