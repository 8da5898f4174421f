import { css, html, nothing } from 'lit';
import { parse } from '../json/parse.ts';
import { print } from '../json/print.ts';
import { Element } from './element.ts';

/** How much is drawn before somebody asks for all of it. */
const MOST = 20_000;

/** Draws a value, or a text that is JSON, in colours. */
export class JsonView extends Element {
  static override properties = {
    value: { attribute: false },
    text: { attribute: false },
    hook: {},
    all: { state: true },
  };
  declare value: unknown;
  /** In place of a value. */
  declare text: string | undefined;
  /** `data-testid` of the text. */
  declare hook: string | undefined;
  declare private all: boolean;

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
      }
      pre {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        line-height: 1.5;
      }
      button {
        margin-top: 6px;
      }
    `,
  ];

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('value')) this.all = false;
  }

  protected override render(): unknown {
    const whole = this.text ?? print(this.value);
    const cut = !this.all && whole.length > MOST;
    const text = cut ? whole.slice(0, MOST) : whole;
    return html`<pre data-testid=${this.hook ?? nothing}>${coloured(text)}${cut ? '…' : ''}</pre>
      ${cut ? html`<button class="tiny" type="button" @click=${() => (this.all = true)}>Show all ${whole.length} characters</button>` : ''}`;
  }
}

/** A text with its pieces in colours. */
export function coloured(text: string): unknown[] {
  if (text.length > 200_000) return [text];
  const parts: unknown[] = [];
  let at = 0;
  for (const token of parse(text).tokens) {
    if (token.from > at) parts.push(text.slice(at, token.from));
    parts.push(html`<span class="t-${token.kind}">${text.slice(token.from, token.to)}</span>`);
    at = token.to;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

customElements.define('json-view', JsonView);
