/** The description of an app as the page reads it (`docs/description.md`). */

import type { Json } from './json/value.ts';

/** A JSON Schema (2020-12). */
export type Schema = boolean | SchemaObject;

/** The keywords that the page knows; it shows the others as they are. */
export interface SchemaObject {
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  format?: string;
  const?: Json;
  enum?: Json[];
  default?: Json;
  examples?: Json[];
  deprecated?: boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema;
  propertyNames?: Schema;
  patternProperties?: Record<string, Schema>;
  minProperties?: number;
  maxProperties?: number;
  items?: Schema;
  prefixItems?: Schema[];
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  contentEncoding?: string;
  minimum?: number | bigint;
  maximum?: number | bigint;
  exclusiveMinimum?: number | bigint;
  exclusiveMaximum?: number | bigint;
  multipleOf?: number | bigint;
  [keyword: string]: unknown;
}

/** An app. */
export interface Spec {
  swill: string;
  info: { title?: string; version?: string; description?: string };
  hash: string;
  paths: string[];
  protocols: Protocol[];
  limits: Limits;
  modules: { name: string; doc?: string }[];
  procedures: Procedure[];
  $defs: Record<string, Schema>;
}

/** A protocol that the app speaks. */
export interface Protocol {
  name: string;
  tokens: string[];
  default: boolean;
  format: string;
  single_parameter: string;
  streams_in: boolean;
  streams_out: boolean;
  metadata: boolean;
  serial: boolean;
  calls_peer: boolean;
  cannot_carry?: string[];
}

/** What clients keep to. Bytes, but for `calls`, `batch` and `metadata_keys`, which are numbers of things. */
export interface Limits {
  message: number;
  answer: number;
  calls: number;
  batch: number;
  metadata_keys: number;
  metadata_bytes: number;
  deadline_ms?: number;
}

/** A procedure. */
export interface Procedure {
  name: string;
  module?: string;
  paths?: string[];
  doc?: string;
  streams_in: boolean;
  streams_out: boolean;
  parameters: Parameter[];
  items?: { name: string; doc?: string; schema: Schema };
  result: Schema;
  errors?: ErrorCase[];
  deadline_ms?: number;
  metadata?: { client?: MetadataKey[]; leading?: MetadataKey[]; trailing?: MetadataKey[] };
}

/** A parameter of a procedure. */
export interface Parameter {
  name: string;
  doc?: string;
  required: boolean;
  default?: Json;
  schema: Schema;
}

/** An error that a procedure announces. */
export interface ErrorCase {
  name: string;
  code: number;
  json_rpc_code?: number;
  message: string;
  parameter?: string;
  doc?: string;
  data?: Schema;
}

/** A key of metadata that a procedure reads or sends. */
export interface MetadataKey {
  name: string;
  doc?: string;
}

/** Which directions stream. */
export type Shape = 'single' | 'stream' | 'streamIn' | 'both';

/** The shape of a procedure. */
export function shapeOf(procedure: Procedure): Shape {
  if (procedure.streams_in) return procedure.streams_out ? 'both' : 'streamIn';
  return procedure.streams_out ? 'stream' : 'single';
}

/** What the shapes are called on the page: a short word, and what it means. */
export const SHAPES: Record<Shape, { word: string; means: string }> = {
  single: { word: 'call', means: 'One message each way.' },
  stream: { word: 'stream out', means: 'One message in, any number of items back.' },
  streamIn: { word: 'stream in', means: 'Any number of items in, one answer back.' },
  both: { word: 'both ways', means: 'Items in both directions, independently of each other.' },
};

/** The schema of all parameters together, by their names: what the form and the editor are about. */
export function parametersSchema(procedure: Procedure): Schema {
  if (procedure.items) return procedure.items.schema;
  return {
    type: 'object',
    properties: Object.fromEntries(
      procedure.parameters.map(it => [it.name, documented(it.schema, it.doc, it.default)]),
    ),
    required: procedure.parameters.filter(it => it.required).map(it => it.name),
    additionalProperties: false,
  };
}

function documented(schema: Schema, doc: string | undefined, fallback: Json | undefined): Schema {
  const more: SchemaObject = { ...(doc ? { description: doc } : {}) };
  if (fallback !== undefined) more.default = fallback;
  if (Object.keys(more).length === 0 || schema === false) return schema;
  return schema === true ? more : { ...schema, ...more };
}

/** Which of the page's protocols a protocol of the app is, if it is one of them. */
export function clientProtocol(protocol: Protocol): 'swill' | 'json-rpc' | undefined {
  if (protocol.tokens.includes('swill.1')) return 'swill';
  return protocol.tokens.includes('jsonrpc') ? 'json-rpc' : undefined;
}
