// The words of an error in the chosen language, by its code on the wire.

import type { TFunction } from 'i18next';
import { en } from '../i18n/en.ts';

type ErrorKey = Exclude<keyof typeof en.errors, 'other'>;

/** `meaning` replaces the general words where the place makes a code say something more exact. */
export function errorWords(error: unknown, t: TFunction, meaning: Partial<Record<ErrorKey, ErrorKey>> = {}): string {
  const code = codeOf(error);
  if (code !== undefined && isKnown(code)) return t(`errors.${meaning[code] ?? code}`);
  return t('errors.other', { message: error instanceof Error ? error.message : String(error) });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const isKnown = (code: string): code is ErrorKey => code in en.errors && code !== 'other';
