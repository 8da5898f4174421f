import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeWords } from '../src/text/closes.ts';
import { type Block, isSafe, markdown, plainText, summary } from '../src/text/markdown.ts';
import { filledPath, hashOf, pathParameters, type Route, routeOf, socketAddress } from '../src/text/route.ts';
import { search } from '../src/text/search.ts';
import { isAtEnd, scrollTo, Tail, windowOf } from '../src/text/window.ts';
import { utf8Length } from '../src/session/wire.ts';

/** Blocks as short text. */
function sketch(blocks: Block[]): string {
  return blocks
    .map(block => {
      switch (block.kind) {
        case 'list':
          return `${block.ordered ? 'ol' : 'ul'}(${block.items.map(sketch).join('|')})`;
        case 'quote':
          return `quote(${sketch(block.blocks)})`;
        case 'code':
          return `code[${block.language}](${block.text})`;
        case 'table':
          return `table(${[block.head, ...block.rows].map(row => row.map(plainText).join(',')).join('|')})`;
        case 'heading':
          return `h${block.level}(${plainText(block.parts)})`;
        default:
          return `p(${block.parts.map(it => ('text' in it ? `${it.kind}:${it.text}` : `${it.kind}(${plainText(it.parts)})`)).join(' ')})`;
      }
    })
    .join(' ');
}

test('a small part of Markdown', () => {
  const table: [string, string][] = [
    ['one\ntwo\n\nthree', 'p(text:one two) p(text:three)'],
    ['# Title\ntext', 'h1(Title) p(text:text)'],
    ['- a\n- b\n  more\n\n- c', 'ul(p(text:a)|p(text:b more)|p(text:c))'],
    ['1. a\n2. b', 'ol(p(text:a)|p(text:b))'],
    ['- a\n  - b\n- c', 'ul(p(text:a) ul(p(text:b))|p(text:c))'],
    ['```rust\nlet a = "<b>";\n\n```\nx', 'code[rust](let a = "<b>";\n) p(text:x)'],
    ['```\nopen', 'code[](open)'],
    ['> a\n> b', 'quote(p(text:a b))'],
    ['| a | b |\n|---|---|\n| 1 | 2 |', 'table(a,b|1,2)'],
    [
      'a `code` **b** *c* snake_case_name',
      'p(text:a  code:code text:  strong(b) text:  emphasis(c) text: snake_case_name)',
    ],
    [
      '[x](https://example.com) [`Rules`] [y](javascript:alert(1))',
      'p(link(x) text:  code:Rules text: [y](javascript:alert(1)))',
    ],
    ['[y](javascript:alert)', 'p(emphasis(y))'],
    ['<script>alert(1)</script>', 'p(text:<script>alert(1)</script>)'],
    ['a \\*b\\* 2 * 3 * 4', 'p(text:a  text:* text:b text:* text: 2 * 3 * 4)'],
  ];
  for (const [text, expected] of table) assert.equal(sketch(markdown(text)), expected, text);
  assert.equal(summary('# T\n\nFirst `x`.\nMore.\n\nSecond.'), 'First x. More.');
  assert.equal(summary(undefined), '');
  assert.deepEqual(['https://a', 'mailto:a@b', '#/x', 'javascript:x', 'data:x', '//a'].map(isSafe), [
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});

test('nothing in Markdown takes for ever', () => {
  for (const text of [
    '*'.repeat(5000),
    '['.repeat(5000),
    '`'.repeat(4999),
    '> '.repeat(5000),
    '- '.repeat(3000),
    '|'.repeat(5000),
  ]) {
    const start = performance.now();
    markdown(text);
    assert.ok(performance.now() - start < 2000, text.slice(0, 4));
  }
});

test('search looks into names first', () => {
  const entries = [
    { name: 'shop.order', doc: 'Takes an order.', more: 'Order lines article tea' },
    { name: 'shop.prices', doc: 'What things cost in an order.', more: '' },
    { name: 'reorder', doc: '', more: '' },
    { name: 'validate_order', doc: '', more: 'uuid' },
  ];
  const table: [string, number[]][] = [
    ['', [0, 1, 2, 3]],
    ['order', [0, 2, 3, 1]],
    ['ORDER tea', [0]],
    ['vo', [3]],
    ['uuid', [3]],
    ['nothing', []],
  ];
  for (const [query, found] of table) assert.deepEqual(search(entries, query), found, query);
});

test('addresses lead where they were made', () => {
  const routes: Route[] = [
    { page: 'overview' },
    { page: 'module', name: 'shop.stock' },
    { page: 'procedure', name: 'a/b?c d#é' },
    { page: 'procedure', name: 'add', params: '{"a": "x&y=%"}' },
  ];
  for (const route of routes) assert.deepEqual(routeOf(hashOf(route)), route);
  for (const hash of ['', '#', '#/', '#/else/x', '#procedure/x'])
    assert.deepEqual(routeOf(hash), { page: 'overview' });
  assert.deepEqual(routeOf('#/procedure/%'), { page: 'procedure', name: '%' });
});

test('the socket is where the page is', () => {
  const table: [string, string, string, string][] = [
    ['/docs', '/', '/', 'ws://h/'],
    ['/docs', '/', '/ws', 'ws://h/ws'],
    ['/ws/docs', '/ws', '/ws', 'ws://h/ws'],
    ['/api/ws/docs', '/ws', '/ws', 'ws://h/api/ws'],
    ['/api/docs/', '/', '/ws', 'ws://h/api/ws'],
  ];
  for (const [pathname, first, path, expected] of table) {
    assert.equal(socketAddress({ protocol: 'http:', host: 'h', pathname }, first, path), expected);
  }
  assert.equal(socketAddress({ protocol: 'https:', host: 'h', pathname: '/docs' }, '/', '/'), 'wss://h/');
  assert.deepEqual(pathParameters('/rooms/{room}/{*rest}'), ['room', 'rest']);
  assert.equal(filledPath('/rooms/{room}/{*rest}', { room: 'a b', rest: 'c/d e' }), '/rooms/a%20b/c/d%20e');
  assert.equal(filledPath('/rooms/{room}', {}), '/rooms/{room}');
});

test('close codes in words', () => {
  for (const code of [1000, 1001, 1006, 1008, 1011, 4008]) assert.ok(closeWords(code).length > 10);
  assert.match(closeWords(4711), /of its own/);
});

test('only rows in sight are drawn', () => {
  assert.deepEqual(windowOf(0, 28, 0, 280), { from: 0, to: 0, height: 0, top: 0 });
  assert.deepEqual(windowOf(5, 28, 0, 280), { from: 0, to: 5, height: 140, top: 0 });
  const middle = windowOf(10_000, 28, 140_000, 280);
  assert.deepEqual([middle.from, middle.to, middle.height], [4988, 5022, 280_000]);
  const end = windowOf(10_000, 28, Infinity, 280);
  assert.deepEqual([end.from, end.to], [9978, 10_000]);
  assert.ok(windowOf(1e6, 28, 1e12, 280).to === 1e6);
  assert.ok(isAtEnd(10, 28, 0, 280) && isAtEnd(100, 28, 2520, 280) && !isAtEnd(100, 28, 2000, 280));
  assert.deepEqual(
    [scrollTo(0, 28, 100, 280), scrollTo(50, 28, 0, 280), scrollTo(3, 28, 0, 280)],
    [0, 1148, undefined],
  );
});

test('a tail keeps what came last', () => {
  const tail = new Tail<number>(1000, 50_000);
  for (let number = 0; number < 20_000; number += 1) tail.push(number, 10);
  assert.deepEqual(
    [tail.length, tail.dropped, tail.at(0), tail.at(999), tail.at(1000), tail.at(-1)],
    [1000, 19_000, 19_000, 19_999, undefined, undefined],
  );
  tail.push(1, 45_000);
  assert.deepEqual([tail.length, tail.at(500)], [501, 1]);
  tail.push(2, 90_000);
  assert.deepEqual([...tail], [2]);
  assert.deepEqual(tail.slice(0, 5), [2]);
  tail.clear();
  assert.deepEqual([tail.length, tail.dropped], [0, 20_002]);
});

test('the size of a text on the wire', () => {
  for (const text of ['', 'abc', 'é€😀', '\u07ff\u0800'])
    assert.equal(utf8Length(text), new TextEncoder().encode(text).length);
});
