/**
 * A list of suggestions at the cursor: it opens while names and values are typed, and with Ctrl and blank.
 */

import { type Extension, Prec, StateEffect, StateField } from '@codemirror/state';
import { EditorView, keymap, ViewPlugin, type ViewUpdate } from '@codemirror/view';
import type { Suggestion, Suggestions } from './suggest.ts';

interface Open extends Suggestions {
  chosen: number;
}

const show = StateEffect.define<Open | null>();

/** The extension; what can be written is asked of a function. */
export function completion(ask: (text: string, at: number) => Suggestions | undefined): Extension {
  const field: StateField<Open | null> = StateField.define<Open | null>({
    create: () => null,
    update(open, change) {
      for (const effect of change.effects) if (effect.is(show)) return effect.value;
      return change.docChanged || change.selection ? null : open;
    },
  });

  const update = (view: EditorView, explicit: boolean): boolean => {
    const { state } = view;
    const at = state.selection.main.head;
    const text = state.doc.toString();
    if (text.length > 100_000) return false;
    const found = ask(text, at);
    const typed = found ? text.slice(found.from, at).replace(/^"/, '').toLowerCase() : '';
    const fits = (it: Suggestion) => it.label.replace(/^"/, '').toLowerCase().includes(typed);
    const list = found?.list.filter(fits).sort((a, b) => rank(a, typed) - rank(b, typed)) ?? [];
    const only = list.length === 1 ? list[0] : undefined;
    const done = found && only && text.slice(found.from, found.to) === only.insert;
    const wanted = explicit || typed !== '' || /["{[,:\s]/.test(text[at - 1] ?? '');
    const open = found && list.length > 0 && !done && wanted ? { ...found, list, chosen: 0 } : null;
    if (open || view.state.field(field)) view.dispatch({ effects: show.of(open) });
    return open !== null;
  };

  const move = (step: number) => (view: EditorView) => {
    const open = view.state.field(field);
    if (!open) return false;
    const chosen = (open.chosen + step + open.list.length) % open.list.length;
    view.dispatch({ effects: show.of({ ...open, chosen }) });
    return true;
  };

  const close = (view: EditorView) => {
    if (!view.state.field(field)) return false;
    view.dispatch({ effects: show.of(null) });
    return true;
  };

  const accept = (view: EditorView) => {
    const open = view.state.field(field);
    const suggestion = open?.list[open.chosen];
    if (!open || !suggestion) return false;
    insert(view, open, suggestion);
    return true;
  };

  const keys = [
    { key: 'Ctrl-Space', run: (view: EditorView) => update(view, true) },
    { key: 'ArrowDown', run: move(1) },
    { key: 'ArrowUp', run: move(-1) },
    { key: 'Enter', run: accept },
    { key: 'Tab', run: accept },
    { key: 'Escape', run: close },
  ];

  const typing = EditorView.updateListener.of(change => {
    const isTyped =
      change.docChanged &&
      change.transactions.some(it => it.isUserEvent('input.type') || it.isUserEvent('delete'));
    if (isTyped) queueMicrotask(() => update(change.view, false));
  });

  const blurred = EditorView.domEventHandlers({ blur: (_, view) => void close(view) });

  const popup = ViewPlugin.define(view => new Popup(view, () => view.state.field(field)));

  return [field, Prec.highest(keymap.of(keys)), typing, blurred, popup];
}

function rank(suggestion: Suggestion, typed: string): number {
  return suggestion.label.replace(/^"/, '').toLowerCase().startsWith(typed) ? 0 : 1;
}

function insert(view: EditorView, open: Open, suggestion: Suggestion): void {
  view.dispatch({
    changes: { from: open.from, to: open.to, insert: suggestion.insert },
    selection: { anchor: open.from + suggestion.insert.length },
    effects: show.of(null),
    userEvent: 'input.complete',
  });
  view.focus();
}

/** The list as it is seen, below the line of the cursor. */
class Popup {
  private readonly list = document.createElement('ul');
  private shown: Open | null = null;

  constructor(
    private readonly view: EditorView,
    private readonly open: () => Open | null,
  ) {
    this.list.className = 'options';
    this.list.id = 'options';
    this.list.hidden = true;
    this.list.setAttribute('role', 'listbox');
    this.list.setAttribute('aria-label', 'Suggestions');
    view.dom.append(this.list);
  }

  update(_: ViewUpdate): void {
    const open = this.open();
    if (open === this.shown) return;
    this.shown = open;
    this.list.hidden = open === null;
    const { contentDOM } = this.view;
    if (!open) {
      contentDOM.removeAttribute('aria-activedescendant');
      return;
    }
    contentDOM.setAttribute('aria-activedescendant', `option-${open.chosen}`);
    this.list.replaceChildren(...open.list.map((it, index) => this.option(open, it, index)));
    this.view.requestMeasure({
      key: this,
      read: view => {
        const at = view.coordsAtPos(open.from);
        const box = view.dom.getBoundingClientRect();
        return at && { left: at.left - box.left, top: at.bottom - box.top, width: box.width };
      },
      write: place => {
        if (!place) return;
        this.list.style.left = `${Math.max(0, Math.min(place.left, place.width - 200))}px`;
        this.list.style.top = `${place.top + 4}px`;
        this.list.children[open.chosen]?.scrollIntoView({ block: 'nearest' });
      },
    });
  }

  destroy(): void {
    this.list.remove();
  }

  private option(open: Open, suggestion: Suggestion, index: number): HTMLElement {
    const option = document.createElement('li');
    option.id = `option-${index}`;
    option.setAttribute('role', 'option');
    option.setAttribute('aria-selected', String(index === open.chosen));
    option.textContent = suggestion.label;
    const detail = document.createElement('span');
    detail.textContent = suggestion.detail;
    option.append(detail);
    option.addEventListener('mousedown', event => {
      event.preventDefault();
      insert(this.view, open, suggestion);
    });
    return option;
  }
}
