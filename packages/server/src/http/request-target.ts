// What a request asks for, as its first line says it. The runtime puts the Host header before it, which may be anything, and leaves it
// out where it sees that it is no host: parsing the two together would fail for a fault that is not in the path.

/** With its query. */
export function targetOf(url: string): string {
  if (url.startsWith('/')) return url;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start < 0 ? '/' : url.slice(start);
}

/** Without its query. */
export function pathOf(url: string): string {
  const target = targetOf(url);
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** The first of `names` that has more than one value: all but one would be dropped unseen. */
export const repeatedIn = (query: URLSearchParams, names: Iterable<string> = query.keys()): string | undefined =>
  [...names].find((name) => query.getAll(name).length > 1);

/** Path and query as a URL has them; its host says nothing. */
export const targetUrl = (url: string): URL => new URL(`http://server${targetOf(url)}`);
