import { history, historyKeymap } from '@codemirror/commands';
import { EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder } from '@codemirror/view';
import { css, html } from 'lit';
import { completion } from '../editor/completion.ts';
import { type Mark, marking, setMarks } from '../editor/marks.ts';
import { suggest } from '../editor/suggest.ts';
import { theme } from '../editor/theme.ts';
import { typing } from '../editor/typing.ts';
import type { Schemas } from '../schema/schemas.ts';
import type { Schema } from '../spec.ts';
import { Element } from './element.ts';

/** An editor for JSON. It tells `text-change`. */
export class JsonEditor extends Element {
  static override properties = { text: { attribute: false }, marks: { attribute: false }, label: {} };
  declare text: string;
  declare marks: readonly Mark[];
  declare label: string;
  /** Of what can be written, for suggestions. */
  schemas: Schemas | undefined;
  schema: Schema = true;

  private view: EditorView | undefined;

  constructor() {
    super();
    this.text = '';
    this.marks = [];
    this.label = 'JSON';
  }

  static override styles = [
    ...Element.styles,
    css`
      :host {
        display: block;
        min-width: 0;
      }
    `,
  ];

  protected override render(): unknown {
    return html`<div></div>`;
  }

  protected override firstUpdated(): void {
    const parent = this.renderRoot.querySelector('div');
    if (!parent) return;
    const changed = EditorView.updateListener.of(update => {
      if (!update.docChanged) return;
      const text = update.state.doc.toString();
      if (text !== this.text) this.tell('text-change', text);
    });
    // Enter keeps the indentation, one step deeper behind a bracket.
    const enter = (view: EditorView) => {
      const at = view.state.selection.main.from;
      const line = view.state.doc.lineAt(at);
      const before = line.text.slice(0, at - line.from);
      const indent = /^\s*/.exec(before)?.[0] ?? '';
      const deeper = /[{[]\s*$/.test(before) ? '  ' : '';
      view.dispatch(view.state.replaceSelection(`\n${indent}${deeper}`), {
        scrollIntoView: true,
        userEvent: 'input',
      });
      return true;
    };
    this.view = new EditorView({
      parent,
      root: this.renderRoot as ShadowRoot,
      state: EditorState.create({
        doc: this.text,
        extensions: [
          theme,
          history(),
          completion((text, at) => (this.schemas ? suggest(this.schemas, this.schema, text, at) : undefined)),
          keymap.of([
            { key: 'Mod-Enter', run: () => (this.tell('submit-value'), true) },
            { key: 'Enter', run: enter },
            ...historyKeymap,
          ]),
          marking,
          typing,
          placeholder('JSON'),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ 'aria-label': this.label, spellcheck: 'false' }),
          changed,
        ],
      }),
    });
    this.mark();
  }

  protected override updated(changed: Map<PropertyKey, unknown>): void {
    const { view } = this;
    if (!view) return;
    if (changed.has('text') && view.state.doc.toString() !== this.text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: this.text } });
    }
    if (changed.has('marks') || changed.has('text')) this.mark();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.view?.contentDOM.blur();
  }

  private mark(): void {
    const length = this.view?.state.doc.length ?? 0;
    const marks = this.marks
      .filter(it => it.from <= length)
      .map(it => ({ ...it, to: Math.min(it.to, length) }));
    this.view?.dispatch({ effects: setMarks.of(marks) });
  }
}

customElements.define('json-editor', JsonEditor);
