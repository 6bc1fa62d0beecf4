// The calendar day of now: a component that calls it is drawn again at midnight.

import { today } from '../browser/today.ts';
import { useSignal } from '../state/signal.ts';

export const useToday = (): number => useSignal(today);
