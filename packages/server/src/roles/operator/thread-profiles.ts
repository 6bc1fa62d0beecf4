// Profiles of this process as one of its threads each, for the process beside it that makes them into files.

import { refusal } from '@hongyan/protocol/refusals';
import type { ProfiledProcess } from '../../profiles/profiled-process.ts';
import type { OperatorRoute } from './route.ts';

export const threadsPath = (kind: 'cpu' | 'heap'): string => `/debug/threads/${kind}`;

const secondsMax = 300;

export function threadProfileRoutes(process: ProfiledProcess): readonly OperatorRoute[] {
  return [
    {
      method: 'GET',
      path: threadsPath('cpu'),
      isSlow: true,
      async handle({ query, signal }) {
        const seconds = Number(query.get('seconds'));
        if (!(seconds > 0 && seconds <= secondsMax))
          return refusal.invalid(`seconds must be a number above 0 and at most ${secondsMax}`);
        return process.cpu({ seconds, signal });
      },
    },
    {
      method: 'GET',
      path: threadsPath('heap'),
      isSlow: true,
      handle: ({ query }) => process.heap({ isFull: query.get('full') === '1' }),
    },
  ];
}
