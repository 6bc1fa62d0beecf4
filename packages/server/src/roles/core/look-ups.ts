// Look-ups for many commands at once.

/** Look-ups of one batch share the database connections with all other requests. */
const concurrentMax = 20;

/** Calls `lookUp` for each item, at most 20 at a time. Results are in the order of the items. */
export async function lookUpEach<T, R>(
  items: readonly T[],
  lookUp: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += concurrentMax) {
    const slice = items.slice(from, from + concurrentMax);
    results.push(...(await Promise.all(slice.map((item, index) => lookUp(item, from + index)))));
  }
  return results;
}
