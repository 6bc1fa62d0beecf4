// Days and times in the words of the chosen language. The clock has the hours of the system: 24 or 12.

import { wallClock } from '@hongyan/look/wall-clock';
import type { TFunction } from 'i18next';
import { dayOf } from '../browser/today.ts';

/** Days in the past; 0 is today, negative where the device's clock is behind the server's. */
type Today = number;

/** Hours and minutes. */
export const timeOf = (timestampMs: number, language: string): string => format(timestampMs, language, 'time');

/** Date and time whole, for details. */
export const fullTime = (timestampMs: number, language: string): string => format(timestampMs, language, 'full');

export interface When {
  readonly timestampMs: number;
  /** The calendar day of now, from useToday. */
  readonly today: Today;
  readonly language: string;
}

/** For the list: the time today, the weekday within a week, else the date. */
export function shortWhen({ timestampMs, today, language }: When, t: TFunction): string {
  const days = today - dayOf(timestampMs);
  if (days === 0) return format(timestampMs, language, 'time');
  if (days === 1) return t('conversations.yesterday');
  return format(timestampMs, language, days > 1 && days < 7 ? 'weekday' : 'shortDate');
}

/** For the line between two days. */
export function dayName({ timestampMs, today, language }: When, t: TFunction): string {
  const days = today - dayOf(timestampMs);
  if (days === 0) return t('conversations.today');
  if (days === 1) return t('conversations.yesterday');
  const isThisYear = new Date(timestampMs).getFullYear() === new Date(today * utcDayMs).getUTCFullYear();
  return format(timestampMs, language, isThisYear ? 'day' : 'dayAndYear');
}

const utcDayMs = 86_400_000;

const styles = {
  time: { timeStyle: 'short' },
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
  const made = formats.get(key) ?? makeFormat(language, style);
  formats.set(key, made);
  return made.format(wallClock(timestampMs));
}

/** The variant of the language that the browser asks for, such as en-GB; every clock of the page is made here. */
function makeFormat(language: string, style: keyof typeof styles): Intl.DateTimeFormat {
  const variant = navigator.languages?.find((one) => one.split('-')[0] === language) ?? language;
  const { hourCycle } = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' }).resolvedOptions();
  const cycle = 'timeStyle' in styles[style] && hourCycle ? { hourCycle } : {};
  return new Intl.DateTimeFormat(variant, { ...styles[style], ...cycle, timeZone: 'UTC' });
}
