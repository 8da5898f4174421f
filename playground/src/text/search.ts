/** Search over procedures: every word has to be found somewhere, and names count most. */

/** Something that can be found. */
export interface Searchable {
  name: string;
  /** Its documentation. */
  doc: string;
  /** Names of types and members, constraints. */
  more: string;
}

/** The places of the entries that fit, the best first. All of them if nothing is asked. */
export function search(entries: readonly Searchable[], query: string): number[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter(word => word !== '');
  const all = entries.map((_, index) => index);
  if (words.length === 0) return all;
  const scores = entries.map(entry => score(entry, words));
  // Equal ones stay in the order of registration.
  return all.filter(index => (scores[index] ?? 0) > 0).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
}

function score(entry: Searchable, words: string[]): number {
  const name = entry.name.toLowerCase();
  const last = name.split('.').at(-1) ?? name;
  let total = 0;
  for (const word of words) {
    const found =
      ofName(name, last, word) || (has(entry.doc, word) ? 8 : 0) || (has(entry.more, word) ? 4 : 0);
    if (found === 0) return 0;
    total += found;
  }
  return total;
}

function ofName(name: string, last: string, word: string): number {
  if (name === word || last === word) return 100;
  if (last.startsWith(word)) return 60;
  if (name.startsWith(word)) return 50;
  if (name.includes(word)) return 40;
  return isWithin(last, word) ? 15 : 0;
}

/** Whether the letters come in this order, beginning with the first: `vo` in `validate_order`. */
function isWithin(name: string, word: string): boolean {
  if (word.length < 2 || name[0] !== word[0]) return false;
  let at = 0;
  for (const letter of word) {
    at = name.indexOf(letter, at) + 1;
    if (at === 0) return false;
  }
  return true;
}

function has(text: string, word: string): boolean {
  return text.toLowerCase().includes(word);
}
