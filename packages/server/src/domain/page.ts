// How much goes into one answer: more than a connection may have unsent would close it, and the next one likewise [D8].

/** How many of `items`, from the first on, fit into `bytesMax`. The first one always does: a page is never empty for its size. */
export function fittingCount<T>(items: readonly T[], bytesOf: (item: T) => number, bytesMax: number): number {
  let total = 0;
  for (const [index, item] of items.entries()) {
    total += bytesOf(item);
    if (index > 0 && total > bytesMax) return index;
  }
  return items.length;
}
