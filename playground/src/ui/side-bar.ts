import { css, html, nothing, type TemplateResult } from 'lit';
import type { Page } from '../session/page.ts';
import { type Procedure, SHAPES, shapeOf } from '../spec.ts';
import { summary } from '../text/markdown.ts';
import { hashOf } from '../text/route.ts';
import { search } from '../text/search.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';

/** Modules and procedures, and the search. */
export class SideBar extends Element {
  static override properties = {
    page: { attribute: false },
    query: { state: true },
    chosen: { state: true },
  };
  declare page: Page;
  declare private query: string;
  /** Of what has been found. */
  declare private chosen: number;

  constructor() {
    super();
    this.query = '';
    this.chosen = 0;
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
        background: var(--soft);
      }
      .search {
        position: relative;
        padding: 14px 12px 10px;
      }
      .search .icon {
        position: absolute;
        left: 22px;
        top: calc(50% + 2px);
        transform: translateY(-50%);
        color: var(--muted);
      }
      .search input {
        padding-left: 32px;
      }
      kbd {
        position: absolute;
        right: 22px;
        top: calc(50% + 2px);
        transform: translateY(-50%);
        padding: 0 6px;
        border: 1px solid var(--line);
        border-radius: 4px;
        color: var(--muted);
        font: 11px/18px var(--mono);
        pointer-events: none;
      }
      nav {
        flex: 1;
        min-height: 0;
        overflow-y: auto;
        padding: 0 8px 20px;
      }
      .group {
        margin-top: 14px;
      }
      .group:first-child {
        margin-top: 2px;
      }
      a {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 5px 8px;
        border-radius: 7px;
        color: var(--text);
        text-decoration: none;
      }
      a:hover {
        background: var(--sunk);
      }
      a.module {
        font-size: 12.5px;
        font-weight: 650;
        color: var(--muted);
      }
      a.procedure {
        font: 500 13px/1.45 var(--mono);
      }
      a.procedure .icon {
        color: var(--muted);
      }
      a[aria-current] {
        background: var(--accent-soft);
        color: var(--accent);
      }
      a[aria-current] .icon {
        color: inherit;
      }
      a.chosen {
        outline: 2px solid var(--accent);
        outline-offset: -2px;
      }
      .found {
        display: block;
      }
      .found .why {
        display: block;
        font: 12px/1.4 var(--sans);
        color: var(--muted);
        margin-left: 24px;
      }
      .found .row {
        gap: 8px;
        flex-wrap: nowrap;
      }
      .none {
        padding: 12px;
        color: var(--muted);
        font-size: 13px;
      }
    `,
  ];

  /** Puts the cursor into the search field. */
  focusSearch(): void {
    const input = this.renderRoot.querySelector('input');
    input?.focus();
    input?.select();
  }

  protected override render(): unknown {
    this.watch(this.page);
    const description = this.page.description;
    if (!description) return nothing;
    const found = this.query.trim() === '' ? undefined : search(description.searchable, this.query);
    const option = found?.[this.chosen];
    return html`<div class="search" role="search">
        ${icon('search')}
        <input
          type="search"
          data-testid="search"
          role="combobox"
          aria-label="Search names, types and texts"
          placeholder="Search"
          aria-expanded=${found !== undefined}
          aria-controls="list"
          autocomplete="off"
          spellcheck="false"
          aria-activedescendant=${option === undefined ? nothing : `found-${this.chosen}`}
          .value=${this.query}
          @input=${this.typed}
          @keydown=${this.pressed}
        />
        ${this.query === '' ? html`<kbd aria-hidden="true">/</kbd>` : ''}
      </div>
      <nav id="list" aria-label="Procedures" @keydown=${this.walk}>
        ${
          found
            ? this.results(found.map(index => description.spec.procedures[index]!))
            : description.groups.map(
                group =>
                  html` <div class="group">
                    ${
                      group.name === ''
                        ? ''
                        : html`<a
                            class="module cut"
                            data-testid="nav-module-${group.name}"
                            href=${hashOf({ page: 'module', name: group.name })}
                            aria-current=${this.isCurrent('module', group.name)}
                            >${group.name}</a
                          >`
                    }
                    ${group.procedures.map(it => this.entry(it, group.name))}
                  </div>`,
              )
        }
      </nav>`;
  }

  private entry(procedure: Procedure, module: string): TemplateResult {
    const prefix = module === '' ? '' : `${module}.`;
    const short = procedure.name.startsWith(prefix) ? procedure.name.slice(prefix.length) : procedure.name;
    const shape = shapeOf(procedure);
    return html`<a
      class="procedure"
      data-testid="nav-procedure-${procedure.name}"
      title="${procedure.name}: ${SHAPES[shape].word}"
      href=${hashOf({ page: 'procedure', name: procedure.name })}
      aria-current=${this.isCurrent('procedure', procedure.name)}
    >
      ${icon(shape)}<span class="cut">${short}</span
      ><span class="visually-hidden">, ${SHAPES[shape].word}</span></a
    >`;
  }

  private results(procedures: Procedure[]): TemplateResult {
    if (procedures.length === 0)
      return html`<p class="none" role="status">
        Nothing has all of these words in its name, types or text.
      </p>`;
    return html`<p class="visually-hidden" role="status">${procedures.length} found</p>
      ${procedures.map(
        (it, index) =>
          html`<a
            id="found-${index}"
            class="procedure found ${index === this.chosen ? 'chosen' : ''}"
            data-testid="nav-procedure-${it.name}"
            href=${hashOf({ page: 'procedure', name: it.name })}
            @click=${this.done}
            aria-current=${this.isCurrent('procedure', it.name)}
          >
            <span class="row">${icon(shapeOf(it))}<span class="cut">${it.name}</span></span>
            ${it.doc ? html`<span class="why cut">${summary(it.doc)}</span>` : ''}</a
          >`,
      )}`;
  }

  private isCurrent(page: 'module' | 'procedure', name: string): 'page' | typeof nothing {
    const { route } = this.page;
    return route.page === page && route.name === name ? 'page' : nothing;
  }

  private typed(event: Event): void {
    this.query = (event.target as HTMLInputElement).value;
    this.chosen = 0;
  }

  private pressed(event: KeyboardEvent): void {
    const results = this.renderRoot.querySelectorAll<HTMLAnchorElement>('a.found');
    if (event.key === 'Escape') {
      if (this.query === '') (event.target as HTMLElement).blur();
      this.query = '';
      event.stopPropagation();
    } else if (event.key === 'ArrowDown' && results.length === 0) {
      this.renderRoot.querySelector<HTMLAnchorElement>('nav a')?.focus();
      event.preventDefault();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const step = event.key === 'ArrowDown' ? 1 : -1;
      this.chosen = Math.max(0, Math.min(results.length - 1, this.chosen + step));
      results[this.chosen]?.scrollIntoView({ block: 'nearest' });
      event.preventDefault();
    } else if (event.key === 'Enter') {
      results[this.chosen]?.click();
    }
  }

  /** Arrow keys in the list itself. */
  private walk(event: KeyboardEvent): void {
    const links = [...this.renderRoot.querySelectorAll<HTMLAnchorElement>('nav a')];
    const at = links.indexOf(event.target as HTMLAnchorElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    if (to < 0) this.focusSearch();
    else links[Math.min(to, links.length - 1)]?.focus();
  }

  private done(): void {
    this.tell('gone');
  }
}

customElements.define('side-bar', SideBar);
