// The calendar day of now: a component that calls it is drawn again at midnight, and when the device moves to another time zone.

import { today, zone } from '../browser/today.ts';
import { useSignal } from '../state/signal.ts';

export function useToday(): number {
  useSignal(zone);
  return useSignal(today);
}
