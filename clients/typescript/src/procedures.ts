/**
 * What is known of a procedure: its shape and types. Generated clients have one for each, and so can be written by hand.
 *
 * | `shape` | the caller sends | the server answers |
 * |---|---|---|
 * | `'single'` | `params` | `result` |
 * | `'stream'` | `params` | a stream of `result` |
 * | `'streamIn'` | a stream of `item` | `result` |
 * | `'both'` | a stream of `item` | a stream of `result` |
 */
export interface Procedure {
  readonly shape: 'single' | 'stream' | 'streamIn' | 'both';
  /** Parameters: a tuple of several, the value itself of a single one; absent if there are none. */
  readonly params?: unknown;
  /** An item of the stream in. */
  readonly item?: unknown;
  /** The answer, or an item of the stream out. */
  readonly result: unknown;
  /** Errors that are part of the contract. */
  readonly error?: unknown;
}

/** Procedures by their names. */
export interface Procedures {
  [name: string]: Procedure;
}

/** What a type of procedures has to fulfil. An `interface` does, too, though it has no index signature. */
export type ProceduresOf<A> = { [K in keyof A]: Procedure };

/** Any procedure, by any name: what a client knows that has not been told more. */
export interface AnyProcedures {
  [name: string]: {
    readonly shape: 'single' | 'stream' | 'streamIn' | 'both';
    readonly params?: unknown;
    readonly item?: unknown;
    readonly result: unknown;
  };
}

/** The names of the procedures of a shape. */
export type NameOf<A, S extends Procedure['shape']> = {
  [K in keyof A & string]: A[K] extends { readonly shape: S } ? K : never;
}[keyof A & string];

/** The parameters of a procedure. */
export type ParamsOf<P> = P extends { readonly params: infer T } ? T : undefined;

/** An item of a procedure's stream in. */
export type ItemOf<P> = P extends { readonly item: infer T } ? T : never;

/** The answer of a procedure, or an item of its stream out. */
export type ResultOf<P> = P extends { readonly result: infer T } ? T : never;

/** Arguments of a call: parameters that may be `undefined` can be left out. */
export type Arguments<P, Options> =
  undefined extends ParamsOf<P>
    ? [params?: ParamsOf<P>, options?: Options]
    : [params: ParamsOf<P>, options?: Options];

/** Whether nothing is known of the procedures. */
export type IsUntyped<A> = string extends keyof A ? true : false;
