// [O27] The server stops, so that a move takes its store: asked by hongyan migrate when all but the last is copied.

import { done } from '@hongyan/base/result';
import type { OperatorRoute } from './route.ts';

/** Answers before it stops. */
export const handOverRoute = (begin: () => void): OperatorRoute => ({
  method: 'POST',
  path: '/admin/v1/hand-over',
  handle() {
    begin();
    return done;
  },
});
