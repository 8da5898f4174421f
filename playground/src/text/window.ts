/** Which rows of a long list are drawn. All rows are of the same height. */

/** A part of a list. */
export interface Window {
  /** The first row that is drawn. */
  from: number;
  /** The first one behind them. */
  to: number;
  /** The height of all rows together, in pixels. */
  height: number;
  /** Where the first one begins, in pixels from the top of the list. */
  top: number;
}

/** How many rows are drawn beyond what is seen, so that scrolling shows no gaps. */
const MARGIN = 12;

/** The rows that are seen at a place of the list. */
export function windowOf(count: number, rowHeight: number, scrollTop: number, viewHeight: number): Window {
  const height = count * rowHeight;
  const top = Math.max(0, Math.min(scrollTop, height - viewHeight));
  const from = Math.max(0, Math.floor(top / rowHeight) - MARGIN);
  const to = Math.min(count, Math.ceil((top + viewHeight) / rowHeight) + MARGIN);
  return { from: Math.min(from, to), to, height, top: Math.min(from, to) * rowHeight };
}

/** Whether the end of the list is in sight, give or take a row. */
export function isAtEnd(count: number, rowHeight: number, scrollTop: number, viewHeight: number): boolean {
  return scrollTop + viewHeight >= count * rowHeight - rowHeight * 1.5;
}

/** Where to scroll so that a row is seen; `undefined` if it is seen already. */
export function scrollTo(
  row: number,
  rowHeight: number,
  scrollTop: number,
  viewHeight: number,
): number | undefined {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  return top + rowHeight > scrollTop + viewHeight ? top + rowHeight - viewHeight : undefined;
}

/** A list that keeps what came last, within bounds. */
export class Tail<T> {
  private items: T[] = [];
  private sizes: number[] = [];
  private begin = 0;
  private bytes = 0;
  /** How many have been dropped from its beginning. */
  dropped = 0;

  /** Keeps at most so many, of at most so many bytes together. */
  constructor(
    private readonly most: number,
    private readonly mostBytes: number,
  ) {}

  get length(): number {
    return this.items.length - this.begin;
  }

  push(item: T, size: number): void {
    this.items.push(item);
    this.sizes.push(size);
    this.bytes += size;
    while (this.length > this.most || (this.bytes > this.mostBytes && this.length > 1)) this.drop();
    // What has been dropped is given back when it is half of the list, so that each element is moved once at
    // most.
    if (this.begin > 1024 && this.begin * 2 > this.items.length) {
      this.items = this.items.slice(this.begin);
      this.sizes = this.sizes.slice(this.begin);
      this.begin = 0;
    }
  }

  at(index: number): T | undefined {
    return index < 0 ? undefined : this.items[this.begin + index];
  }

  slice(from: number, to: number): T[] {
    return this.items.slice(this.begin + Math.max(0, from), this.begin + to);
  }

  clear(): void {
    this.dropped += this.length;
    this.items = [];
    this.sizes = [];
    this.begin = 0;
    this.bytes = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let index = this.begin; index < this.items.length; index += 1) yield this.items[index] as T;
  }

  private drop(): void {
    this.bytes -= this.sizes[this.begin] ?? 0;
    this.begin += 1;
    this.dropped += 1;
  }
}
