import { html } from 'lit';
import { Element } from './element.ts';
import { icon, type IconName } from './icons.ts';

/** Copies a text, and says that it has. */
export class CopyButton extends Element {
  static override properties = {
    text: { attribute: false },
    label: {},
    icon: {},
    wide: { type: Boolean },
    hook: {},
    done: { state: true },
  };
  /** What is copied; a function is asked when it is needed. */
  declare text: string | (() => string);
  declare label: string;
  declare icon: IconName;
  /** Shows the label beside the icon. */
  declare wide: boolean;
  /** `data-testid` of the button. */
  declare hook: string;
  declare private done: '' | 'copied' | 'failed';

  constructor() {
    super();
    this.text = '';
    this.label = 'Copy';
    this.icon = 'copy';
    this.hook = 'copy';
    this.done = '';
  }

  protected override render(): unknown {
    const words = this.done === 'copied' ? 'Copied' : this.done === 'failed' ? 'Cannot copy' : this.label;
    return html`<button
        class="quiet tiny"
        type="button"
        data-testid=${this.hook}
        title=${this.label}
        aria-label=${this.label}
        @click=${this.copy}
      >
        ${icon(this.done === 'copied' ? 'check' : this.icon)}${this.wide || this.done === 'failed' ? words : ''}</button
      ><span class="visually-hidden" role="status">${this.done === '' ? '' : words}</span>`;
  }

  private async copy(): Promise<void> {
    const text = typeof this.text === 'string' ? this.text : this.text();
    this.done = (await copied(text)) ? 'copied' : 'failed';
    setTimeout(() => (this.done = ''), 1600);
  }
}

/** Puts a text onto the clipboard. Pages that are not served by HTTPS have only the old way. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.style.position = 'fixed';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

customElements.define('copy-button', CopyButton);
