/** Typing over a selection, done by the editor itself. */

import { EditorView } from '@codemirror/view';

/**
 * Browsers keep the looks of what is replaced by writing `style` attributes, which the page's policy forbids.
 * So what replaces a selection goes into the document directly, and never through the browser's hands.
 */
export const typing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const isText = event.inputType === 'insertText' || event.inputType === 'insertReplacementText';
    const isDelete = event.inputType.startsWith('deleteContent');
    if (event.isComposing || !(isDelete || (isText && event.data !== null))) return false;
    const { from, to } = selected(view);
    if (to <= from) return false;
    event.preventDefault();
    const insert = isText ? (event.data ?? '') : '';
    view.dispatch({
      changes: { from, to, insert },
      selection: { anchor: from + insert.length },
      scrollIntoView: true,
      userEvent: isText ? 'input.type' : 'delete.selection',
    });
    return true;
  },
});

/** What is selected now, whether or not the editor has heard of it. */
function selected(view: EditorView): { from: number; to: number } {
  const { root, contentDOM } = view;
  const selection = 'getSelection' in root ? (root as Document).getSelection() : document.getSelection();
  const { anchorNode, focusNode } = selection ?? {};
  if (
    !selection ||
    !anchorNode ||
    !focusNode ||
    !contentDOM.contains(anchorNode) ||
    !contentDOM.contains(focusNode)
  ) {
    return view.state.selection.main;
  }
  const ends = [
    view.posAtDOM(anchorNode, selection.anchorOffset),
    view.posAtDOM(focusNode, selection.focusOffset),
  ];
  return { from: Math.min(...ends), to: Math.max(...ends) };
}
