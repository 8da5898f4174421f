import { css, html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { base64, fromBase64, fromHex, hex, sizeText } from '../json/bytes.ts';
import { numberOf, parseValue } from '../json/parse.ts';
import { inline, print } from '../json/print.ts';
import { type Json, same } from '../json/value.ts';
import type { Choice, Kind } from '../schema/kind.ts';
import { isSecret } from '../schema/secrets.ts';
import type { SchemaObject } from '../spec.ts';
import { Element } from './element.ts';
import { formStyles } from './form-styles.ts';
import { icon } from './icons.ts';

/** A field for a value without parts. It tells `scalar-change`. */
export class ScalarField extends Element {
  static override properties = {
    kind: { attribute: false },
    flat: { attribute: false },
    value: { attribute: false },
    label: {},
    hook: {},
    wrong: { type: Boolean },
    asHex: { state: true },
  };
  declare kind: Kind;
  declare flat: SchemaObject;
  declare value: Json | undefined;
  declare label: string;
  /** `data-testid` of the field itself. */
  declare hook: string;
  declare wrong: boolean;
  declare private asHex: boolean;
  /** What has been typed, and the value that came of it: `1.0` stays as it was typed. */
  private typed: { text: string; value: Json | undefined } | undefined;

  static override styles = [
    ...Element.styles,
    formStyles,
    css`
      :host {
        display: block;
      }
      .mono {
        font-size: 13px;
      }
    `,
  ];

  /** The cursor goes into the field itself. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('input, select, textarea')?.focus();
  }

  protected override render(): unknown {
    const { kind } = this;
    switch (kind.kind) {
      case 'boolean':
        if (typeof this.value === 'boolean') {
          return html`<label class="check"
            ><input
              type="checkbox"
              data-testid=${this.hook}
              .checked=${live(this.value)}
              aria-label=${this.label}
              @change=${(event: Event) => this.change((event.target as HTMLInputElement).checked)}
            />
            <span class="mono">${String(this.value)}</span></label
          >`;
        }
        return this.choices([{ value: true }, { value: false }]);
      case 'choice':
        return this.choices(kind.choices);
      case 'null':
        return html`<span class="fixed" data-testid=${this.hook}>null</span>`;
      case 'never':
        return html`<span class="fixed" data-testid=${this.hook}>no value fits</span>`;
      case 'integer':
      case 'number':
        return this.input(
          text => (text.trim() === '' ? null : (numberOf(text.trim()) ?? text)),
          'mono',
          kind.kind === 'integer' ? 'numeric' : 'decimal',
        );
      case 'text':
        return this.text();
      case 'bytes':
        return this.bytes();
      default:
        return this.anything();
    }
  }

  private choices(choices: Choice[]): TemplateResult {
    const at = choices.findIndex(choice => same(choice.value, this.value));
    if (choices.length === 1 && at === 0)
      return html`<span class="fixed" data-testid=${this.hook}>${inline(choices[0]?.value)}</span>`;
    const change = (event: Event) => {
      const choice = choices[Number((event.target as HTMLSelectElement).value)];
      if (choice) this.change(choice.value);
    };
    const words = (choice: Choice) =>
      typeof choice.value === 'string' && choice.value !== '' ? choice.value : inline(choice.value);
    return html`<select
        data-testid=${this.hook}
        aria-label=${this.label}
        aria-invalid=${this.wrong}
        @change=${change}
      >
        ${at < 0 ? html`<option value="-1" selected>${inline(this.value, 40)}</option>` : ''}
        ${choices.map((choice, index) => html`<option value=${index} .selected=${index === at} title=${choice.doc ?? nothing}>${words(choice)}</option>`)}</select
      >${at >= 0 && choices[at]?.doc ? html`<p class="help">${choices[at].doc}</p>` : ''}`;
  }

  private text(): TemplateResult {
    const now =
      this.flat.format === 'date-time'
        ? html`<button
            type="button"
            title="The present moment"
            @click=${() => this.change(new Date().toISOString())}
          >
            Now
          </button>`
        : '';
    if (typeof this.value === 'string' && this.value.includes('\n')) {
      return html`<textarea
        data-testid=${this.hook}
        rows=${Math.min(12, this.value.split('\n').length + 1)}
        aria-label=${this.label}
        aria-invalid=${this.wrong}
        .value=${live(this.value)}
        @input=${(event: Event) => this.change((event.target as HTMLTextAreaElement).value)}
      ></textarea>`;
    }
    return html`<div class="line">${this.input(text => text, '', 'text')}${now}</div>`;
  }

  private input(read: (text: string) => Json, style: string, mode: string): TemplateResult {
    const type = (event: Event) => {
      const { value: text } = event.target as HTMLInputElement;
      const value = read(text);
      this.typed = { text, value };
      this.change(value);
    };
    return html`<input
      data-testid=${this.hook}
      class=${style}
      type=${isSecret(this.flat) ? 'password' : 'text'}
      inputmode=${mode}
      aria-label=${this.label}
      aria-invalid=${this.wrong}
      autocomplete="off"
      autocapitalize="off"
      spellcheck="false"
      .value=${live(this.shown())}
      @input=${type}
      @blur=${() => {
        this.typed = undefined;
        this.requestUpdate();
      }}
      @keydown=${this.newLine}
    />`;
  }

  /** Shift and Enter begin a second line, for which there is a larger field. */
  private newLine(event: KeyboardEvent): void {
    if (
      event.key === 'Enter' &&
      event.shiftKey &&
      this.kind.kind === 'text' &&
      typeof this.value === 'string'
    ) {
      event.preventDefault();
      this.change(`${(event.target as HTMLInputElement).value}\n`);
      void this.updateComplete.then(() => this.focus());
    }
  }

  private shown(): string {
    const { value, typed } = this;
    if (typed && same(typed.value, value)) return typed.text;
    if (value === null || value === undefined) return '';
    return typeof value === 'string' ? value : inline(value);
  }

  private bytes(): TemplateResult {
    const text = typeof this.value === 'string' ? this.value : '';
    const bytes = fromBase64(text);
    const asHex = this.asHex && bytes !== undefined;
    const read = (typed: string): Json => {
      const given = this.asHex ? fromHex(typed) : undefined;
      return given ? base64(given) : typed;
    };
    const shown = asHex && bytes ? hex(bytes, ' ') : text;
    const type = (event: Event) => {
      const { value: written } = event.target as HTMLInputElement;
      const value = read(written);
      this.typed = { text: written, value };
      this.change(value);
    };
    return html`<div class="line">
        <input
          data-testid=${this.hook}
          class="mono"
          aria-label="${this.label}, ${this.asHex ? 'hexadecimal' : 'base64'}"
          aria-invalid=${this.wrong}
          spellcheck="false"
          .value=${live(this.typed && same(this.typed.value, this.value) ? this.typed.text : shown)}
          @input=${type}
          @blur=${() => {
            this.typed = undefined;
            this.requestUpdate();
          }}
        />
        <button
          type="button"
          aria-pressed=${Boolean(this.asHex)}
          @click=${() => {
            this.typed = undefined;
            this.asHex = !this.asHex;
          }}
        >
          hex
        </button>
        <button type="button" title="Take the bytes of a file" @click=${this.pick}>
          ${icon('file')}File
        </button>
      </div>
      ${bytes ? html`<p class="help">${sizeText(bytes.length)}</p>` : ''}`;
  }

  private pick(): void {
    const input = document.createElement('input');
    input.type = 'file';
    input.addEventListener('change', async () => {
      const file = input.files?.[0];
      if (file) this.change(base64(new Uint8Array(await file.arrayBuffer())));
    });
    input.click();
  }

  /** A value of any kind, as JSON; what is no JSON is text. */
  private anything(): TemplateResult {
    const text =
      this.typed && same(this.typed.value, this.value)
        ? this.typed.text
        : this.value === undefined
          ? ''
          : print(this.value);
    const type = (event: Event) => {
      const { value: written } = event.target as HTMLTextAreaElement;
      const value = parseValue(written) ?? (written.trim() === '' ? null : written);
      this.typed = { text: written, value };
      this.change(value);
    };
    return html`<textarea
        data-testid=${this.hook}
        rows=${Math.min(10, text.split('\n').length)}
        aria-label="${this.label}, JSON"
        spellcheck="false"
        .value=${live(text)}
        @input=${type}
        @blur=${() => {
          this.typed = undefined;
          this.requestUpdate();
        }}
      ></textarea>
      <p class="help">JSON; anything else is taken for a text</p>`;
  }

  private change(value: Json): void {
    this.tell('scalar-change', value);
  }
}

customElements.define('scalar-field', ScalarField);
