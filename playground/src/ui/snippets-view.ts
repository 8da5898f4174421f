import { css, html, nothing } from 'lit';
import type { Page } from '../session/page.ts';
import { deadlineOf, metadataOf } from '../session/ready.ts';
import { frame } from '../snippets/frame.ts';
import { python } from '../snippets/python.ts';
import { rust } from '../snippets/rust.ts';
import { shell } from '../snippets/shell.ts';
import { type Snippet, snippetOf } from '../snippets/snippet.ts';
import { typescript } from '../snippets/typescript.ts';
import type { Procedure } from '../spec.ts';
import './copy-button.ts';
import { Element } from './element.ts';
import { walkTabs } from './tabs.ts';

const LANGUAGES: Record<string, { words: string; write: (it: Snippet) => string }> = {
  typescript: { words: 'TypeScript', write: typescript },
  python: { words: 'Python', write: python },
  rust: { words: 'Rust', write: rust },
  shell: { words: 'Shell', write: shell },
  frame: { words: 'Raw frame', write: frame },
};

/** The language that was looked at last. */
let last = 'typescript';

/** The call as it is now, to be taken away. */
export class SnippetsView extends Element {
  static override properties = {
    page: { attribute: false },
    procedure: { attribute: false },
    language: { state: true },
  };
  declare page: Page;
  declare procedure: Procedure;
  declare private language: string;

  constructor() {
    super();
    this.language = last;
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: grid;
        gap: 10px;
        min-width: 0;
      }
      .code {
        position: relative;
        min-width: 0;
      }
      pre {
        padding: 12px 14px;
        border-radius: 10px;
        background: var(--sunk);
        overflow-x: auto;
        white-space: pre;
        line-height: 1.55;
      }
      .wrap {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      copy-button {
        position: absolute;
        top: 6px;
        right: 6px;
        background: var(--sunk);
        border-radius: 6px;
      }
    `,
  ];

  protected override render(): unknown {
    const { page, procedure } = this;
    const description = page.description;
    if (!description) return nothing;
    const draft = page.draft(procedure);
    this.watch(draft, page.connection);
    const { connection } = page;
    const it = snippetOf({
      schemas: description.schemas,
      procedure,
      address: connection.address,
      protocol: connection.protocol,
      hasToken: connection.token !== '',
      value: draft.value,
      metadata: metadataOf(draft),
      deadline: deadlineOf(draft.deadline),
      idempotent: draft.idempotent,
    });
    const text = this.write(it);
    return html`<div
        class="tabs"
        role="tablist"
        aria-label="Language"
        data-testid="snippets"
        @keydown=${walkTabs}
      >
        ${Object.entries(LANGUAGES).map(
          ([name, { words }]) =>
            html`<button
              type="button"
              role="tab"
              data-testid="snippet-tab-${name}"
              aria-selected=${name === this.language}
              tabindex=${name === this.language ? 0 : -1}
              @click=${() => (this.language = last = name)}
            >
              ${words}
            </button>`,
        )}
      </div>
      <div class="code">
        <pre
          class=${this.language === 'frame' || this.language === 'shell' ? 'wrap' : ''}
          tabindex="0"
          data-testid="snippet-code"
        >
${text}</pre>
        <copy-button hook="snippet-copy" label="Copy" .text=${text}></copy-button>
      </div>`;
  }

  private write(it: Snippet): string {
    try {
      return LANGUAGES[this.language]?.write(it) ?? '';
    } catch (error) {
      return `# It cannot be written: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

customElements.define('snippets-view', SnippetsView);
