/** Regular expressions: a text that one matches, for examples, and how its author wrote it. */

/** The shortest text that comes to mind; `undefined` if the pattern is not a simple one. */
export function matching(pattern: string): string | undefined {
  try {
    const reader = new Reader(pattern);
    const text = reader.alternatives();
    return reader.isOver && new RegExp(pattern, 'u').test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** A pattern as its author wrote it: the description anchors it at the start. */
export function plainPattern(pattern: string): string {
  return pattern.replace(/^\^\(\?:(.*)\)$/s, '^$1');
}

const CLASSES: Record<string, string> = { d: '0', w: 'a', s: ' ', D: 'a', S: 'a', W: '-' };

class Reader {
  private at = 0;

  constructor(private readonly pattern: string) {}

  get isOver(): boolean {
    return this.at >= this.pattern.length;
  }

  alternatives(): string {
    const first = this.sequence();
    while (this.eat('|')) this.sequence();
    return first;
  }

  private sequence(): string {
    let text = '';
    while (!this.isOver && !'|)'.includes(this.next)) {
      const atom = this.atom();
      text += atom.repeat(this.times());
    }
    return text;
  }

  private atom(): string {
    const character = this.take();
    switch (character) {
      case '^':
      case '$':
        return '';
      case '.':
        return 'a';
      case '[':
        return this.set();
      case '(': {
        if (this.eat('?') && !this.eat(':')) throw new Error('not simple');
        const text = this.alternatives();
        if (!this.eat(')')) throw new Error('not closed');
        return text;
      }
      case '\\':
        return this.escape();
      default:
        return character;
    }
  }

  private escape(): string {
    const character = this.take();
    if (character === 'b' || character === 'B') return '';
    if (/[pPuxkc0-9]/.test(character)) throw new Error('not simple');
    return CLASSES[character] ?? { n: '\n', t: '\t', r: '\r' }[character] ?? character;
  }

  private set(): string {
    const negated = this.eat('^');
    let first: string | undefined;
    const members: string[] = [];
    while (!this.isOver && this.next !== ']') {
      const character = this.take();
      const member = character === '\\' ? this.escape() : character;
      first ??= member;
      members.push(member);
    }
    if (!this.eat(']') || first === undefined) throw new Error('not closed');
    if (!negated) return first;
    return ['a', '0', '-', ' '].find(candidate => !members.includes(candidate)) ?? 'x';
  }

  private times(): number {
    let times = 1;
    if (this.eat('*') || this.eat('?')) times = 0;
    else if (this.eat('+')) times = 1;
    else if (this.next === '{') {
      const rest = /^\{(\d+)(,\d*)?\}/.exec(this.pattern.slice(this.at));
      if (!rest) return 1;
      this.at += rest[0].length;
      times = Number(rest[1]);
      if (times > 1000) throw new Error('too long');
    }
    this.eat('?');
    return times;
  }

  private get next(): string {
    return this.pattern[this.at] ?? '';
  }

  private take(): string {
    const character = this.next;
    if (character === '') throw new Error('not closed');
    this.at += 1;
    return character;
  }

  private eat(character: string): boolean {
    if (this.next !== character) return false;
    this.at += 1;
    return true;
  }
}
