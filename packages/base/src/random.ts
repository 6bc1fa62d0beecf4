// The port for randomness that spreads load; tests control it. Secrets come from crypto instead.

/** Uniform, 0 ≤ x < 1. */
export type Random = () => number;

/** A random time of more than half of `ms`, at most `ms`: entries that were cached together do not expire together. */
export const spreadMs = (ms: number, random: Random): number => Math.ceil(ms * (1 - random() / 2));

export const systemRandom: Random = () => Math.random();
