/** What the panel looks like that calls a procedure. */

import { css } from 'lit';

export const panelStyles = css`
  :host {
    display: grid;
    gap: 18px;
    align-content: start;
  }
  :host::after {
    content: '';
    height: 24px;
  }
  .card {
    border: 1px solid var(--line);
    border-radius: 14px;
    background: var(--bg);
  }
  .top {
    display: flex;
    align-items: center;
    gap: 8px;
    padding: 10px 12px 10px 16px;
    border-bottom: 1px solid var(--line);
    flex-wrap: wrap;
  }
  .top h2 {
    flex: 1;
  }
  .body {
    padding: 16px;
    display: grid;
    gap: 16px;
  }
  .foot {
    padding: 12px 16px;
    border-top: 1px solid var(--line);
    display: grid;
    gap: 10px;
    position: sticky;
    bottom: 0;
    z-index: 2;
    background: var(--bg);
    border-radius: 0 0 13px 13px;
  }
  .buttons {
    display: flex;
    gap: 8px;
    flex-wrap: wrap;
    align-items: center;
  }
  .many {
    display: flex;
    gap: 6px;
    align-items: center;
    flex-wrap: wrap;
    font-size: 13px;
    color: var(--muted);
  }
  .many input[type='number'] {
    width: 76px;
  }
  .calls {
    display: flex;
    gap: 4px;
    overflow-x: auto;
    padding-bottom: 2px;
    scrollbar-width: thin;
  }
  .calls button {
    gap: 7px;
  }
  .dot {
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--muted);
  }
  .dot.running {
    background: var(--warn);
  }
  .dot.completed {
    background: var(--accent);
  }
  .dot.failed,
  .dot.lost,
  .dot.deadline {
    background: var(--bad);
  }
  kbd {
    font: 11px var(--mono);
  }
  @media (pointer: coarse) {
    kbd {
      display: none;
    }
  }
`;
