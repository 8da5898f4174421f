/** Light or dark: what the system says, until somebody chooses. It is the only thing that the page stores. */

/** Which colours. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'swill-docs-theme';
const ORDER: readonly Theme[] = ['system', 'light', 'dark'];

/** The theme that was chosen. */
export function theme(): Theme {
  try {
    const stored = localStorage.getItem(KEY) as Theme | null;
    return stored !== null && ORDER.includes(stored) ? stored : 'system';
  } catch {
    // Some browsers let pages store nothing.
    return 'system';
  }
}

/** Shows a theme. */
export function applyTheme(chosen: Theme): void {
  if (chosen === 'system') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = chosen;
}

/** Chooses the next one: the opposite of what is seen first. */
export function nextTheme(): Theme {
  const isDark = window.matchMedia('(prefers-color-scheme: dark)').matches;
  const order: Theme[] = isDark ? ['system', 'light', 'dark'] : ['system', 'dark', 'light'];
  const next = order[(order.indexOf(theme()) + 1) % order.length] ?? 'system';
  applyTheme(next);
  try {
    if (next === 'system') localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // It holds until the page is left.
  }
  return next;
}
