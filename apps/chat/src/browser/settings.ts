// Language and appearance of this browser: those of the system until the user chooses.

import { changeLanguage, type Language, languages, startLanguage } from '@hongyan/look/languages';
import { en } from '../i18n/en.ts';
import { zh } from '../i18n/zh.ts';
import { type Readable, Signal } from '../state/signal.ts';
import { browserStorage } from './browser-storage.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export const language = new Signal<Language>('en');
export const theme = new Signal<Theme>('system');

/** Reads both and puts them into effect, now and at every change. */
export function startSettings(): void {
  const ofSystem = navigator.language.startsWith('zh') ? 'zh' : 'en';
  const [keptLanguage, keptTheme] = [browserStorage.read('language'), browserStorage.read('theme')];
  language.set(isLanguage(keptLanguage) ? keptLanguage : ofSystem);
  theme.set(isTheme(keptTheme) ? keptTheme : 'system');
  startLanguage(language.get(), { en, zh });
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
  // The browser's own bar, on a phone.
  for (const colour of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
    const { theme: own } = colour.dataset;
    const isChosen = theme.get() === own ? 'all' : 'not all';
    colour.media = theme.get() === 'system' ? `(prefers-color-scheme: ${own})` : isChosen;
  }
}

export const isLanguage = (value: unknown): value is Language => languages.some((one) => one === value);
export const isTheme = (value: unknown): value is Theme => themes.some((one) => one === value);
