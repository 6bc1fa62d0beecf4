// Limits the size of a response: a larger one than a connection's backlog limit would close the connection, again after each reconnect [D8].

/** How many of the first items fit into `bytesMax`. The first item always fits, so that a page is never empty. */
export function fittingCount<T>(items: readonly T[], bytesOf: (item: T) => number, bytesMax: number): number {
  let total = 0;
  for (const [index, item] of items.entries()) {
    total += bytesOf(item);
    if (index > 0 && total > bytesMax) return index;
  }
  return items.length;
}
