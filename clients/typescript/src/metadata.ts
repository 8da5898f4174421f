/**
 * What is said about a call beside its parameters and answer: values under text keys.
 *
 * The caller sends metadata when it opens a call; the server sends *leading* metadata before or with the first data and
 * *trailing* metadata at the end.
 */
export type Metadata = Record<string, unknown>;

/** An answer and the metadata around it. */
export interface Response<T> {
  /** The answer. */
  readonly value: T;
  /** What the server said ahead of the answer; empty if nothing. */
  readonly leading: Metadata;
  /** What the server said after the answer; empty if nothing. */
  readonly trailing: Metadata;
}
