import { css, html, type TemplateResult } from 'lit';
import { advice, type Connection, endWords, SPOKEN, stateWords, type Spoken } from '../session/connection.ts';
import type { Page } from '../session/page.ts';
import { duration } from './call-view.ts';
import { Element } from './element.ts';

/** How the page stands with the server, and where, how and as whom it connects. */
export class ConnectionBar extends Element {
  static override properties = { page: { attribute: false }, open: { state: true }, token: { state: true } };
  declare page: Page;
  declare private open: boolean;
  private timer: ReturnType<typeof setInterval> | undefined;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        position: relative;
      }
      .status {
        max-width: 340px;
        border-radius: 99px;
      }
      .dot {
        width: 9px;
        height: 9px;
        border-radius: 50%;
        background: var(--muted);
        flex: none;
      }
      .open .dot {
        background: var(--accent);
      }
      .connecting .dot,
      .waiting .dot {
        background: var(--warn);
      }
      .closed .dot {
        background: var(--bad);
      }
      .panel {
        position: absolute;
        right: 0;
        top: calc(100% + 8px);
        z-index: 20;
        width: min(420px, calc(100vw - 24px));
        display: grid;
        gap: 14px;
        padding: 18px;
        border: 1px solid var(--line);
        border-radius: 12px;
        background: var(--bg);
        box-shadow: var(--shadow);
        max-height: calc(100dvh - 80px);
        overflow-y: auto;
      }
      label {
        display: grid;
        gap: 4px;
        font-size: 12.5px;
        color: var(--muted);
      }
      .two {
        display: grid;
        grid-template-columns: 1fr 1fr;
        gap: 12px;
      }
      .facts {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 4px 14px;
        font-size: 13px;
      }
      .facts dt {
        color: var(--muted);
      }
      .facts dd {
        overflow-wrap: anywhere;
      }
      @media (max-width: 560px) {
        .rtt {
          display: none;
        }
        .panel {
          position: fixed;
          top: 60px;
          right: 12px;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('pointerdown', this.outside);
    document.addEventListener('keydown', this.pressed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.outside);
    document.removeEventListener('keydown', this.pressed);
    clearInterval(this.timer);
  }

  protected override render(): unknown {
    const { connection } = this.page;
    this.watch(connection, this.page);
    const { state } = connection;
    this.count(state.kind === 'waiting');
    const latency = connection.latency;
    return html`<button
        class="status ${state.kind}"
        type="button"
        data-testid="connection-status"
        data-status=${state.kind}
        aria-expanded=${Boolean(this.open)}
        aria-controls="panel"
        @click=${() => (this.open = !this.open)}
      >
        <span class="dot"></span
        ><span class="cut" role="status">${stateWords(state)}${this.countdown()}</span>
        ${latency && state.kind === 'open' ? html`<span class="muted small rtt" data-testid="connection-rtt" title="The last call; ${duration(latency.median)} in the middle">${duration(latency.last)}</span>` : ''}
      </button>
      ${this.open ? this.panel(connection) : ''}`;
  }

  private countdown(): unknown {
    const { state } = this.page.connection;
    if (state.kind !== 'waiting') return '';
    const left = Math.max(0, state.nextAttemptAt - Date.now());
    return html` <span data-testid="connection-countdown">in ${(left / 1000).toFixed(1)} s</span>`;
  }

  /** Draws the countdown while there is one. */
  private count(waiting: boolean): void {
    if (waiting === (this.timer !== undefined)) return;
    clearInterval(this.timer);
    this.timer = waiting ? setInterval(() => this.requestUpdate(), 200) : undefined;
  }

  private panel(connection: Connection): TemplateResult {
    const { state, lastEnd, lastFailure, latency } = connection;
    const description = this.page.description;
    const paths = description?.spec.paths ?? [];
    const speaks = description?.speaks ?? [];
    const why = lastFailure ? advice(lastFailure) : lastEnd ? advice(lastEnd) : '';
    return html`<div
      class="panel"
      id="panel"
      role="dialog"
      aria-label="Connection"
      data-testid="connection-panel"
    >
      <dl class="facts">
        <dt>State</dt>
        <dd>${stateWords(state)}${state.kind === 'waiting' ? `, attempt ${state.attempt}` : ''}</dd>
        <dt>Address</dt>
        <dd><code>${connection.address}</code></dd>
        ${
          latency
            ? html`<dt>Calls take</dt>
                <dd>
                  ${duration(latency.last)}
                  <span class="muted">(${duration(latency.median)} in the middle)</span>
                </dd>`
            : ''
        }
        ${
          lastEnd
            ? html`<dt>Last end</dt>
                <dd data-testid="connection-reason">
                  ${endWords(lastEnd)} <span class="muted">at ${lastEnd.at.toLocaleTimeString()}</span>
                </dd>`
            : ''
        }
        ${
          lastFailure
            ? html`<dt>Last attempt</dt>
                <dd data-testid="connection-failure">
                  ${endWords(lastFailure)}
                  <span class="muted">at ${lastFailure.at.toLocaleTimeString()}</span>
                </dd>`
            : ''
        }
      </dl>
      ${why && state.kind !== 'open' ? html`<p class="note warn">${why}</p>` : ''}
      ${speaks.length === 0 ? html`<p class="note warn">This app speaks neither <code>swill.1</code> nor <code>jsonrpc</code>, so that this page cannot call it.</p>` : ''}
      <div class="two">
        <label
          >Protocol
          <select
            data-testid="connection-protocol"
            @change=${(event: Event) => connection.set({ protocol: valueOf(event) as Spoken })}
          >
            ${speaks.map(it => html`<option value=${it} .selected=${it === connection.protocol}>${SPOKEN[it]}</option>`)}
          </select></label
        >
        <label
          >Path
          <select
            data-testid="connection-path"
            @change=${(event: Event) => connection.set({ path: valueOf(event), ownAddress: '' })}
          >
            ${paths.map(it => html`<option value=${it} .selected=${it === connection.path}>${it}</option>`)}
          </select></label
        >
      </div>
      ${connection.needed.map(
        name =>
          html`<label
            ><span>Parameter <code>${name}</code> of the path</span>
            <input
              data-testid="connection-parameter-${name}"
              .value=${connection.parameters[name] ?? ''}
              @change=${(event: Event) => connection.set({ parameters: { ...connection.parameters, [name]: valueOf(event) } })}
          /></label>`,
      )}
      <label
        >URL
        <input
          class="mono"
          data-testid="connection-url"
          spellcheck="false"
          placeholder=${connection.address}
          .value=${connection.ownAddress}
          @change=${(event: Event) => connection.set({ ownAddress: valueOf(event).trim() })}
      /></label>
      <label
        >Token
        <input
          type="password"
          data-testid="connection-token"
          autocomplete="off"
          placeholder="none"
          .value=${connection.token}
          @input=${(event: Event) => (connection.token = valueOf(event))}
      /></label>
      <p class="small muted">The token is kept in this page's memory alone, and is sent when it connects.</p>
      <div class="row">
        <button class="primary" type="button" data-testid="connect" @click=${() => connection.connect()}>
          ${state.kind === 'open' ? 'Reconnect' : 'Connect'}
        </button>
        <button
          type="button"
          data-testid="disconnect"
          ?disabled=${!connection.isUsable}
          @click=${() => connection.disconnect()}
        >
          Disconnect
        </button>
      </div>
    </div>`;
  }

  private readonly outside = (event: PointerEvent): void => {
    if (this.open && !event.composedPath().includes(this)) this.open = false;
  };

  private readonly pressed = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !this.open) return;
    this.open = false;
    if (event.composedPath().includes(this)) this.renderRoot.querySelector<HTMLElement>('.status')?.focus();
  };
}

function valueOf(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}

customElements.define('connection-bar', ConnectionBar);
