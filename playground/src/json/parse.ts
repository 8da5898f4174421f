/**
 * Reads JSON for an editor: it goes on after mistakes, says where everything is, and keeps integers exact.
 *
 * `JSON.parse` does none of it, and would turn 9007199254740993 into another number.
 */

import { put, type Json, type JsonObject } from './value.ts';

/** Something in the text, with its place. */
export interface JsonNode {
  kind: 'object' | 'array' | 'string' | 'number' | 'literal';
  from: number;
  to: number;
  value: Json;
  /** Of an object, in the order of the text. */
  members: Member[];
  /** Of an array. */
  elements: JsonNode[];
}

/** A member of an object. */
export interface Member {
  name: string;
  /** Of the name, quotes included. */
  from: number;
  to: number;
  /** Missing while somebody is still typing. */
  node?: JsonNode;
}

/** A mistake. */
export interface Problem {
  from: number;
  to: number;
  message: string;
}

/** A piece of text that is drawn in a colour of its own. */
export interface Token {
  kind: 'name' | 'string' | 'number' | 'literal';
  from: number;
  to: number;
}

/** What has been read. */
export interface Parsed {
  /** Missing if there is nothing in the text. */
  root?: JsonNode;
  /** In the order of the text. With none, the text is JSON. */
  problems: Problem[];
  tokens: Token[];
}

/** How deep values may lie in each other: as deep as servers take them. */
const DEPTH = 64;

const LITERALS: Record<string, Json> = { true: true, false: false, null: null };

const NUMBER = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/;

/** Reads a text. */
export function parse(text: string): Parsed {
  return new Parser(text).run();
}

/** The value of a text; `undefined` if it is no JSON. */
export function parseValue(text: string): Json | undefined {
  const { root, problems } = parse(text);
  return problems.length === 0 ? root?.value : undefined;
}

/** A number as it is written, exactly. */
export function numberOf(text: string): number | bigint | undefined {
  if (!NUMBER.test(text)) return undefined;
  const number = Number(text);
  if (/^-?[0-9]+$/.test(text) && !Number.isSafeInteger(number)) return BigInt(text);
  return Number.isFinite(number) ? number : undefined;
}

class Parser {
  private at = 0;
  private depth = 0;
  private readonly problems: Problem[] = [];
  private readonly tokens: Token[] = [];

  constructor(private readonly text: string) {}

  run(): Parsed {
    const root = this.value();
    this.blanks();
    if (!root && this.at >= this.text.length) this.problem(0, this.text.length, 'There is no value.');
    if (this.at < this.text.length)
      this.problem(this.at, this.text.length, 'The value has ended before this.');
    return { ...(root && { root }), problems: this.problems, tokens: this.tokens };
  }

  private value(): JsonNode | undefined {
    this.blanks();
    const from = this.at;
    const first = this.text[from];
    if (first === undefined) return undefined;
    if (first === '{' || first === '[') {
      if (this.depth >= DEPTH) {
        this.problem(from, from + 1, `Values lie in each other more than ${DEPTH} deep.`);
        this.at = this.text.length;
        return undefined;
      }
      this.depth += 1;
      const node = first === '{' ? this.object() : this.array();
      this.depth -= 1;
      return node;
    }
    if (first === '"') {
      const value = this.string();
      this.tokens.push({ kind: 'string', from, to: this.at });
      return { kind: 'string', from, to: this.at, value, members: [], elements: [] };
    }
    const word = /[^\s,:{}[\]"]+/y;
    word.lastIndex = from;
    const text = word.exec(this.text)?.[0];
    if (text === undefined) return undefined;
    this.at += text.length;
    if (Object.hasOwn(LITERALS, text)) {
      this.tokens.push({ kind: 'literal', from, to: this.at });
      return { kind: 'literal', from, to: this.at, value: LITERALS[text] ?? null, members: [], elements: [] };
    }
    const number = numberOf(text);
    this.tokens.push({ kind: 'number', from, to: this.at });
    if (number === undefined)
      this.problem(from, this.at, `${text} is no value. Texts stand in double quotes.`);
    return { kind: 'number', from, to: this.at, value: number ?? null, members: [], elements: [] };
  }

  private object(): JsonNode {
    const from = this.at;
    const members: Member[] = [];
    const value: JsonObject = {};
    const names = new Set<string>();
    this.at += 1;
    for (let first = true; ; first = false) {
      this.blanks();
      if (this.eat('}')) break;
      if (!first && !this.eat(',')) {
        this.problem(this.at, this.at + 1, 'A comma or } is missing.');
        if (this.text[this.at] !== '"') break;
      }
      this.blanks();
      if (this.text[this.at] !== '"') {
        this.problem(this.at, this.at + 1, 'A name in double quotes is missing.');
        if (this.eat('}')) break;
        this.resume();
        if (this.text[this.at] === ',') continue;
        this.eat('}');
        break;
      }
      const member: Member = { name: '', from: this.at, to: this.at };
      member.name = this.string();
      member.to = this.at;
      this.tokens.push({ kind: 'name', from: member.from, to: member.to });
      members.push(member);
      if (names.has(member.name)) this.problem(member.from, member.to, 'This name has come before.');
      names.add(member.name);
      this.blanks();
      if (!this.eat(':')) {
        this.problem(member.from, member.to, 'A colon and a value are missing.');
        continue;
      }
      const node = this.value();
      if (node) {
        member.node = node;
        put(value, member.name, node.value);
      } else {
        this.problem(member.from, member.to, 'The value is missing.');
      }
    }
    return { kind: 'object', from, to: this.at, value, members, elements: [] };
  }

  private array(): JsonNode {
    const from = this.at;
    const elements: JsonNode[] = [];
    this.at += 1;
    for (let first = true; ; first = false) {
      this.blanks();
      if (this.eat(']')) break;
      if (!first && !this.eat(',')) {
        this.problem(this.at, this.at + 1, 'A comma or ] is missing.');
        if (this.at >= this.text.length || '}:'.includes(this.text[this.at] ?? '')) break;
      }
      const node = this.value();
      if (node) {
        elements.push(node);
        continue;
      }
      this.problem(this.at, this.at + 1, 'A value is missing.');
      if (this.eat(']') || this.text[this.at] !== ',') break;
    }
    return { kind: 'array', from, to: this.at, value: elements.map(it => it.value), members: [], elements };
  }

  private string(): string {
    const from = this.at;
    let end = from + 1;
    while (end < this.text.length && this.text[end] !== '"' && this.text[end] !== '\n') {
      end += this.text[end] === '\\' ? 2 : 1;
    }
    const closed = this.text[end] === '"';
    this.at = Math.min(closed ? end + 1 : end, this.text.length);
    if (!closed) {
      this.problem(from, this.at, 'The text has no end: " is missing.');
      return this.text.slice(from + 1, this.at);
    }
    const written = this.text.slice(from, this.at);
    try {
      return JSON.parse(written) as string;
    } catch {
      this.problem(from, this.at, 'The text has a character or an escape that JSON does not know.');
      return written.slice(1, -1);
    }
  }

  private blanks(): void {
    while (' \t\n\r'.includes(this.text[this.at] ?? 'x')) this.at += 1;
  }

  private eat(character: string): boolean {
    if (this.text[this.at] !== character) return false;
    this.at += 1;
    return true;
  }

  /** Goes on behind what cannot be read, at the next comma or bracket. */
  private resume(): void {
    while (this.at < this.text.length && !',}]'.includes(this.text[this.at] ?? '')) this.at += 1;
  }

  private problem(from: number, to: number, message: string): void {
    if (this.problems.length < 20) {
      const end = Math.min(Math.max(to, from), this.text.length);
      this.problems.push({ from: Math.min(from, end), to: end, message });
    }
  }
}
