// Programmer errors stop the role: they are never patched over.

/**
 * Throws when `condition` is false; `expected` says what should have held.
 * @public
 */
export function assert(condition: unknown, expected: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${expected}`);
}

/** The end of a switch over a discriminated union: a new member that nobody handles does not compile. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
