/** The number of a message's call, without reading the message: streams have thousands of them. */

/** What is seen at a glance. */
export interface Glance {
  call: number;
  /** It carries nothing but metadata of the server. */
  isMetadata: boolean;
}

/** Looks at a message of `swill/1`; `undefined` if it is another kind of message. */
export function glance(bytes: Uint8Array): Glance | undefined {
  const first = bytes[0] ?? 0;
  // A list of up to 15 elements.
  if (first < 0x90 || first > 0x9f || bytes.length < 3) return undefined;
  const number = bytes[1] ?? 0;
  const width = { 0xcc: 1, 0xcd: 2, 0xce: 4 }[number];
  if (number > 0x7f && width === undefined) return undefined;
  let call = number > 0x7f ? 0 : number;
  for (let index = 0; index < (width ?? 0); index += 1) call = call * 256 + (bytes[2 + index] ?? 0);
  const at = 2 + (width ?? 0);
  // No data, and the type METADATA.
  return { call, isMetadata: bytes[at] === 0xc0 && bytes[at + 1] === 2 };
}
