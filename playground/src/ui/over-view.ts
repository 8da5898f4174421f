import { css, html, nothing, type TemplateResult } from 'lit';
import { sizeText } from '../json/bytes.ts';
import type { Description, Group } from '../session/description.ts';
import type { Page } from '../session/page.ts';
import { type Procedure, type Protocol, SHAPES, shapeOf } from '../spec.ts';
import { summary } from '../text/markdown.ts';
import { hashOf } from '../text/route.ts';
import { signature } from '../schema/signature.ts';
import { Element } from './element.ts';
import { icon } from './icons.ts';
import './markdown-view.ts';

/** The first page, and the page of a module: what there is. */
export class OverView extends Element {
  static override properties = { page: { attribute: false }, module: {} };
  declare page: Page;
  /** Only this module. */
  declare module: string | undefined;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        overflow-y: auto;
        min-height: 0;
      }
      .page {
        max-width: 980px;
        margin: 0 auto;
        padding: 36px 32px 64px;
      }
      header {
        display: grid;
        gap: 10px;
        margin-bottom: 30px;
      }
      .docs {
        max-width: 68ch;
      }
      section {
        margin-top: 30px;
      }
      section > h2 {
        margin-bottom: 10px;
      }
      section > .docs {
        margin: -4px 0 12px;
        color: var(--muted);
      }
      .list {
        border: 1px solid var(--line);
        border-radius: 12px;
        overflow: hidden;
      }
      a.procedure {
        display: grid;
        grid-template-columns: minmax(0, 1.15fr) minmax(0, 1.2fr) 108px;
        gap: 4px 18px;
        align-items: baseline;
        padding: 11px 16px;
        color: inherit;
        text-decoration: none;
      }
      a.procedure + a.procedure {
        border-top: 1px solid var(--line);
      }
      a.procedure .badge {
        justify-self: end;
      }
      a.procedure:hover {
        background: var(--soft);
      }
      a.procedure:focus-visible {
        outline-offset: -3px;
        border-radius: 10px;
      }
      .signature {
        font-size: 13px;
        overflow-wrap: anywhere;
      }
      .signature b {
        font-weight: 650;
        color: var(--accent);
      }
      .facts {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(250px, 1fr));
        gap: 26px 40px;
        border-top: 1px solid var(--line);
        padding-top: 26px;
        margin-top: 40px;
      }
      .facts section {
        margin: 0;
      }
      dl {
        display: grid;
        grid-template-columns: auto 1fr;
        gap: 4px 16px;
        font-size: 13px;
      }
      dt {
        color: var(--muted);
      }
      ul {
        list-style: none;
        padding: 0;
        display: grid;
        gap: 8px;
        font-size: 13px;
      }
      @media (max-width: 760px) {
        .page {
          padding: 22px 16px 48px;
        }
        a.procedure {
          grid-template-columns: 1fr auto;
        }
        a.procedure .doc {
          grid-column: 1 / -1;
          grid-row: 2;
        }
      }
    `,
  ];

  protected override render(): unknown {
    this.watch(this.page);
    const description = this.page.description;
    if (!description) return nothing;
    const { info } = description.spec;
    if (this.module !== undefined) return this.ofModule(description, this.module);
    return html`<div class="page" data-testid="overview">
      <header>
        <div class="row">
          <h1>${info.title || 'Swill app'}</h1>
          ${info.version ? html`<span class="badge">version ${info.version}</span>` : ''}
        </div>
        ${info.description ? html`<markdown-view class="docs" .text=${info.description}></markdown-view>` : ''}
      </header>
      ${description.groups.map(group => this.group(description, group))}
      ${description.spec.procedures.length === 0 ? html`<p class="note">This app has no procedures yet: <code>App::new().module(…)</code> adds some.</p>` : ''}
      <div class="facts">
        ${this.protocols(description)} ${this.limits(description)} ${this.documents(description)}
      </div>
    </div>`;
  }

  private ofModule(description: Description, name: string): TemplateResult {
    const group = description.groups.find(it => it.name === name);
    if (!group)
      return html`<div class="page">
        <p class="note">There is no module <code>${name}</code>. <a href="#/">All procedures</a></p>
      </div>`;
    return html`<div class="page" data-testid="module" data-name=${name}>
      <header>
        <h1>${name}</h1>
        ${group.doc ? html`<markdown-view class="docs" .text=${group.doc}></markdown-view>` : ''}
      </header>
      <div class="list">${group.procedures.map(it => this.procedure(description, it))}</div>
    </div>`;
  }

  private group(description: Description, group: Group): TemplateResult {
    const title =
      group.name === ''
        ? 'Procedures'
        : html`<a href=${hashOf({ page: 'module', name: group.name })}>${group.name}</a>`;
    return html`<section>
      <h2>${title}</h2>
      ${group.doc ? html`<markdown-view class="docs" .text=${group.doc}></markdown-view>` : ''}
      ${group.procedures.length === 0 ? '' : html`<div class="list">${group.procedures.map(it => this.procedure(description, it))}</div>`}
    </section>`;
  }

  private procedure(description: Description, procedure: Procedure): TemplateResult {
    const shape = shapeOf(procedure);
    const { takes, gives } = signature(description.schemas, procedure);
    return html`<a
      class="procedure"
      data-testid="overview-procedure-${procedure.name}"
      href=${hashOf({ page: 'procedure', name: procedure.name })}
    >
      <span class="signature mono"
        ><b>${procedure.name}</b>(${takes})<span class="muted"> → ${gives}</span></span
      >
      <span class="doc muted">${summary(procedure.doc)}</span>
      <span class="badge" title=${SHAPES[shape].means}>${icon(shape, 14)}${SHAPES[shape].word}</span>
    </a>`;
  }

  private protocols(description: Description): TemplateResult {
    return html`<section>
      <h2>Protocols</h2>
      <ul>
        ${description.spec.protocols.map(
          it =>
            html`<li>
              <div class="row">
                <strong>${it.name}</strong>${it.default ? html`<span class="badge">by default</span>` : ''}
              </div>
              <div class="muted">${protocolWords(it)}</div>
              ${it.tokens.length > 0 ? html`<div class="muted">asked for by ${it.tokens.map((token, index) => html`${index > 0 ? ', ' : ''}<code>${token}</code>`)}</div>` : ''}
            </li>`,
        )}
      </ul>
      ${description.spec.paths.length > 0 ? html`<p class="small muted">at ${description.spec.paths.map((path, index) => html`${index > 0 ? ', ' : ''}<code>${path}</code>`)}</p>` : ''}
    </section>`;
  }

  private limits(description: Description): TemplateResult {
    const { limits } = description.spec;
    const entries: [string, unknown][] = [
      ['message to the server', sizeText(limits.message)],
      ['answer or item', sizeText(limits.answer)],
      ['calls in flight', limits.calls],
      ['calls in a batch', limits.batch],
      ['metadata', `${limits.metadata_keys} keys, ${sizeText(limits.metadata_bytes)}`],
      ['deadline', limits.deadline_ms === undefined ? 'none' : `${limits.deadline_ms} ms`],
    ];
    return html`<section>
      <h2>Limits</h2>
      <dl>
        ${entries.map(
          ([what, limit]) =>
            html`<dt>${what}</dt>
              <dd>${limit}</dd>`,
        )}
      </dl>
    </section>`;
  }

  private documents(description: Description): TemplateResult {
    return html`<section>
      <h2>For tools</h2>
      <ul>
        <li>
          <a data-testid="link-swill-json" href="swill.json">swill.json</a>
          <span class="muted">everything on this page</span>
        </li>
        <li>
          <a data-testid="link-openrpc" href="openrpc.json">openrpc.json</a>
          <span class="muted">OpenRPC</span>
        </li>
        <li>
          <a data-testid="link-asyncapi" href="asyncapi.json">asyncapi.json</a>
          <span class="muted">AsyncAPI</span>
        </li>
        <li class="muted">
          Hash of the contract <code data-testid="app-hash">${description.spec.hash}</code>
        </li>
      </ul>
    </section>`;
  }
}

function protocolWords(protocol: Protocol): string {
  const can = [
    protocol.format === 'messagepack' ? 'MessagePack' : 'JSON',
    protocol.streams_in && protocol.streams_out
      ? 'streams both ways'
      : protocol.streams_out
        ? 'streams out'
        : protocol.streams_in
          ? 'streams in'
          : 'no streams',
    protocol.metadata ? 'metadata' : 'no metadata',
    ...(protocol.calls_peer ? ['the server can call'] : []),
    ...(protocol.serial ? ['one call after the other'] : []),
  ];
  return can.join(', ');
}

customElements.define('over-view', OverView);
