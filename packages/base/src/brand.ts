// Nominal types over primitives, so that one kind of id cannot be used as another.

declare const brand: unique symbol;

/** A `T` that only a parser or an explicit cast may produce. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
