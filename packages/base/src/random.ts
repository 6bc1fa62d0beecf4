// Randomness that spreads load, passed in like time, so that tests own it. Not for secrets: those come from crypto.

/** 0 ≤ x < 1, evenly. */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();
