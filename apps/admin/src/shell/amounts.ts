// Numbers, sizes and times in the words of the language that is chosen.

import { wallClock } from '@hongyan/look/wall-clock';
import { useMemo, useSyncExternalStore } from 'react';
import { useSettings } from './settings.tsx';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export interface Amounts {
  /** 0.25, 1.5, 1,234: digits behind the point where a number is small. */
  number(value: number): string;
  bytes(value: number): string;
  /** Of Unix ms. */
  dateTime(atMs: number): string;
  clockTime(atMs: number): string;
  /** "3 minutes ago". */
  ago(atMs: number): string;
  /** "2 d 4 h". */
  duration(ms: number): string;
}

/** Whoever uses them is drawn again every few seconds: a table may stay the same for hours, while what it tells of grows old. */
export function useAmounts(): Amounts {
  const { language } = useSettings().settings;
  useSyncExternalStore(subscribeToTicks, () => ticks);
  return useMemo(() => amountsIn(language), [language]);
}

const tickMs = 5_000;
let ticks = 0;
let ticking: ReturnType<typeof setInterval> | undefined;
const onTick = new Set<() => void>();

function subscribeToTicks(listener: () => void): () => void {
  onTick.add(listener);
  ticking ??= setInterval(tick, tickMs);
  return () => {
    onTick.delete(listener);
    if (onTick.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(): void {
  ticks++;
  for (const listener of onTick) listener();
}

function amountsIn(language: string): Amounts {
  const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
  const clock = { timeStyle: 'medium', hourCycle: 'h23', timeZone: 'UTC' } as const;
  const dateTime = new Intl.DateTimeFormat(language, { ...clock, dateStyle: 'medium' });
  const clockTime = new Intl.DateTimeFormat(language, clock);
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const number = (value: number) => (Math.abs(value) < 10 ? fine : whole).format(value);
  return {
    number,
    bytes(value) {
      const power = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
      return `${number(value / 1024 ** power)} ${units[power]}`;
    },
    dateTime: (atMs) => dateTime.format(wallClock(atMs)),
    clockTime: (atMs) => clockTime.format(wallClock(atMs)),
    ago: (atMs) => agoWords(relative, (atMs - Date.now()) / 1000),
    duration: (ms) => durationWords(ms, language),
  };
}

function agoWords(relative: Intl.RelativeTimeFormat, seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(Math.round(seconds), 'second');
  if (size < 3_600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.round(seconds / 3_600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}

const steps = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** The two largest units of it. */
function durationWords(ms: number, language: string): string {
  const first = steps.findIndex(([, size]) => ms >= size);
  const parts = steps.slice(first < 0 ? -1 : first).slice(0, 2);
  return parts
    .map(([unit, size], at) => {
      const value = Math.floor((at === 0 ? ms : ms % (parts[0]?.[1] ?? 1)) / size);
      return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short' }).format(value);
    })
    .join(' ');
}
