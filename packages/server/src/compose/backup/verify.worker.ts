// The thread of verify-thread.ts.

import { type Verified, verifyStores } from './verify.ts';

export type VerifyAnswer =
  | { readonly type: 'right'; readonly verified: Verified }
  | { readonly type: 'wrong'; readonly message: string };

/** The worker's global scope; the DOM library types `self` as a window. */
declare const self: {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(answer: VerifyAnswer): void;
};

self.onmessage = ({ data }) => self.postMessage(answerOf(data));

function answerOf(data: string): VerifyAnswer {
  try {
    return { type: 'right', verified: verifyStores(data) };
  } catch (error) {
    return { type: 'wrong', message: error instanceof Error ? error.message : String(error) };
  }
}
