// Passwords: normalisation for comparison (RFC 8265, OpaqueString), and requirements of new ones (NIST SP 800-63B).

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { commonPasswords } from './common-passwords.ts';

const graphemesMin = 8;
const graphemesMax = 256;

/** Applies NFC and replaces every space character by U+0020. undefined: the text cannot be normalised. */
export function preparePassword(password: string): string | undefined {
  if (password === '' || !password.isWellFormed() || /\p{Cc}/u.test(password)) return undefined;
  return password.replace(/\p{Zs}/gu, ' ').normalize('NFC');
}

/** Returns the prepared password of a new account. */
export function checkNewPassword(password: string, userId: string): Result<string> {
  const prepared = preparePassword(password);
  if (prepared === undefined)
    return refusal.invalid('password: use letters, digits, symbols and spaces, no control characters');
  const graphemes = [...segmenter.segment(prepared)];
  if (graphemes.length < graphemesMin || graphemes.length > graphemesMax)
    return refusal.passwordLength(graphemesMin, graphemesMax);
  const isRepeated = new Set(graphemes.map(({ segment }) => segment)).size < 3;
  const lower = prepared.toLowerCase();
  if (isRepeated || lower.trim() === '' || lower === userId.toLowerCase() || commonPasswords.has(lower))
    return refusal.passwordCommon();
  return ok(prepared);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
