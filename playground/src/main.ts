/** Where the page begins. */

import { Page, type Settings } from './session/page.ts';
import './ui/app.ts';
import type { App } from './ui/app.ts';
import { applyTheme, theme } from './ui/theme.ts';

/** What the server has written into the page. */
function settings(): Settings {
  const content = document.querySelector<HTMLMetaElement>('meta[name="swill-docs"]')?.content ?? '{}';
  try {
    const { readOnly } = JSON.parse(content) as Partial<Settings>;
    return { readOnly: readOnly === true };
  } catch {
    return { readOnly: false };
  }
}

applyTheme(theme());
const page = new Page(settings());
const app = document.querySelector<App>('swill-docs');
if (app) app.page = page;
page.go(location.hash);
void page.start().then(() => page.go(location.hash));
