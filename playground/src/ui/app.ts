import { css, html, nothing, type TemplateResult } from 'lit';
import type { Page } from '../session/page.ts';
import './call-panel.ts';
import './connection-bar.ts';
import './dock-view.ts';
import { Element } from './element.ts';
import { icon, type IconName } from './icons.ts';
import './over-view.ts';
import './procedure-docs.ts';
import './side-bar.ts';
import type { SideBar } from './side-bar.ts';
import { nextTheme, type Theme, theme } from './theme.ts';

const THEMES: Record<Theme, { icon: IconName; words: string }> = {
  system: { icon: 'system', words: 'Colours of the system' },
  light: { icon: 'sun', words: 'Light' },
  dark: { icon: 'moon', words: 'Dark' },
};

/** The page. */
export class App extends Element {
  static override properties = {
    page: { attribute: false },
    drawer: { state: true },
    theme: { state: true },
  };
  declare page: Page;
  /** Whether the list of procedures lies over the page, on small screens. */
  declare private drawer: boolean;
  declare private theme: Theme;

  constructor() {
    super();
    this.drawer = false;
    this.theme = theme();
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        position: fixed;
        inset: 0;
        overflow: clip;
      }
      .app {
        display: grid;
        grid-template-rows: auto minmax(0, 1fr) auto;
        height: 100%;
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 10px;
        height: 56px;
        padding: 0 16px;
        border-bottom: 1px solid var(--line);
        min-width: 0;
      }
      .bar a {
        display: flex;
        align-items: center;
        gap: 10px;
        min-width: 0;
        color: var(--text);
        text-decoration: none;
        font-weight: 650;
        font-size: 15px;
      }
      .bar img {
        display: block;
        width: 26px;
        height: 26px;
      }
      .bar .badge {
        font-weight: 500;
      }
      .menu {
        display: none;
      }
      .main {
        display: grid;
        grid-template-columns: 272px minmax(0, 1fr);
        min-height: 0;
      }
      side-bar {
        border-right: 1px solid var(--line);
      }
      main {
        min-width: 0;
        min-height: 0;
        overflow: clip;
        display: grid;
        grid-template-rows: auto minmax(0, 1fr);
      }
      .procedure {
        display: grid;
        grid-template-columns: minmax(0, 1fr) minmax(420px, 1.08fr);
        min-height: 0;
      }
      .procedure > * {
        overflow-y: auto;
        min-height: 0;
        padding: 30px 32px 56px;
      }
      .procedure > call-panel {
        border-left: 1px solid var(--line);
        background: var(--soft);
        padding: 22px 24px 0;
      }
      .procedure.reading {
        grid-template: auto 1fr / minmax(0, 900px);
        justify-content: center;
      }
      .procedure.reading > call-panel {
        order: -1;
        border: 0;
        background: none;
        padding: 18px 32px 0;
      }
      .center {
        display: grid;
        place-content: center;
        padding: 32px;
        height: 100%;
        text-align: center;
        gap: 10px;
        max-width: 560px;
        margin: 0 auto;
      }
      .banner {
        margin: 12px 16px 0;
      }
      .shade {
        display: none;
      }
      .skip {
        position: absolute;
        left: 12px;
        top: -60px;
        padding: 8px 14px;
        background: var(--bg);
        border-radius: 8px;
        z-index: 50;
      }
      .skip:focus {
        top: 10px;
      }
      @media (max-width: 1180px) {
        .procedure,
        .procedure.reading {
          display: block;
          overflow-y: auto;
        }
        .procedure > *,
        .procedure > call-panel {
          overflow: visible;
          border-left: 0;
          padding: 26px 24px;
        }
        .procedure > call-panel {
          border-top: 1px solid var(--line);
        }
      }
      @media (max-width: 820px) {
        .menu {
          display: inline-flex;
        }
        .main {
          grid-template-columns: minmax(0, 1fr);
          position: relative;
        }
        side-bar {
          display: none;
          position: absolute;
          inset: 0 auto 0 0;
          width: min(320px, 86vw);
          z-index: 15;
          box-shadow: var(--shadow);
        }
        .drawer side-bar {
          display: flex;
        }
        .drawer .shade {
          display: block;
          position: absolute;
          inset: 0;
          z-index: 14;
          background: rgb(0 0 0 / 40%);
        }
        .bar {
          padding: 0 12px;
        }
        .bar .badge {
          display: none;
        }
        .procedure > *,
        .procedure > call-panel {
          padding: 20px 16px;
        }
      }
    `,
  ];

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.pressed);
    window.addEventListener('hashchange', this.moved);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('keydown', this.pressed);
    window.removeEventListener('hashchange', this.moved);
  }

  protected override render(): unknown {
    const { page } = this;
    if (!page) return nothing;
    this.watch(page);
    const { description, failure } = page;
    const info = description?.spec.info;
    const look = THEMES[this.theme];
    return html`<div
      class="app"
      data-testid="app"
      data-status=${description ? 'ready' : failure ? 'failed' : 'loading'}
    >
      <header class="bar">
        <button class="skip" type="button" @click=${this.skip}>To the content</button>
        <button
          class="quiet menu"
          type="button"
          data-testid="menu-toggle"
          aria-label="Procedures"
          aria-expanded=${this.drawer}
          @click=${() => (this.drawer = !this.drawer)}
        >
          ${icon('menu', 18)}
        </button>
        <a class="grow" href="#/" data-testid="home" @click=${() => (this.drawer = false)}
          ><img src="docs/icon.svg" alt="" />
          <span class="cut" data-testid="app-title"
            >${info?.title || (description ? 'Swill app' : 'API')}</span
          >
          ${info?.version ? html`<span class="badge" data-testid="app-version">${info.version}</span>` : ''}</a
        >
        ${description && !page.settings.readOnly ? html`<connection-bar .page=${page}></connection-bar>` : ''}
        <button
          class="quiet"
          type="button"
          data-testid="theme-toggle"
          title=${look.words}
          aria-label="Colours: ${look.words}"
          @click=${() => (this.theme = nextTheme())}
        >
          ${icon(look.icon, 18)}
        </button>
      </header>
      <div class="main ${this.drawer ? 'drawer' : ''}" @click=${this.followed}>
        <div class="shade" @click=${() => (this.drawer = false)}></div>
        <side-bar .page=${page}></side-bar>
        <main id="content" tabindex="-1">
          ${this.banner()}
          ${failure && !description ? this.failed() : description ? this.content() : html`<div class="center muted" role="status">Reading the description…</div>`}
        </main>
      </div>
      ${description && !page.settings.readOnly ? html`<dock-view .page=${page}></dock-view>` : html`<span></span>`}
    </div>`;
  }

  private content(): TemplateResult {
    const { page } = this;
    const { route, description } = page;
    if (route.page !== 'procedure') {
      return html`<over-view
        .page=${page}
        .module=${route.page === 'module' ? route.name : undefined}
      ></over-view>`;
    }
    const procedure = description?.procedure(route.name);
    if (!procedure) {
      return html`<div class="center">
        <h1>There is no procedure <code>${route.name}</code></h1>
        <p class="muted">
          The link is of another version of the app, perhaps. <a href="#/">All procedures</a>
        </p>
      </div>`;
    }
    return html`<div class="procedure ${page.settings.readOnly ? 'reading' : ''}">
      <procedure-docs .page=${page} .procedure=${procedure} @to-call=${this.toCall}></procedure-docs>
      <call-panel .page=${page} .procedure=${procedure}></call-panel>
    </div>`;
  }

  private failed(): TemplateResult {
    const { failure } = this.page;
    return html`<div class="center" data-testid="page-error" role="alert">
      <h1>${failure?.message}</h1>
      <p class="muted">${failure?.advice}</p>
      <p>
        <button class="primary" type="button" data-testid="page-retry" @click=${() => void this.page.start()}>
          Try again
        </button>
      </p>
    </div>`;
  }

  private banner(): TemplateResult | typeof nothing {
    if (!this.page.isOutdated) return html`<span></span>`;
    return html`<div class="note warn banner" role="status" data-testid="banner-changed">
      <div class="row">
        <span class="grow"
          >The server has another version of its description now. What you see may be out of date; what you
          have typed stays.</span
        >
        <button
          class="tiny"
          type="button"
          data-testid="reload-description"
          @click=${() => void this.page.load()}
        >
          Load it
        </button>
      </div>
    </div>`;
  }

  private readonly moved = (): void => {
    this.page?.go(location.hash);
    this.renderRoot
      .querySelectorAll('.procedure, .procedure > *, over-view')
      .forEach(it => it.scrollTo(0, 0));
    this.titled();
  };

  /** The title of the browser's tab. */
  private titled(): void {
    const { route, description } = this.page;
    const title = description?.spec.info.title || 'Swill app';
    document.title = route.page === 'overview' ? title : `${route.name} – ${title}`;
  }

  protected override updated(): void {
    if (this.page?.description) this.titled();
  }

  private skip(): void {
    this.renderRoot.querySelector<HTMLElement>('main')?.focus();
  }

  private toCall(): void {
    const isStill = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    this.renderRoot
      .querySelector('call-panel')
      ?.scrollIntoView({ block: 'start', behavior: isStill ? 'auto' : 'smooth' });
  }

  /** A link in the drawer closes it. */
  private followed(event: Event): void {
    const link = event.composedPath().find(it => it instanceof HTMLAnchorElement);
    if (link && this.drawer) this.drawer = false;
  }

  private readonly pressed = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    const isTyping =
      target instanceof HTMLElement &&
      (target.matches('input, textarea, select') || target.isContentEditable);
    if (event.key === 'Escape' && this.drawer) this.drawer = false;
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.drawer = window.matchMedia('(max-width: 820px)').matches;
    void this.updateComplete.then(() => this.renderRoot.querySelector<SideBar>('side-bar')?.focusSearch());
  };
}

customElements.define('swill-docs', App);
