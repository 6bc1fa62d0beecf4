// The path and query of a request. The runtime's URL begins with the Host header, which may be anything, and omits it when it is clearly
// not a host. Parsing the whole URL would fail for a fault that is not in the path.

/** Path and query. */
export function targetOf(url: string): string {
  if (url.startsWith('/')) return url;
  const start = url.indexOf('/', url.indexOf('://') + 3);
  return start < 0 ? '/' : url.slice(start);
}

/** The path alone. */
export function pathOf(url: string): string {
  const target = targetOf(url);
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** The first of `names` with more than one value. Such a request is refused, because all values but one would be ignored. */
export const repeatedIn = (query: URLSearchParams, names: Iterable<string> = query.keys()): string | undefined =>
  [...names].find((name) => query.getAll(name).length > 1);

/** Path and query as a URL with a placeholder as host. */
export const targetUrl = (url: string): URL => new URL(`http://server${targetOf(url)}`);
