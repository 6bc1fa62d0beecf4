// Language and appearance of this browser: those of the system until the operator chooses.

import { changeLanguage, type Language, languages } from '@hongyan/look/languages';
import { createContext, type ReactNode, useContext, useState } from 'react';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export interface Settings {
  readonly language: Language;
  readonly theme: Theme;
}

const storageKey = 'hongyan-console';

export function readSettings(): Settings {
  const kept = readKept();
  const ofSystem = navigator.language.startsWith('zh') ? 'zh' : 'en';
  return {
    language: languages.find((one) => one === kept.language) ?? ofSystem,
    theme: themes.find((one) => one === kept.theme) ?? 'system',
  };
}

export function applySettings({ language, theme }: Settings): void {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  document.documentElement.dataset.theme = theme;
}

interface SettingsUse {
  readonly settings: Settings;
  readonly change: (changed: Partial<Settings>) => void;
}

const Context = createContext<SettingsUse | undefined>(undefined);

export function SettingsProvider({ first, children }: { readonly first: Settings; readonly children: ReactNode }) {
  const [settings, setSettings] = useState(first);
  function change(changed: Partial<Settings>): void {
    const next = { ...settings, ...changed };
    setSettings(next);
    applySettings(next);
    if (changed.language) changeLanguage(changed.language);
    keep(next);
  }
  return <Context value={{ settings, change }}>{children}</Context>;
}

export function useSettings(): SettingsUse {
  const use = useContext(Context);
  if (!use) throw new Error('settings are used below their provider');
  return use;
}

function readKept(): Partial<Record<keyof Settings, unknown>> {
  try {
    return JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Partial<Record<keyof Settings, unknown>>;
  } catch {
    return {}; // blocked by the browser's settings, or written by something else
  }
}

function keep(settings: Settings): void {
  try {
    localStorage.setItem(storageKey, JSON.stringify(settings));
  } catch {
    // Full or blocked: the choice lasts as long as the page.
  }
}
