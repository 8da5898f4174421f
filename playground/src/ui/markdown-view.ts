import { css, html, nothing, type TemplateResult } from 'lit';
import { type Block, type Inline, inlines, markdown } from '../text/markdown.ts';
import { Element } from './element.ts';

/** Draws Markdown. `inline` takes the text for a single line. */
export class MarkdownView extends Element {
  static override properties = { text: {}, inline: { type: Boolean } };
  declare text: string;
  declare inline: boolean;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        overflow-wrap: anywhere;
      }
      :host([inline]) {
        display: inline;
      }
      :host > * + * {
        margin-top: 10px;
      }
      ul,
      ol {
        padding-left: 22px;
      }
      li > * + * {
        margin-top: 6px;
      }
      pre {
        padding: 10px 12px;
        border-radius: 8px;
        background: var(--sunk);
        overflow-x: auto;
      }
      blockquote {
        margin: 0;
        padding-left: 12px;
        border-left: 3px solid var(--line);
        color: var(--muted);
      }
      h2,
      h3,
      h4 {
        font-size: 14px;
        font-weight: 650;
        color: var(--text);
        margin-top: 18px;
      }
      .table {
        overflow-x: auto;
      }
      table {
        border-collapse: collapse;
      }
      th,
      td {
        padding: 4px 12px 4px 0;
        border-bottom: 1px solid var(--line);
        text-align: left;
        vertical-align: top;
      }
    `,
  ];

  protected override render(): unknown {
    if (this.inline) return pieces(inlines(this.text.replace(/\s+/g, ' ')));
    return markdown(this.text).map(block);
  }
}

function block(it: Block): TemplateResult {
  switch (it.kind) {
    case 'paragraph':
      return html`<p>${pieces(it.parts)}</p>`;
    case 'heading':
      return it.level <= 2 ? html`<h2>${pieces(it.parts)}</h2>` : html`<h3>${pieces(it.parts)}</h3>`;
    case 'code':
      return html`<pre tabindex="0">${it.text}</pre>`;
    case 'quote':
      return html`<blockquote>${it.blocks.map(block)}</blockquote>`;
    case 'list': {
      const items = it.items.map(item => html`<li>${item.map(inner => listed(inner, item.length))}</li>`);
      return it.ordered
        ? html`<ol>
            ${items}
          </ol>`
        : html`<ul>
            ${items}
          </ul>`;
    }
    case 'table':
      return html`<div class="table">
        <table>
          <thead>
            <tr>
              ${it.head.map(cell => html`<th>${pieces(cell)}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${it.rows.map(
              row =>
                html`<tr>
                  ${row.map(cell => html`<td>${pieces(cell)}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>`;
  }
}

/** A paragraph that is all of an item stands without the space around it. */
function listed(it: Block, count: number): TemplateResult {
  return count === 1 && it.kind === 'paragraph' ? html`${pieces(it.parts)}` : block(it);
}

function pieces(parts: Inline[]): unknown {
  return parts.map(part => {
    switch (part.kind) {
      case 'text':
        return part.text;
      case 'code':
        return html`<code>${part.text}</code>`;
      case 'strong':
        return html`<strong>${pieces(part.parts)}</strong>`;
      case 'emphasis':
        return html`<em>${pieces(part.parts)}</em>`;
      case 'link':
        return html`<a
          href=${part.address}
          rel="noopener noreferrer"
          target=${part.address.startsWith('#') ? nothing : '_blank'}
          >${pieces(part.parts)}</a
        >`;
    }
  });
}

customElements.define('markdown-view', MarkdownView);
