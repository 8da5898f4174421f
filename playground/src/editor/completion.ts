/** A list of suggestions at the cursor: it opens while names and values are typed, and with Ctrl and blank. */

import { type Extension, Prec, StateEffect, StateField } from '@codemirror/state';
import { EditorView, keymap, showTooltip, type Tooltip } from '@codemirror/view';
import type { Suggestion, Suggestions } from './suggest.ts';

interface Open extends Suggestions {
  chosen: number;
}

const show = StateEffect.define<Open | null>();

/** The extension; what can be written is asked of a function. */
export function completion(ask: (text: string, at: number) => Suggestions | undefined): Extension {
  const field = StateField.define<Open | null>({
    create: () => null,
    update(open, change) {
      for (const effect of change.effects) if (effect.is(show)) return effect.value;
      return change.docChanged || change.selection ? null : open;
    },
    provide: it => showTooltip.from(it, open => open && tooltip(open, field)),
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
    const isTyped = change.docChanged && change.transactions.some(it => it.isUserEvent('input.type') || it.isUserEvent('delete'));
    if (isTyped) queueMicrotask(() => update(change.view, false));
    const open = change.state.field(field);
    const { contentDOM } = change.view;
    if (open) contentDOM.setAttribute('aria-activedescendant', `option-${open.chosen}`);
    else contentDOM.removeAttribute('aria-activedescendant');
  });

  const blurred = EditorView.domEventHandlers({ blur: (_, view) => void close(view) });

  return [field, Prec.highest(keymap.of(keys)), typing, blurred];
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

function tooltip(open: Open, _field: StateField<Open | null>): Tooltip {
  const create = (view: EditorView) => {
    const dom = document.createElement('ul');
    dom.className = 'options';
    dom.setAttribute('role', 'listbox');
    dom.setAttribute('aria-label', 'Suggestions');
    open.list.forEach((suggestion, index) => {
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
        insert(view, open, suggestion);
      });
      dom.append(option);
    });
    const mount = () => dom.children[open.chosen]?.scrollIntoView({ block: 'nearest' });
    return { dom, mount };
  };
  return { pos: open.from, above: false, strictSide: false, create };
}
