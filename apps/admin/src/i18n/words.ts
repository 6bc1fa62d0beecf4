// The words of the console as its components take them, by keys that the compiler checks.

import { useTranslation } from 'react-i18next';
import type { Words } from './en.ts';

type KeysOf<T, Before extends string = ''> = {
  [K in keyof T & string]: T[K] extends string ? `${Before}${K}` : KeysOf<T[K], `${Before}${K}.`>;
}[keyof T & string];

export type Key = KeysOf<Words>;
type Translate = (key: Key, values?: Readonly<Record<string, string | number>>) => string;

/** i18next's own types hold the keys of one application, and the chat is compiled with the console. */
export function useWords(): Translate {
  return useTranslation().t as unknown as Translate;
}
