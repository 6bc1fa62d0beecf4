// Values of a profile in words: time, bytes, objects.

import type { ValueType } from '@hongyan/profile/profile';

export function amountWords(amount: number, unit: ValueType['unit']): string {
  switch (unit) {
    case 'nanoseconds':
      return amount >= 1e9 ? `${(amount / 1e9).toFixed(2)} s` : `${(amount / 1e6).toFixed(1)} ms`;
    case 'bytes':
      return amount >= 2 ** 20 ? `${(amount / 2 ** 20).toFixed(1)} MiB` : `${(amount / 1024).toFixed(1)} KiB`;
    case 'count':
      return amount.toLocaleString('en');
  }
}

export const shareWords = (part: number, whole: number): string =>
  `${(whole === 0 ? 0 : (part / whole) * 100).toFixed(1)} %`;
