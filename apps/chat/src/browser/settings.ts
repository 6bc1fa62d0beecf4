// Language and appearance of this browser: those of the system until the user chooses.

import { changeLanguage, type Language, languages, startI18n } from '../i18n/i18n.ts';
import { type Readable, Signal } from '../state/signal.ts';
import { browserStorage } from './browser-storage.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export const language = new Signal<Language>('en');
export const theme = new Signal<Theme>('system');

/** Reads both and puts them into effect, now and at every change. */
export function startSettings(): void {
  const ofSystem = navigator.language.startsWith('zh') ? 'zh' : 'en';
  language.set(oneOf(languages, browserStorage.read('language')) ?? ofSystem);
  theme.set(oneOf(themes, browserStorage.read('theme')) ?? 'system');
  startI18n(language.get());
  apply();
  language.subscribe(() => changeLanguage(language.get()));
  for (const [name, setting] of [['language', language] as const, ['theme', theme] as const]) keep(name, setting);
}

function keep(name: string, setting: Readable<string>): void {
  setting.subscribe(() => {
    apply();
    browserStorage.write(name, setting.get());
  });
}

function apply(): void {
  document.documentElement.lang = language.get() === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset.theme = theme.get();
}

function oneOf<T extends string>(allowed: readonly T[], value: string | undefined): T | undefined {
  return allowed.find((one) => one === value);
}
