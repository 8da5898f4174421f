import { parse } from './json.js';
import { Decoder } from './messagepack/decoder.js';
import type { Metadata } from './metadata.js';

/** A raw message of `swill/1` or JSON-RPC, taken apart for people to look at. */
export interface DecodedFrame {
  readonly protocol: 'swill' | 'json-rpc';
  /**
   * What it is. In `swill/1` the shape of the procedure is not on the wire: a `message` of the client opens a call or is
   * an item, and one of the server is an answer or an item.
   */
  readonly kind:
    | 'message'
    | 'end'
    | 'metadata'
    | 'cancel'
    | 'error'
    | 'request'
    | 'notification'
    | 'response'
    | 'batch'
    | 'invalid';
  /** The number of the call, or the id of the request or subscription; `null` if there is none. */
  readonly call: number | bigint | string | null;
  /** The name of the procedure, where it is said. */
  readonly name?: string;
  /** What it carries: parameters, an answer, an item; the messages of a batch; what is wrong with an invalid one. */
  readonly payload: unknown;
  /** Metadata that the client sends. */
  readonly metadata?: Metadata;
  /** Metadata that the server sends ahead. */
  readonly leading?: Metadata;
  /** Metadata that the server sends at the end. */
  readonly trailing?: Metadata;
  /** What a call has failed with. */
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

const KINDS = ['message', 'end', 'metadata'] as const;

/** Takes a raw message apart. It never throws: what is no message has the kind `invalid`. */
export function decodeFrame(data: Uint8Array | string): DecodedFrame {
  const protocol = typeof data === 'string' ? 'json-rpc' : 'swill';
  try {
    return typeof data === 'string' ? jsonRpc(parse(data, 'auto')) : swill1(data);
  } catch (error) {
    return { protocol, kind: 'invalid', call: null, payload: error instanceof Error ? error.message : error };
  }
}

function swill1(bytes: Uint8Array): DecodedFrame {
  const decoder = new Decoder();
  decoder.begin(bytes, 0, bytes.length);
  // The data may be as deep as it likes to be, one level below the message.
  const message = decoder.value(128);
  if (!decoder.done || !Array.isArray(message)) throw new Error('it is no array, or bytes are left over');
  const [call, payload, third, fourth, fifth] = message as [number, unknown, unknown, unknown, unknown];
  if (typeof third === 'string') {
    const kind = fourth === 3 ? 'cancel' : (KINDS[Number(fourth ?? 0)] ?? 'invalid');
    const metadata = metadataOf(fifth);
    return { protocol: 'swill', kind, call, name: third, payload, ...(metadata && { metadata }) };
  }
  const kind = third === 3 ? 'error' : (KINDS[Number(third)] ?? 'invalid');
  const leading = metadataOf(fourth);
  const trailing = metadataOf(fifth);
  return {
    protocol: 'swill',
    kind,
    call,
    payload,
    ...(leading && { leading }),
    ...(trailing && { trailing }),
    ...(kind === 'error' && { error: payload as DecodedFrame['error'] }),
  };
}

function metadataOf(value: unknown): Metadata | undefined {
  return value === null || value === undefined ? undefined : (value as Metadata);
}

function jsonRpc(message: unknown): DecodedFrame {
  const protocol = 'json-rpc';
  if (Array.isArray(message)) return { protocol, kind: 'batch', call: null, payload: message.map(jsonRpc) };
  if (typeof message !== 'object' || message === null) throw new Error('it is no object');
  const { method, params, id = null, result, error } = message as Record<string, unknown>;
  const call = id as DecodedFrame['call'];
  if (method === '$/stream') return streamed((params ?? {}) as Record<string, unknown>);
  if (method === '$/cancelRequest') {
    const { id: request, subscription } = (params ?? {}) as Record<string, unknown>;
    return {
      protocol,
      kind: 'cancel',
      call: (request ?? subscription ?? null) as DecodedFrame['call'],
      payload: params,
    };
  }
  if (typeof method === 'string') {
    const kind = 'id' in message ? 'request' : 'notification';
    return { protocol, kind, call, name: method, payload: params };
  }
  if (error !== undefined && error !== null) {
    return { protocol, kind: 'error', call, payload: error, error: error as DecodedFrame['error'] };
  }
  if (result === undefined) throw new Error('it has neither `method` nor `result` nor `error`');
  return { protocol, kind: 'response', call, payload: result };
}

function streamed(params: Record<string, unknown>): DecodedFrame {
  const { subscription = null, result, end, error } = params;
  const call = subscription as DecodedFrame['call'];
  if (error !== undefined) {
    return {
      protocol: 'json-rpc',
      kind: 'error',
      call,
      payload: error,
      error: error as DecodedFrame['error'],
    };
  }
  return { protocol: 'json-rpc', kind: end === true ? 'end' : 'message', call, payload: result };
}
