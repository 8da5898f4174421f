
/** What a server offers that is not what this file was generated from. */
export interface Difference {
  /** The hash of the server's contract. */
  hash: string;
  /** Procedures that the server does not have. */
  missing: string[];
  /** Procedures whose parameters, answers, errors or shape are others now. */
  changed: string[];
  /** Procedures that this file does not know. */
  added: string[];
}

interface Description {
  hash: string;
  procedures: { name: string; hash?: string }[];
}

function compare(spec: Description): Difference {
  const theirs = new Map(spec.procedures.map(({ name, hash }) => [name, hash]));
  const known = Object.keys(PROCEDURES);
  return {
    hash: spec.hash,
    missing: known.filter((name) => !theirs.has(name)),
    changed: known.filter((name) => (theirs.get(name) ?? PROCEDURES[name]) !== PROCEDURES[name]),
    added: [...theirs.keys()].filter((name) => !(name in PROCEDURES) && !name.startsWith('swill.')),
  };
}
