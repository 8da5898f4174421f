/** Colours of JSON, and lines under what is wrong with it. */

import { type Extension, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView } from '@codemirror/view';
import { parse } from '../json/parse.ts';

/** Something wrong in the text. */
export interface Mark {
  from: number;
  to: number;
  message: string;
}

/** Replaces all marks. */
export const setMarks = StateEffect.define<Mark[]>();

/** Texts that are longer stay without colours, so that typing stays quick. */
const MOST = 100_000;

const colours = StateField.define<DecorationSet>({
  create: state => colour(state.doc.toString()),
  update: (colours, change) => (change.docChanged ? colour(change.newDoc.toString()) : colours),
  provide: field => EditorView.decorations.from(field),
});

function colour(text: string): DecorationSet {
  if (text.length > MOST) return Decoration.none;
  const ranges = parse(text).tokens.map(token =>
    Decoration.mark({ class: `t-${token.kind}` }).range(token.from, token.to),
  );
  return Decoration.set(ranges, true);
}

const marks = StateField.define<Mark[]>({
  create: () => [],
  update(before, change) {
    for (const effect of change.effects) if (effect.is(setMarks)) return effect.value;
    if (!change.docChanged) return before;
    return before.map(mark => ({
      ...mark,
      from: change.changes.mapPos(mark.from),
      to: change.changes.mapPos(mark.to),
    }));
  },
  provide: field =>
    EditorView.decorations.from(field, all => {
      const wrong = (it: Mark) =>
        Decoration.mark({ class: 'wrong', attributes: { title: it.message } }).range(it.from, it.to);
      return Decoration.set(all.filter(it => it.to > it.from).map(wrong), true);
    }),
});

/** Colours, and marks with their reasons. */
export const marking: Extension = [colours, marks];
