/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The client of Swill for browsers and Node: typed calls and streams over one WebSocket.
 *
 * @packageDocumentation
 */

export { Client, type ClientConstructor } from './client.js';
export { Batch, type BatchResult } from './batch.js';
export type { ReconnectOptions } from './backoff.js';
export { Code, describeClose, SwillError, type Close, type ErrorDetails } from './errors.js';
export { decodeFrame, type DecodedFrame } from './decode-frame.js';
export type { Handler, Peer } from './handlers.js';
export { Items } from './items.js';
export { DEFAULT_LIMITS, type Limits } from './limits.js';
export { Extension } from './messagepack/extension.js';
export type { Metadata, Response } from './metadata.js';
export type { CallOptions, ClientOptions, ConnectOptions } from './options.js';
export type {
  AnyProcedures,
  ItemOf,
  NameOf,
  ParamsOf,
  Procedure,
  Procedures,
  ProceduresOf,
  ResultOf,
} from './procedures.js';
export { Duplex, Sender } from './sender.js';
export type { WebSocketConstructor, WebSocketLike } from './socket/web.js';
export type * from './spec.js';
export type { State } from './state.js';
export type { TappedFrame } from './tap.js';
