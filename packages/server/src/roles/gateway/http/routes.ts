// From a path to what answers it, at a cost that does not grow with the number of routes: bench/routing.ts compares routers.

import { addRoute, createRouter, findRoute } from 'rou3';

export interface RouteMatch<Target> {
  readonly target: Target;
  /** Decoded; what cannot be decoded stays as it was sent. */
  readonly params: Readonly<Record<string, string>>;
}

/** Methods are the target's: a path that is known by another method is not one that is unknown. */
const anyMethod = '';

export class Routes<Target> {
  readonly #router = createRouter<Target>();

  /** Paths with parameters in braces: /v1/users/{user_id}. */
  constructor(targets: ReadonlyMap<string, Target>) {
    for (const [path, target] of targets) addRoute(this.#router, anyMethod, path.replace(/\{(\w+)\}/g, ':$1'), target);
  }

  /** `path` as it was sent. A slash at its end makes it another one, that nothing has. */
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
    // URIError: whoever reads the input refuses it, with the address.
    return text;
  }
}
