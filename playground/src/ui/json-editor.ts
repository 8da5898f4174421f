import { history, historyKeymap } from '@codemirror/commands';
import { EditorState, Transaction } from '@codemirror/state';
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
      // What has been written here, not what was set from outside.
      if (update.transactions.some(it => it.docChanged && !it.annotation(Transaction.remote)))
        this.tell('text-change', update.state.doc.toString());
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
    // The browser tells of what it selects only later, and by then the editor may have put the cursor back.
    const all = (view: EditorView) => {
      view.dispatch({ selection: { anchor: 0, head: view.state.doc.length }, userEvent: 'select' });
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
            { key: 'Mod-a', run: all },
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
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: this.text },
        annotations: Transaction.remote.of(true),
      });
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
