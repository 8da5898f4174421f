/** Everything that goes over the wire, kept within bounds. */

import { type DecodedFrame, decodeFrame, type TappedFrame } from '@swill/client';
import { Tail } from '../text/window.ts';
import { Changes } from './changes.ts';

/** A message on the wire. */
export interface Frame {
  /** Counts from 1 on the page. */
  number: number;
  direction: 'in' | 'out';
  data: Uint8Array | string;
  /** Milliseconds of `performance.now()`. */
  at: number;
  /** In bytes. */
  size: number;
}

/** How many frames are kept, and how many bytes of them. */
const MOST = 5_000;
const MOST_BYTES = 16 << 20;

/** The frames of the page's connections. */
export class Wire extends Changes {
  readonly frames = new Tail<Frame>(MOST, MOST_BYTES);
  isPaused = false;
  /** Is told every frame, before the client is. */
  onFrame: (frame: Frame) => void = () => {};
  private count = 0;
  private readonly decoded = new WeakMap<Frame, DecodedFrame>();

  /** Takes a frame of the client. */
  tap(tapped: TappedFrame): void {
    const { data } = tapped;
    const size = typeof data === 'string' ? utf8Length(data) : data.length;
    const frame: Frame = {
      number: (this.count += 1),
      direction: tapped.direction,
      data,
      at: tapped.at,
      size,
    };
    if (!this.isPaused) {
      // Each costs something beside its bytes.
      this.frames.push(frame, size + 128);
      this.changed();
    }
    this.onFrame(frame);
  }

  /** What a frame says. */
  decode(frame: Frame): DecodedFrame {
    const known = this.decoded.get(frame);
    if (known) return known;
    const decoded = decodeFrame(frame.data);
    this.decoded.set(frame, decoded);
    return decoded;
  }

  /** Stops taking frames, or goes on. */
  pause(paused: boolean): void {
    this.isPaused = paused;
    this.changedNow();
  }

  clear(): void {
    this.frames.clear();
    this.changedNow();
  }
}

/** How many bytes a text has on the wire. */
export function utf8Length(text: string): number {
  let length = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    // Two halves of a pair have two bytes each.
    length += code < 0x80 ? 1 : code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 2 : 3;
  }
  return length;
}
