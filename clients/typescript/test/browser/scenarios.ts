import { playAll } from '../scenarios/runner.js';

Object.assign(globalThis, {
  play: (list: unknown, address: string, only?: string) => playAll(list, address, 'browser', only),
});
