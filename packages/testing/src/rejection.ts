// For tests: what a promise was rejected with, as a value.

/**
 * What `promise` rejects with; undefined when it resolves. Not `expect(promise).rejects`: that waits inside the matcher,
 * where an answer of a worker thread does not always come in.
 */
export function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
