// Programmer errors stop the role: they are never patched over.

/**
 * Throws when `condition` is false; `expected` says what should have held, and `about` of what. On a hot path `expected` is a
 * constant: a template would be filled in by every call, thrown or not.
 * @public
 */
export function assert(condition: unknown, expected: string, about?: string | number): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${expected}${about === undefined ? '' : ` (${about})`}`);
}

/** The end of a switch over a discriminated union: a new member that nobody handles does not compile. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
