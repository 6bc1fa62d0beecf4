// Finds the target of a path, at a cost that does not grow with the number of routes: bench/routing.ts compares routers.

import { addRoute, createRouter, findRoute } from 'rou3';

export interface RouteMatch<Target> {
  readonly target: Target;
  /** Decoded; a value that cannot be decoded is returned as it was sent. */
  readonly params: Readonly<Record<string, string>>;
}

/** The target decides by method: a known path with another method is answered 405, not 404. */
const anyMethod = '';

export class Routes<Target> {
  readonly #router = createRouter<Target>();

  /** Parameters are in braces: /v1/users/{user_id}. */
  constructor(targets: ReadonlyMap<string, Target>) {
    for (const [path, target] of targets) addRoute(this.#router, anyMethod, path.replace(/\{(\w+)\}/g, ':$1'), target);
  }

  /** `path` is not decoded. No route ends with a slash. */
  find(path: string): RouteMatch<Target> | undefined {
    if (path.endsWith('/')) return undefined;
    const match = findRoute(this.#router, anyMethod, path);
    if (match === undefined) return undefined;
    const { data: target, params = {} } = match;
    const decoded: Record<string, string> = {};
    for (const [name, value] of Object.entries(params)) {
      if (value === '') return undefined;
      decoded[name] = value.includes('%') ? decode(value) : value;
    }
    return { target, params: decoded };
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // URIError: the reader of the input refuses the request with the address.
    return text;
  }
}
