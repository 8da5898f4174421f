/** Icons, drawn with lines in the colour of the text. */

import { svg, type SVGTemplateResult, html, type TemplateResult } from 'lit';

const PATHS = {
  search: svg`<circle cx="7" cy="7" r="4.5"/><path d="m10.5 10.5 3.5 3.5"/>`,
  menu: svg`<path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11"/>`,
  sun: svg`<circle cx="8" cy="8" r="3"/><path d="M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9"/>`,
  moon: svg`<path d="M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z"/>`,
  system: svg`<circle cx="8" cy="8" r="5.5"/><path d="M8 2.5a5.5 5.5 0 0 1 0 11Z" fill="currentColor"/>`,
  link: svg`<path d="M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.4-2.4a2.6 2.6 0 0 0-3.7-3.7l-.8.8M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.1 9.2a2.6 2.6 0 0 0 3.7 3.7l.8-.8"/>`,
  copy: svg`<rect x="5.5" y="5.5" width="8" height="8" rx="1.5"/><path d="M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5"/>`,
  check: svg`<path d="m3 8.5 3.2 3.2L13 4.8"/>`,
  close: svg`<path d="m4 4 8 8M12 4l-8 8"/>`,
  plus: svg`<path d="M8 3v10M3 8h10"/>`,
  up: svg`<path d="M8 13V3.5M4 7l4-4 4 4"/>`,
  down: svg`<path d="M8 3v9.5M4 9l4 4 4-4"/>`,
  right: svg`<path d="m6 3.5 4.5 4.5L6 12.5"/>`,
  single: svg`<path d="M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 11h-10M6 8.5 3.5 11 6 13.5"/>`,
  stream: svg`<path d="m7.5 3.5-4.5 4.5 4.5 4.5M13 3.5l-4.5 4.5 4.5 4.5"/>`,
  streamIn: svg`<path d="m3 3.5 4.5 4.5L3 12.5M8.5 3.5 13 8l-4.5 4.5"/>`,
  both: svg`<path d="M6.5 3.5 2 8l4.5 4.5M9.5 3.5 14 8l-4.5 4.5"/>`,
  play: svg`<path d="M5 3.2v9.6L12.8 8Z" fill="currentColor"/>`,
  pause: svg`<path d="M5.5 3.5v9M10.5 3.5v9"/>`,
  trash: svg`<path d="M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.6 9h5.8l.6-9"/>`,
  download: svg`<path d="M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13.5h10"/>`,
  follow: svg`<path d="m4 3.5 4 4 4-4M4 8.5l4 4 4-4"/>`,
  repeat: svg`<path d="M3 8a5 5 0 0 1 8.7-3.4L13.5 6.5M13.5 3v3.5H10M13 8a5 5 0 0 1-8.7 3.4L2.5 9.5M2.5 13V9.5H6"/>`,
  file: svg`<path d="M4 2.5h5l3 3v8H4ZM9 2.5v3h3"/>`,
} satisfies Record<string, SVGTemplateResult>;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon. It says nothing to screen readers: what it stands for has a label. */
export function icon(name: IconName, size = 16): TemplateResult {
  return html`<svg
    class="icon"
    aria-hidden="true"
    viewBox="0 0 16 16"
    width=${size}
    height=${size}
    fill="none"
    stroke="currentColor"
    stroke-width="1.5"
    stroke-linecap="round"
    stroke-linejoin="round"
  >
    ${PATHS[name]}
  </svg>`;
}
