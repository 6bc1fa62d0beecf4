// Text as Unicode, not as UTF-16 units: half of a surrogate pair has no UTF-8 and reaches no server unchanged.

import { badRequest } from './client-error.ts';

/** Throws ClientError `bad_request`: encodeURIComponent throws for it too, and the server refuses it. */
export function checkWellFormed(name: string, text: string): void {
  if (!text.isWellFormed()) throw badRequest(`${name} contains half of a surrogate pair: cut text by code points`);
}

/** For text that is only searched with: halves of pairs become U+FFFD. */
export const wellFormed = (text: string): string => text.toWellFormed();

/** The first `max` code points. */
export const cutTo = (text: string, max: number): string =>
  text.length <= max ? text : [...text].slice(0, max).join('');

export const utf8Length = (text: string): number => new TextEncoder().encode(text).length;
