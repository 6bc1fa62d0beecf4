// Reads a copy back in a thread of its own: that may take minutes, in which its command still hears Ctrl-C.

import type { Verified } from './verify.ts';
import type { VerifyAnswer } from './verify.worker.ts';

/** As `verifyStores`. Rejects at once when `signal` aborts: the thread ends behind it, and makes no more files. */
export async function verifyInThread(data: string, signal: AbortSignal): Promise<Verified> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./verify.worker.ts', import.meta.url).href, { name: 'verify' });
  const answer = Promise.withResolvers<VerifyAnswer>();
  const closed = Promise.withResolvers<void>();
  const stop = () => answer.reject(signal.reason);
  signal.addEventListener('abort', stop);
  worker.onmessage = (event: MessageEvent<VerifyAnswer>) => answer.resolve(event.data);
  worker.onerror = ({ message }) => answer.reject(new Error(`the copy cannot be read back: ${message}`));
  worker.addEventListener('close', () => {
    answer.reject(new Error('the thread that read the copy back ended'));
    closed.resolve();
  });
  worker.postMessage(data);
  try {
    const found = await answer.promise;
    worker.terminate();
    // Its statements hold the files until it is gone.
    await closed.promise;
    if (found.type === 'wrong') throw new Error(found.message);
    return found.verified;
  } finally {
    signal.removeEventListener('abort', stop);
    worker.terminate();
  }
}
