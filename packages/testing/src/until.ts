// For tests: waits for what can be observed, never for a time.

const lookEveryMs = 5;

/** Resolves once `isTrue` gives true; rejects after `withinMs` and names what was waited for, by default the condition's source. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
  { withinMs = 10_000, what }: { readonly withinMs?: number; readonly what?: string } = {},
): Promise<void> {
  const deadlineMs = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > deadlineMs) throw new Error(`not within ${withinMs} ms: ${what ?? isTrue}`);
    await new Promise<void>((resolve) => {
      setTimeout(resolve, lookEveryMs);
    });
  }
}
