/** What all elements look like. */

import { css } from 'lit';

/** Type, links, focus, buttons, fields, tables: shared by all elements. */
export const base = css`
  :host {
    box-sizing: border-box;
    font: 14px/1.55 var(--sans);
    color: var(--text);
  }
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3,
  h4,
  p,
  ul,
  ol,
  dl,
  dd,
  pre,
  figure {
    margin: 0;
  }
  h1 {
    font-size: 24px;
    line-height: 1.25;
    font-weight: 650;
    letter-spacing: -0.012em;
  }
  h2 {
    font-size: 15px;
    font-weight: 650;
  }
  h3 {
    font-size: 12px;
    font-weight: 600;
    color: var(--muted);
  }
  a {
    color: var(--accent);
    text-underline-offset: 3px;
    text-decoration-thickness: 1px;
  }
  code,
  pre,
  .mono {
    font-family: var(--mono);
    font-size: 12.5px;
    font-variant-ligatures: none;
  }
  h1.mono {
    font-size: 23px;
    letter-spacing: -0.02em;
  }
  code {
    padding: 1px 5px;
    border-radius: 4px;
    background: var(--sunk);
  }
  .muted {
    color: var(--muted);
  }
  .small {
    font-size: 12.5px;
  }
  .bad {
    color: var(--bad);
  }
  .icon {
    flex: none;
    display: block;
  }
  .row {
    display: flex;
    align-items: center;
    gap: 8px;
    flex-wrap: wrap;
  }
  .grow {
    flex: 1 1 auto;
    min-width: 0;
  }
  .cut {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
    border-radius: 4px;
  }
  :focus:not(:focus-visible) {
    outline: none;
  }
  button {
    appearance: none;
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 32px;
    padding: 0 12px;
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--bg);
    color: var(--text);
    font: inherit;
    font-weight: 550;
    white-space: nowrap;
    cursor: pointer;
    transition:
      background 0.12s,
      border-color 0.12s;
  }
  button:hover:not(:disabled) {
    background: var(--sunk);
    border-color: var(--strong-line);
  }
  button:disabled {
    opacity: 0.5;
    cursor: default;
  }
  button.primary {
    background: var(--accent);
    border-color: var(--accent);
    color: var(--on-accent);
  }
  button.primary:hover:not(:disabled) {
    background: color-mix(in srgb, var(--accent) 86%, var(--text));
    border-color: transparent;
  }
  button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--muted);
    padding: 0 8px;
    font-weight: 500;
  }
  button.quiet:hover:not(:disabled) {
    background: var(--sunk);
    color: var(--text);
  }
  button.tiny {
    min-height: 26px;
    padding: 0 6px;
    font-size: 12.5px;
    border-radius: 6px;
  }
  button.danger {
    color: var(--bad);
  }
  button[aria-pressed='true'] {
    background: var(--accent-soft);
    color: var(--accent);
  }
  input,
  select,
  textarea {
    width: 100%;
    min-width: 0;
    min-height: 34px;
    padding: 6px 10px;
    border: 1px solid var(--line);
    border-radius: 8px;
    background: var(--bg);
    color: var(--text);
    font: inherit;
    transition: border-color 0.12s;
  }
  input:hover,
  select:hover,
  textarea:hover {
    border-color: var(--strong-line);
  }
  input:focus-visible,
  select:focus-visible,
  textarea:focus-visible {
    outline-offset: -1px;
    border-radius: 8px;
  }
  input[aria-invalid='true'],
  textarea[aria-invalid='true'],
  select[aria-invalid='true'] {
    border-color: var(--bad);
  }
  ::-webkit-search-cancel-button {
    appearance: none;
  }
  ::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  select {
    appearance: none;
    padding-right: 30px;
    background-image:
      linear-gradient(45deg, transparent 50%, var(--muted) 50%),
      linear-gradient(135deg, var(--muted) 50%, transparent 50%);
    background-position:
      calc(100% - 16px) 55%,
      calc(100% - 11px) 55%;
    background-size: 5px 5px;
    background-repeat: no-repeat;
  }
  textarea {
    resize: vertical;
    font-family: var(--mono);
    font-size: 12.5px;
  }
  input[type='checkbox'] {
    appearance: none;
    flex: none;
    display: inline-grid;
    place-content: center;
    width: 18px;
    min-height: 18px;
    height: 18px;
    margin: 0;
    padding: 0;
    border: 1.5px solid var(--strong-line);
    border-radius: 5px;
    cursor: pointer;
  }
  input[type='checkbox']::after {
    content: '';
    width: 10px;
    height: 6px;
    margin-top: -3px;
    border: 2px solid var(--on-accent);
    border-top: 0;
    border-right: 0;
    transform: rotate(-45deg) scale(0);
  }
  input[type='checkbox']:checked {
    background: var(--accent);
    border-color: var(--accent);
  }
  input[type='checkbox']:checked::after {
    transform: rotate(-45deg) scale(1);
  }
  label.check {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    cursor: pointer;
  }
  .badge {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    padding: 1px 8px;
    border: 1px solid var(--line);
    border-radius: 99px;
    color: var(--muted);
    font-size: 12px;
    font-weight: 550;
    white-space: nowrap;
  }
  .note {
    padding: 9px 12px;
    border-radius: 8px;
    background: var(--soft);
    border: 1px solid var(--line);
    font-size: 13px;
  }
  .note.warn {
    background: var(--warn-soft);
    border-color: transparent;
    color: var(--warn);
  }
  .note.bad {
    background: var(--bad-soft);
    border-color: transparent;
    color: var(--bad);
  }
  .tabs {
    display: flex;
    gap: 2px;
    overflow-x: auto;
    scrollbar-width: none;
  }
  .tabs button {
    border: 0;
    border-radius: 6px;
    background: none;
    color: var(--muted);
    min-height: 30px;
    padding: 0 10px;
  }
  .tabs button:hover {
    background: var(--sunk);
  }
  .tabs button[aria-selected='true'] {
    background: var(--sunk);
    color: var(--text);
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .t-name {
    color: var(--code-name);
  }
  .t-string {
    color: var(--code-string);
  }
  .t-number {
    color: var(--code-number);
  }
  .t-literal {
    color: var(--code-literal);
  }
  @media (prefers-reduced-motion: reduce) {
    *,
    *::before,
    *::after {
      transition: none !important;
      animation: none !important;
      scroll-behavior: auto !important;
    }
  }
  @media (pointer: coarse) {
    button {
      min-height: 40px;
    }
    button.tiny {
      min-height: 34px;
    }
    input,
    select {
      min-height: 40px;
      font-size: 16px;
    }
    input[type='checkbox'] {
      min-height: 22px;
      width: 22px;
      height: 22px;
    }
  }
`;
