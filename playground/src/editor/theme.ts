/** What the editor looks like: the page's colours, whichever they are. */

import { EditorView } from '@codemirror/view';

export const theme = EditorView.theme({
  '&': {
    fontSize: '12.5px',
    color: 'var(--text)',
    background: 'var(--bg)',
    borderRadius: '8px',
    border: '1px solid var(--line)',
  },
  '&:hover': { borderColor: 'var(--strong-line)' },
  '&.cm-focused': { outline: '2px solid var(--accent)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55', maxHeight: '320px', overflow: 'auto' },
  '.cm-content': { padding: '8px 0', caretColor: 'var(--text)', minHeight: '36px' },
  '.cm-line': { padding: '0 10px' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-selectionBackground, &.cm-focused .cm-selectionBackground, ::selection': {
    background: 'var(--accent-soft)',
  },
  '.t-name': { color: 'var(--code-name)' },
  '.t-string': { color: 'var(--code-string)' },
  '.t-number': { color: 'var(--code-number)' },
  '.t-literal': { color: 'var(--code-literal)' },
  '.wrong': { textDecoration: 'underline wavy var(--bad) 1px', textUnderlineOffset: '3px' },
  '.options': {
    position: 'absolute',
    zIndex: '30',
    background: 'var(--bg)',
    border: '1px solid var(--line)',
    borderRadius: '8px',
    boxShadow: 'var(--shadow)',
    maxHeight: '220px',
    overflow: 'auto',
    padding: '4px',
    minWidth: '180px',
    margin: '0',
    listStyle: 'none',
  },
  '.options[hidden]': { display: 'none' },
  '.options li': {
    display: 'flex',
    gap: '14px',
    justifyContent: 'space-between',
    padding: '3px 8px',
    borderRadius: '5px',
    cursor: 'pointer',
    fontFamily: 'var(--mono)',
  },
  '.options li[aria-selected=true]': { background: 'var(--accent-soft)', color: 'var(--accent)' },
  '.options span': { color: 'var(--muted)', fontFamily: 'var(--sans)' },
});
