/** What forms look like. */

import { css } from 'lit';

export const formStyles = css`
  :host {
    display: grid;
    gap: 14px;
  }
  .field {
    display: grid;
    gap: 5px;
    min-width: 0;
  }
  .head {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 26px;
  }
  .label {
    font: 600 13px var(--mono);
    overflow-wrap: anywhere;
  }
  .words {
    font-size: 12.5px;
    color: var(--muted);
    flex: 1 1 0;
    min-width: 0;
  }
  .tools {
    display: flex;
    align-items: center;
    gap: 2px;
    margin-left: auto;
  }
  .help {
    font-size: 12.5px;
    color: var(--muted);
  }
  .problem {
    font-size: 12.5px;
    color: var(--bad);
  }
  .problem::before {
    content: '! ';
    font-weight: 700;
  }
  .box {
    display: grid;
    gap: 10px;
    padding: 2px 0 2px 12px;
    border-left: 2px solid var(--line);
  }
  .absent .label {
    color: var(--muted);
    font-weight: 500;
  }
  .toggles {
    display: flex;
    gap: 14px;
    color: var(--muted);
  }
  .check {
    color: var(--muted);
  }
  .entry {
    display: grid;
    grid-template-columns: minmax(80px, 1fr) 2fr;
    gap: 10px;
    align-items: start;
  }
  .entry .label {
    display: none;
  }
  .entry .key {
    margin-top: 31px;
    font-family: var(--mono);
    font-size: 13px;
  }
  .fixed {
    font-family: var(--mono);
    font-size: 12.5px;
    color: var(--muted);
  }
  .line {
    display: flex;
    gap: 6px;
    align-items: center;
  }
`;
