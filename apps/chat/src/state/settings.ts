// Language and appearance of this browser: as the system says until the user chooses.

import { changeLanguage, type Language, languages, startI18n } from '../i18n/i18n.ts';
import { Signal } from './signal.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const languageKey = 'hongyan.language';
const themeKey = 'hongyan.theme';

export const language = new Signal<Language>(
  oneOf(languages, localStorage.getItem(languageKey)) ?? (navigator.language.startsWith('zh') ? 'zh' : 'en'),
);
export const theme = new Signal<Theme>(oneOf(themes, localStorage.getItem(themeKey)) ?? 'system');

/** Puts both into effect, now and at every change. */
export function applySettings(): void {
  startI18n(language.get());
  const apply = () => {
    document.documentElement.lang = language.get() === 'zh' ? 'zh-CN' : 'en';
    document.documentElement.dataset.theme = theme.get();
  };
  apply();
  language.subscribe(() => {
    localStorage.setItem(languageKey, language.get());
    changeLanguage(language.get());
    apply();
  });
  theme.subscribe(() => {
    localStorage.setItem(themeKey, theme.get());
    apply();
  });
}

function oneOf<T extends string>(allowed: readonly T[], value: string | null): T | undefined {
  return allowed.find((one) => one === value);
}
