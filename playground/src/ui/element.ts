/** What all elements have in common: shared styles, and drawing anew when what they watch has changed. */

import { LitElement, type ReactiveController } from 'lit';
import type { Changes } from '../session/changes.ts';
import { base } from './styles.ts';

/** An element of the page. */
export class Element extends LitElement {
  static override styles = [base];

  private readonly watched = new Watched(this);

  /** Draws anew whenever these change; what was watched before is not watched any more. */
  protected watch(...changes: (Changes | undefined)[]): void {
    this.watched.set(changes.filter(it => it !== undefined));
  }

  /** Tells the elements around of something. */
  protected tell<T>(name: string, detail?: T): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

class Watched implements ReactiveController {
  private all: Changes[] = [];
  private ends: (() => void)[] = [];

  constructor(private readonly host: LitElement) {
    host.addController(this);
  }

  set(changes: Changes[]): void {
    if (changes.length === this.all.length && changes.every((it, index) => it === this.all[index])) return;
    this.stop();
    this.all = changes;
    if (this.host.isConnected) this.start();
  }

  hostConnected(): void {
    this.stop();
    this.start();
  }

  hostDisconnected(): void {
    this.stop();
  }

  private start(): void {
    this.ends = this.all.map(it => it.onChange(() => this.host.requestUpdate()));
  }

  private stop(): void {
    for (const end of this.ends) end();
    this.ends = [];
  }
}
