/** A JSON Schema (2020-12). Types with a name are under {@link Spec.$defs}, and are referred to by `#/$defs/…`. */
export type Schema = boolean | { readonly [keyword: string]: unknown };

/** The complete description of an app, as `Client.describe` returns it. */
export interface Spec {
  /** The version of the form of this description. */
  readonly swill: string;
  readonly info: Info;
  /** A number for everything that a client has to agree on; 16 hexadecimal digits. */
  readonly hash: string;
  /** Where the app answers. They may have parameters: `/rooms/{room}`. */
  readonly paths: readonly string[];
  readonly protocols: readonly ProtocolSpec[];
  readonly limits: LimitsSpec;
  /** Modules that have a name or documentation. */
  readonly modules: readonly ModuleSpec[];
  /** All procedures, in the order of registration. */
  readonly procedures: readonly ProcedureSpec[];
  /** Types that the schemas refer to, by their names. */
  readonly $defs: Readonly<Record<string, Schema>>;
}

/** What an app is, for people. */
export interface Info {
  readonly title: string;
  readonly version: string;
  /** What it is for; Markdown. */
  readonly description?: string;
}

/** A protocol in which an app can be spoken to. */
export interface ProtocolSpec {
  readonly name: string;
  /** The subprotocols that ask for it. */
  readonly tokens: readonly string[];
  /** Whether it is what clients get that ask for none. */
  readonly default: boolean;
  /** How values are written. */
  readonly format: 'json' | 'messagepack';
  /** How the parameters of a procedure with a single one are written. */
  readonly single_parameter: 'whole' | 'listed';
  readonly streams_in: boolean;
  readonly streams_out: boolean;
  readonly metadata: boolean;
  /** Whether the calls of a connection run one after the other. */
  readonly serial: boolean;
  /** Whether the server can call the client. */
  readonly calls_peer: boolean;
  /** Procedures that it cannot carry, by name. */
  readonly cannot_carry?: readonly string[];
}

/** What a client has to keep to. Sizes are in bytes, times in milliseconds. */
export interface LimitsSpec {
  readonly message: number;
  readonly answer: number;
  readonly calls: number;
  readonly batch: number;
  readonly metadata_keys: number;
  readonly metadata_bytes: number;
  readonly deadline_ms?: number;
}

/** Procedures that belong together. */
export interface ModuleSpec {
  /** The full name, which its procedures' names begin with; empty for a module without a name. */
  readonly name: string;
  /** What it is for; Markdown. */
  readonly doc?: string;
}

/** A procedure. */
export interface ProcedureSpec {
  /** The full name. */
  readonly name: string;
  /** The full name of its module. */
  readonly module?: string;
  /** Paths by which it is called in protocols that call by path. */
  readonly paths?: readonly string[];
  /** What it does; Markdown. */
  readonly doc?: string;
  /** Whether the caller sends a stream: then there are `items` and no parameters. */
  readonly streams_in: boolean;
  /** Whether the answer is a stream: then `result` is the schema of each item. */
  readonly streams_out: boolean;
  readonly parameters: readonly ParameterSpec[];
  readonly items?: ItemsSpec;
  /** The answer, or each item of the stream out. */
  readonly result: Schema;
  /** Metadata that it reads and sets. */
  readonly metadata?: MetadataSpec;
  /** Errors that are part of the contract. */
  readonly errors?: readonly ErrorSpec[];
  /** Milliseconds that a call may take. */
  readonly deadline_ms?: number;
}

/** A parameter. */
export interface ParameterSpec {
  /** Its name on the wire. */
  readonly name: string;
  readonly doc?: string;
  /** Whether it has to be there. */
  readonly required: boolean;
  /** What it is if it is left out. */
  readonly default?: unknown;
  readonly schema: Schema;
}

/** The items of a stream in. */
export interface ItemsSpec {
  readonly name: string;
  readonly doc?: string;
  readonly schema: Schema;
}

/** Metadata of a procedure, by where it travels. */
export interface MetadataSpec {
  readonly client?: readonly MetadataKeySpec[];
  readonly leading?: readonly MetadataKeySpec[];
  readonly trailing?: readonly MetadataKeySpec[];
}

/** A key of metadata. */
export interface MetadataKeySpec {
  readonly name: string;
  readonly doc?: string;
}

/** An error that is part of a procedure's contract. */
export interface ErrorSpec {
  /** Its name, as the program calls it. */
  readonly name: string;
  readonly code: number;
  /** The code that JSON-RPC peers get instead, if it has one of its own. */
  readonly json_rpc_code?: number;
  /** The message. What is in braces depends on the case. */
  readonly message: string;
  /** The parameter that is to blame. */
  readonly parameter?: string;
  /** When it happens; Markdown. */
  readonly doc?: string;
  /** The type of its data. Without it, it has none. */
  readonly data?: Schema;
}

/** A procedure, as `Client.introspect` returns it. */
export interface IntrospectedProcedure {
  readonly name: string;
  readonly request: IntrospectedSide;
  readonly response: IntrospectedSide;
}

/** What goes in or comes out of a procedure. */
export interface IntrospectedSide {
  readonly streams: boolean;
  readonly type: IntrospectedType;
}

/** The name of a type, and what it is made of: by number for elements, by name for members. */
export interface IntrospectedType {
  readonly type: string;
  readonly arguments?: Readonly<Record<string, IntrospectedType>>;
}
