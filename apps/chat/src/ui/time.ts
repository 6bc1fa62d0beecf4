// Times in the words of the chosen language.

import { systemClock } from '@hongyan/base/clock';
import type { TFunction } from 'i18next';

const dayMs = 86_400_000;

/** Unique per local day, so that two timestamps can be compared. */
export function dayOf(timestampMs: number): string {
  return new Date(timestampMs).toDateString();
}

/** Hours and minutes. */
export const timeOf = (timestampMs: number, language: string): string => format(timestampMs, language, 'time');

/** For the list: the time today, the weekday within a week, else the date. */
export function shortWhen(timestampMs: number, language: string, t: TFunction): string {
  const now = systemClock.nowMs();
  if (dayOf(timestampMs) === dayOf(now)) return format(timestampMs, language, 'time');
  if (dayOf(timestampMs) === dayOf(now - dayMs)) return t('conversations.yesterday');
  if (now - timestampMs < 6 * dayMs) return format(timestampMs, language, 'weekday');
  return format(timestampMs, language, 'shortDate');
}

/** For the line between two days. */
export function dayName(timestampMs: number, language: string, t: TFunction): string {
  const now = systemClock.nowMs();
  if (dayOf(timestampMs) === dayOf(now)) return t('conversations.today');
  if (dayOf(timestampMs) === dayOf(now - dayMs)) return t('conversations.yesterday');
  const isThisYear = new Date(timestampMs).getFullYear() === new Date(now).getFullYear();
  return format(timestampMs, language, isThisYear ? 'day' : 'dayAndYear');
}

/** Date and time whole, for details. */
export const fullTime = (timestampMs: number, language: string): string => format(timestampMs, language, 'full');

const styles = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  weekday: { weekday: 'short' },
  shortDate: { year: '2-digit', month: 'numeric', day: 'numeric' },
  day: { weekday: 'long', month: 'long', day: 'numeric' },
  dayAndYear: { year: 'numeric', month: 'long', day: 'numeric' },
  full: { dateStyle: 'medium', timeStyle: 'medium' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Making a formatter costs far more than using it. */
const formats = new Map<string, Intl.DateTimeFormat>();

function format(timestampMs: number, language: string, style: keyof typeof styles): string {
  const key = `${language} ${style}`;
  const made = formats.get(key) ?? new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : language, styles[style]);
  formats.set(key, made);
  return made.format(timestampMs);
}
