// The calendar day of the user's time zone. What is called "today" changes while the page stays open, at midnight and with the zone.

import { systemClock } from '@hongyan/base/clock';
import { Signal } from '../state/signal.ts';

/** Days since 1970-01-01 of the date that a calendar on the user's wall shows. Days of 23 and 25 hours count as one. */
export function dayOf(timestampMs: number): number {
  const date = new Date(timestampMs);
  return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / utcDayMs;
}

export const today = new Signal(0);

/** Minutes from UTC to the clock on the user's wall: clocks that are drawn show another time when it changes. */
export const zone = new Signal(0);

export function startToday(): void {
  const renew = () => {
    const nowMs = systemClock.nowMs();
    today.set(dayOf(nowMs));
    zone.set(-new Date(nowMs).getTimezoneOffset());
  };
  const renewAtMidnight = () => {
    renew();
    const now = systemClock.nowMs();
    systemClock.after(Math.min(nextMidnightMs(now) - now, checkedEveryMs), renewAtMidnight);
  };
  renewAtMidnight();
  // Timers stand still while the machine sleeps.
  document.addEventListener('visibilitychange', renew);
  addEventListener('pageshow', renew);
}

function nextMidnightMs(nowMs: number): number {
  const date = new Date(nowMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}

const utcDayMs = 86_400_000;
/** The zone, or the clock itself, may be changed meanwhile. */
const checkedEveryMs = 3_600_000;
