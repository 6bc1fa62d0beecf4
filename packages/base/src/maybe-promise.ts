// A result that is usually available at once and sometimes only later. On the path of every message the usual case must cost neither
// a promise nor a turn of the microtask queue.

export type MaybePromise<T> = T | Promise<T>;

/**
 * Calls `next` with the value: at once when it is available, else when its promise resolves. Further arguments of `next` are
 * passed separately, because a closure over them would be allocated on every call.
 */
export function andThen<T, A, R>(value: MaybePromise<T>, next: (value: T, a: A) => R, a: A): R | Promise<Awaited<R>>;
export function andThen<T, A, B, R>(
  value: MaybePromise<T>,
  next: (value: T, a: A, b: B) => R,
  a: A,
  b: B,
): R | Promise<Awaited<R>>;
export function andThen<T, A, B, R>(
  value: MaybePromise<T>,
  next: (value: T, a: A, b?: B) => R,
  a: A,
  b?: B,
): R | Promise<Awaited<R>> {
  return value instanceof Promise ? onceResolved(value, next, a, b) : next(value, a, b);
}

/** Apart from `andThen`, because a function that contains a closure allocates its scope on entry. */
function onceResolved<T, A, B, R>(
  promise: Promise<T>,
  next: (value: T, a: A, b?: B) => R,
  a: A,
  b?: B,
): Promise<Awaited<R>> {
  return promise.then((value) => next(value, a, b)) as Promise<Awaited<R>>;
}
