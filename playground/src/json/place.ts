/** Where in a text the value of a path stands. */

import type { JsonNode, Parsed } from './parse.ts';
import { type Path, stepKey } from './value.ts';

/** The place of a value; if it is missing, that of what it should be in. */
export function placeOf(parsed: Parsed, path: Path): { from: number; to: number } {
  let node: JsonNode | undefined = parsed.root;
  let place = { from: node?.from ?? 0, to: node?.to ?? 0 };
  for (const step of path) {
    const key = stepKey(step);
    let next: JsonNode | undefined;
    if (node?.kind === 'array' && typeof key === 'number') next = node.elements[key];
    else if (node?.kind === 'object') {
      const member = node.members.findLast(it => it.name === String(key));
      if (member) place = { from: member.from, to: member.to };
      next = member?.node;
      if (!member) return { from: node.from, to: node.from + 1 };
    }
    if (!next) return place;
    place = { from: next.from, to: next.to };
    node = next;
  }
  // A whole object or list is marked by its bracket alone.
  return node?.kind === 'object' || node?.kind === 'array' ? { from: node.from, to: node.from + 1 } : place;
}
