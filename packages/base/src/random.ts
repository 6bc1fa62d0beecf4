// Randomness that spreads load, passed in like time, so that tests own it. Not for secrets: those come from crypto.

/** 0 ≤ x < 1, evenly. */
export type Random = () => number;

/** More than half of the time, up to all of it: what was kept at one moment does not end at one moment. */
export const spreadMs = (ms: number, random: Random): number => Math.ceil(ms * (1 - random() / 2));

export const systemRandom: Random = () => Math.random();
