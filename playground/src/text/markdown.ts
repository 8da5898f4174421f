/**
 * A small part of Markdown, as a tree. There is no HTML in it: what is drawn are nodes with text, so that a
 * description cannot bring anything of its own into the page.
 *
 * Paragraphs, headings, lists, fenced code, quotes, tables; code, strong, emphasis, links.
 */

/** A piece of a line. */
export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'emphasis'; parts: Inline[] }
  | { kind: 'link'; parts: Inline[]; address: string };

/** A block. */
export type Block =
  | { kind: 'paragraph'; parts: Inline[] }
  | { kind: 'heading'; level: number; parts: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; items: Block[][] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][] };

/** The blocks of a text. */
export function markdown(text: string): Block[] {
  return new Blocks(text.replaceAll('\r\n', '\n').split('\n')).read();
}

/** The first paragraph as plain text, for lists and the search. */
export function summary(text: string | undefined): string {
  if (!text) return '';
  const first = markdown(text).find(block => block.kind === 'paragraph');
  return first?.kind === 'paragraph' ? plainText(first.parts) : '';
}

/** What is left of pieces without their form. */
export function plainText(parts: Inline[]): string {
  return parts.map(part => ('text' in part ? part.text : plainText(part.parts))).join('');
}

const FENCE = /^\s{0,3}(`{3,}|~{3,})\s*([\w+-]*)/;
const HEADING = /^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const BULLET = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const QUOTE = /^\s{0,3}>\s?(.*)$/;
const RULE = /^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$/;

/** How deep lists and quotes may lie in each other. */
const DEPTH = 8;

class Blocks {
  private at = 0;

  constructor(
    private readonly lines: string[],
    private readonly depth = 0,
  ) {}

  read(): Block[] {
    const blocks: Block[] = [];
    while (this.at < this.lines.length) {
      const block = this.block();
      if (block) blocks.push(block);
    }
    return blocks;
  }

  private get line(): string {
    return this.lines[this.at] ?? '';
  }

  private block(): Block | undefined {
    const line = this.line;
    if (line.trim() === '') {
      this.at += 1;
      return undefined;
    }
    const fence = FENCE.exec(line);
    if (fence) return this.code(fence[1] ?? '```', fence[2] ?? '');
    const heading = HEADING.exec(line);
    if (heading) {
      this.at += 1;
      return { kind: 'heading', level: (heading[1] ?? '#').length, parts: inlines(heading[2] ?? '') };
    }
    if (this.depth < DEPTH && QUOTE.test(line)) return this.quote();
    if (this.depth < DEPTH && BULLET.test(line)) return this.list();
    if (line.includes('|') && RULE.test(this.lines[this.at + 1] ?? '')) return this.table();
    return this.paragraph();
  }

  private code(fence: string, language: string): Block {
    const lines: string[] = [];
    this.at += 1;
    while (this.at < this.lines.length && !this.line.trim().startsWith(fence)) {
      lines.push(this.line);
      this.at += 1;
    }
    this.at += 1;
    return { kind: 'code', text: lines.join('\n'), language };
  }

  private quote(): Block {
    const lines: string[] = [];
    for (let match = QUOTE.exec(this.line); match; match = QUOTE.exec(this.line)) {
      lines.push(match[1] ?? '');
      this.at += 1;
    }
    return { kind: 'quote', blocks: new Blocks(lines, this.depth + 1).read() };
  }

  private list(): Block {
    const first = BULLET.exec(this.line);
    const indent = (first?.[1] ?? '').length;
    const ordered = /\d/.test(first?.[2] ?? '');
    const items: Block[][] = [];
    while (this.at < this.lines.length) {
      const match = BULLET.exec(this.line);
      if (!match || (match[1] ?? '').length !== indent || /\d/.test(match[2] ?? '') !== ordered) break;
      const inside = [match[3] ?? ''];
      const width = indent + (match[2] ?? '').length + 1;
      this.at += 1;
      while (this.at < this.lines.length) {
        const line = this.line;
        const own = line.length - line.trimStart().length;
        if (line.trim() === '') {
          const next = this.lines[this.at + 1] ?? '';
          if (next.trim() === '' || next.length - next.trimStart().length <= indent) break;
        } else if (own <= indent && (BULLET.test(line) || startsBlock(line))) break;
        else if (own <= indent && this.lines[this.at - 1]?.trim() === '') break;
        inside.push(line.slice(Math.min(own, width)));
        this.at += 1;
      }
      items.push(new Blocks(inside, this.depth + 1).read());
      while (this.line.trim() === '' && BULLET.test(this.lines[this.at + 1] ?? '')) this.at += 1;
    }
    return { kind: 'list', ordered, items };
  }

  private table(): Block {
    const head = cells(this.line);
    this.at += 2;
    const rows: Inline[][][] = [];
    while (this.line.includes('|') && this.line.trim() !== '') {
      rows.push(cells(this.line).slice(0, head.length));
      this.at += 1;
    }
    return { kind: 'table', head, rows };
  }

  private paragraph(): Block {
    const lines = [this.line.trim()];
    this.at += 1;
    while (this.at < this.lines.length && this.line.trim() !== '' && !startsBlock(this.line)) {
      lines.push(this.line.trim());
      this.at += 1;
    }
    return { kind: 'paragraph', parts: inlines(lines.join(' ')) };
  }
}

function startsBlock(line: string): boolean {
  return FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || BULLET.test(line);
}

function cells(line: string): Inline[][] {
  const inner = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return inner.split(/(?<!\\)\|/).map(cell => inlines(cell.trim().replaceAll('\\|', '|')));
}

const PIECES = [
  {
    pattern: /^(`+)(.+?)\1(?!`)/s,
    make: (match: RegExpExecArray): Inline => ({ kind: 'code', text: (match[2] ?? '').trim() }),
  },
  { pattern: /^\[((?:[^[\]]|\[[^\]]*\])*)\]\(\s*([^\s()]+)(?:\s+"[^"]*")?\s*\)/, make: link },
  {
    pattern: /^<(https?:\/\/[^\s<>]+)>/,
    make: (match: RegExpExecArray): Inline => linkTo(match[1] ?? '', match[1] ?? ''),
  },
  // A link of Rust's documentation, whose target only its tools know.
  {
    pattern: /^\[(`[^`]+`)\](?!\()/,
    make: (match: RegExpExecArray): Inline => ({ kind: 'code', text: (match[1] ?? '').slice(1, -1) }),
  },
  {
    pattern: /^(\*\*|__)(?=\S)(.+?)(?<=\S)\1/s,
    make: (match: RegExpExecArray): Inline => ({ kind: 'strong', parts: inlines(match[2] ?? '') }),
  },
  {
    pattern: /^(\*)(?=\S)(.+?)(?<=\S)\1/s,
    make: (match: RegExpExecArray): Inline => ({ kind: 'emphasis', parts: inlines(match[2] ?? '') }),
  },
  {
    pattern: /^\\([!-/:-@[-`{-~])/,
    make: (match: RegExpExecArray): Inline => ({ kind: 'text', text: match[1] ?? '' }),
  },
];

/** The pieces of a line. */
export function inlines(text: string): Inline[] {
  const parts: Inline[] = [];
  let plain = '';
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const special = rest.search(/[`[<*_\\]/);
    if (special !== 0) {
      const end = special < 0 ? rest.length : special;
      plain += rest.slice(0, end);
      at += end;
      continue;
    }
    // An underscore within a word is part of a name.
    const within = rest.startsWith('_') && /\w$/.test(plain);
    const found = within ? undefined : pieceOf(rest);
    if (!found) {
      plain += rest[0] ?? '';
      at += 1;
      continue;
    }
    if (plain !== '') parts.push({ kind: 'text', text: plain });
    plain = '';
    parts.push(found.part);
    at += found.length;
  }
  if (plain !== '') parts.push({ kind: 'text', text: plain });
  return parts;
}

function pieceOf(rest: string): { part: Inline; length: number } | undefined {
  for (const { pattern, make } of PIECES) {
    const match = pattern.exec(rest);
    if (match) return { part: make(match), length: match[0].length };
  }
  return undefined;
}

function link(match: RegExpExecArray): Inline {
  return linkTo(match[1] ?? '', match[2] ?? '');
}

function linkTo(text: string, address: string): Inline {
  const parts = text === address ? [{ kind: 'text' as const, text }] : inlines(text);
  // Nothing but the web: no scripts, no data.
  return isSafe(address) ? { kind: 'link', parts, address } : { kind: 'emphasis', parts };
}

/** Whether an address may be a link: the web, mail, or a place on this page. */
export function isSafe(address: string): boolean {
  return /^(https?:\/\/|mailto:|#\/)/i.test(address);
}
