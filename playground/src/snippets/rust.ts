/** A call in Rust, with the crate `swill-client`. */

import { kindOf } from '../schema/kind.ts';
import type { Schemas } from '../schema/schemas.ts';
import type { Schema } from '../spec.ts';
import { linesOf, type Snippet, type Writer, written } from './snippet.ts';

/**
 * Within `json!`, which has neither bytes nor keys that are numbers; what has them is written by {@link
 * VALUE}.
 */
const JSON_MACRO: Writer = {
  null: 'null',
  true: 'true',
  false: 'false',
  list: ['[', ']'],
  map: ['{ ', ' }'],
  number: suffixed,
  text: quoted,
  bytes: () => 'null',
  member: (name, value) => `${quoted(name)}: ${value}`,
  numbered: () => 'null',
};

/** Values of the client's own type, which can be bytes, too. */
const VALUE: Writer = {
  null: 'Value::Nil',
  true: 'Value::from(true)',
  false: 'Value::from(false)',
  list: ['Value::List(vec![', '])'],
  map: ['Value::Map(vec![', '])'],
  number: value =>
    `Value::from(${Number.isInteger(value) || typeof value === 'bigint' ? integer(value) : decimal(value)})`,
  text: value => `Value::from(${quoted(value)})`,
  bytes: value => `Value::Bytes(${bytes(value)}.to_vec())`,
  member: (name, value) => `(${quoted(name)}.into(), ${value})`,
  numbered: pairs => `Value::Map(vec![${pairs.map(pair => `(${pair.join(', ')})`).join(', ')}])`,
};

/** The program. */
export function rust(it: Snippet): string {
  const uses = new Set(['Client']);
  const result = typeOf(it.schemas, it.procedure.result, uses);
  const params = it.params === undefined ? '()' : argument(it.params, uses);
  const plain = it.protocol === 'swill' && !it.hasToken;
  if (it.protocol === 'json-rpc') uses.add('Protocol');
  const connect = plain
    ? [`    let client = Client::connect(${quoted(it.address)}).await?;`]
    : [
        `    let client = Client::builder(${quoted(it.address)})`,
        it.protocol === 'json-rpc' && '        .protocol(Protocol::JsonRpc)',
        it.hasToken && '        .bearer(&std::env::var("SWILL_TOKEN").unwrap_or_default())',
        '        .connect()',
        '        .await?;',
      ];
  const lines = body(it, result, params, uses);
  if (lines.includes('Value::')) uses.add('Value');
  return linesOf(
    `use swill_client::${uses.size === 1 ? 'Client' : `{${[...uses].sort().join(', ')}}`};`,
    it.deadline !== undefined && it.deadline !== null && 'use std::time::Duration;',
    '',
    '#[tokio::main]',
    'async fn main() -> swill_client::Result<()> {',
    ...connect,
    lines.replace(/^(?=.)/gm, '    '),
    '    client.close().await;',
    '    Ok(())',
    '}',
  );
}

function body(it: Snippet, result: string, params: string, uses: Set<string>): string {
  const name = quoted(it.procedure.name);
  const item = it.procedure.items ? argument(it.item, uses, true) : '';
  const itemType = typeOfValue(it.item);
  const prepared = prepare(it, name);
  switch (it.shape) {
    case 'single':
      return linesOf(
        prepared === undefined
          ? `let answer: ${result} = client.call(${name}, ${params}).await?;`
          : `let answer: ${result} = ${prepared}.call(${params}).await?;`,
        'println!("{answer:?}");',
      );
    case 'stream':
      return linesOf(
        prepared === undefined
          ? `let mut items = client.stream::<${result}>(${name}, ${params}).await?;`
          : `let mut items = ${prepared}.stream::<${result}>(${params}).await?;`,
        'while let Some(item) = items.next().await {',
        '    println!("{:?}", item?);',
        '}',
      );
    case 'streamIn':
      return linesOf(
        `let mut items = ${prepared ?? `client.request(${name})`}.stream_in::<${itemType}, ${result}>().await?;`,
        `items.send(${item}).await?;`,
        'println!("{:?}", items.finish().await?);',
      );
    case 'both':
      return linesOf(
        `let (mut sender, mut items) = ${prepared ?? `client.request(${name})`}.both::<${itemType}, ${result}>().await?;`,
        `sender.send(${item}).await?;`,
        'sender.finish().await?;',
        'while let Some(item) = items.next().await {',
        '    println!("{:?}", item?);',
        '}',
      );
  }
}

/** A request with everything that is said beside its parameters; `undefined` if there is nothing. */
function prepare(it: Snippet, name: string): string | undefined {
  if (!it.metadata && it.deadline === undefined && !it.idempotent) return undefined;
  const pairs = Object.entries(it.metadata ?? {}).map(
    ([key, value]) => `(${quoted(key)}, ${written(VALUE, value)})`,
  );
  return [
    `client.request(${name})`,
    it.metadata && `.metadata([${pairs.join(', ')}])`,
    it.deadline !== undefined &&
      (it.deadline === null
        ? '.deadline(None)'
        : `.deadline(Duration::from_millis(${Math.round(it.deadline)}))`),
    it.idempotent && '.idempotent()',
  ]
    .filter(Boolean)
    .join('');
}

/** A value as an argument: as a literal if it is simple, as JSON or as a value of the client's otherwise. */
function argument(value: unknown, uses: Set<string>, isItem = false): string {
  if (value instanceof Uint8Array) {
    uses.add('Bytes');
    return `Bytes::from(${bytes(value)}.to_vec())`;
  }
  if (hasBytes(value)) {
    uses.add('Value');
    return written(VALUE, value, '    ');
  }
  if (!isItem && Array.isArray(value) && value.length > 0 && value.every(isScalar)) {
    return `(${value.map(literal).join(', ')}${value.length === 1 ? ',' : ''})`;
  }
  return isScalar(value) ? literal(value) : `serde_json::json!(${written(JSON_MACRO, value, '    ')})`;
}

function literal(value: unknown): string {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return suffixed(value);
    case 'string':
      return quoted(value);
    case 'boolean':
      return String(value);
    default:
      return 'None::<()>';
  }
}

function isScalar(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

function hasBytes(value: unknown): boolean {
  if (value instanceof Uint8Array || value instanceof Map) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(hasBytes);
}

/** The type of what {@link argument} writes for an item. */
function typeOfValue(value: unknown): string {
  if (value instanceof Uint8Array) return 'Bytes';
  if (hasBytes(value)) return 'Value';
  switch (typeof value) {
    case 'number':
    case 'bigint':
      if (typeof value === 'number' && !Number.isInteger(value)) return 'f64';
      return BigInt(value) > 2n ** 63n - 1n ? 'u64' : 'i64';
    case 'string':
      return '&str';
    case 'boolean':
      return 'bool';
    default:
      return value === null ? 'Option<()>' : 'serde_json::Value';
  }
}

/** An integer beyond 32 bits needs its type. */
function suffixed(value: number | bigint): string {
  if (typeof value === 'number' && !Number.isInteger(value)) return decimal(value);
  return BigInt(value) > 2147483647n || BigInt(value) < -2147483648n ? integer(value) : String(value);
}

function integer(value: number | bigint): string {
  return BigInt(value) > 2n ** 63n - 1n ? `${value}_u64` : `${BigInt(value)}_i64`;
}

function decimal(value: number | bigint): string {
  const text = JSON.stringify(Number(value));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function bytes(value: Uint8Array): string {
  const text = Array.from(value, byte => {
    if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
    return byte >= 0x20 && byte < 0x7f
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `b"${text.join('')}"`;
}

function quoted(text: string): string {
  const escapes: Record<string, string> = {
    '"': '\\"',
    '\\': '\\\\',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\0': '\\0',
  };
  const escaped = text.replaceAll(/["\\\u0000-\u001f\u007f-\u009f\u2028\u2029\ud800-\udfff]/g, character => {
    if (character in escapes) return escapes[character] ?? '';
    const code = character.charCodeAt(0);
    // Halves of pairs are no characters; whole pairs stay as they are.
    return code >= 0xd800 && code < 0xe000 ? character : `\\u{${code.toString(16)}}`;
  });
  return `"${escaped}"`;
}

const INTEGERS: Record<string, string> = {
  int8: 'i8',
  int16: 'i16',
  int32: 'i32',
  int64: 'i64',
  int: 'isize',
  uint8: 'u8',
  uint16: 'u16',
  uint32: 'u32',
  uint64: 'u64',
  uint: 'usize',
};

/** A type that the answer can be decoded into; the client's own for what would need a struct. */
function typeOf(schemas: Schemas, schema: Schema, uses: Set<string>): string {
  const kind = kindOf(schemas, schema);
  const flat = schemas.flat(schema);
  switch (kind.kind) {
    case 'null':
      return '()';
    case 'boolean':
      return 'bool';
    case 'integer':
      return INTEGERS[(flat !== false && flat.format) || ''] ?? 'i64';
    case 'number':
      return 'f64';
    case 'text':
      return 'String';
    case 'bytes':
      uses.add('Bytes');
      return 'Bytes';
    case 'nullable':
      return `Option<${typeOf(schemas, kind.inner, uses)}>`;
    case 'list':
      return `Vec<${typeOf(schemas, kind.items, uses)}>`;
    case 'map':
      return `std::collections::BTreeMap<String, ${typeOf(schemas, kind.values, uses)}>`;
    case 'tuple':
      if (kind.rest === false && kind.items.length > 0 && kind.items.length <= 12) {
        return `(${kind.items.map(it => typeOf(schemas, it, uses)).join(', ')}${kind.items.length === 1 ? ',' : ''})`;
      }
      break;
    default:
      break;
  }
  uses.add('Value');
  return 'Value';
}
