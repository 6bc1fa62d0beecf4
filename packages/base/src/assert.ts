// Assertions. A programmer error stops the role; it is never patched over.

/**
 * Throws when `condition` is false. `expected` states the condition, `about` the object that violates it. On a hot path `expected` MUST be
 * a constant: a template would be evaluated by every call.
 * @public
 */
export function assert(condition: unknown, expected: string, about?: string | number): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${expected}${about === undefined ? '' : ` (${about})`}`);
}

/** Ends a switch over a discriminated union: a member without a case does not compile. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
