// The languages of the web applications, and the switch between them. Each application brings its own words.

import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';

export const languages = ['en', 'zh'] as const;
export type Language = (typeof languages)[number];
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', zh: '中文' };

/** Words are bundled, so the first render already has them. */
export function startLanguage(language: Language, { en, zh }: Readonly<Record<Language, object>>): void {
  void i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: 'en',
    resources: { en: { translation: en }, zh: { translation: zh } },
    interpolation: { escapeValue: false },
    initAsync: false,
  });
}

export function changeLanguage(language: Language): void {
  void i18next.changeLanguage(language);
}
