// Validates display names and titles: others see them in lists, so they must be visible and must not affect the text around them.

import { ok } from '@hongyan/base/result';
import { type Result, refusal } from '@hongyan/protocol/refusals';

const nameGraphemesMax = 64;
const titleGraphemesMax = 128;
/** A grapheme may have many code points: a limit in bytes keeps one name from filling a page. */
const bytesPerGraphemeMax = 16;

export const checkDisplayName = (text: string): Result<string> => check(text, 'display_name', nameGraphemesMax);
export const checkTitle = (text: string): Result<string> => check(text, 'title', titleGraphemesMax);

/** Returns the text trimmed and composed (NFC). */
function check(text: string, field: string, graphemesMax: number): Result<string> {
  if (!text.isWellFormed()) return refusal.notUnicode(field);
  const name = text.normalize('NFC').trim();
  if (!hasVisible.test(name)) return refusal.invisible(field);
  if (forbidden.test(name)) return refusal.controlCharacters(field);
  const graphemes = [...segmenter.segment(name)].length;
  if (graphemes > graphemesMax || Buffer.byteLength(name) > graphemesMax * bytesPerGraphemeMax)
    return refusal.tooLong(field, graphemesMax);
  return ok(name);
}

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Letters, digits, punctuation and symbols, but not the Braille blank and the Hangul fillers, which look empty. */
const hasVisible = /[[\p{L}\p{N}\p{P}\p{S}]--[\u2800\u115f\u1160\u3164\uffa0]]/v;
/** Control characters, line separators, and characters that change the direction of the following text. */
const forbidden = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
