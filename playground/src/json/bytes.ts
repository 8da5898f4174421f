/** Bytes as text: base64 and hexadecimal. */

/** Bytes as base64 (RFC 4648, section 4). */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

/** The bytes of a base64 text, padded or not; `undefined` if it is none. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.replace(/=+$/, '').length % 4 === 1) return undefined;
  try {
    return Uint8Array.from(atob(text), character => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** Bytes as hexadecimal digits, two for each, with something between. */
export function hex(bytes: Uint8Array, between = ''): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(between);
}

/** The bytes of hexadecimal digits, blanks between them or not; `undefined` if it is something else. */
export function fromHex(text: string): Uint8Array | undefined {
  const digits = text.replace(/[\s:]/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-fA-F]/.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], pair => parseInt(pair, 16));
}

/** A line of a hex dump. */
export interface HexLine {
  offset: string;
  bytes: string;
  text: string;
}

/** The lines of a hex dump, sixteen bytes each; `most` of them. */
export function hexLines(bytes: Uint8Array, most = Infinity): HexLine[] {
  const lines: HexLine[] = [];
  for (let at = 0; at < bytes.length && lines.length < most; at += 16) {
    const part = bytes.subarray(at, at + 16);
    lines.push({
      offset: at.toString(16).padStart(6, '0'),
      bytes: hex(part, ' '),
      text: Array.from(part, byte => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join(
        '',
      ),
    });
  }
  return lines;
}

/** So many bytes, for people: `17 B`, `1.2 KiB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const kibi = bytes / 1024;
  return kibi < 1024 ? `${kibi.toFixed(1)} KiB` : `${(kibi / 1024).toFixed(1)} MiB`;
}
