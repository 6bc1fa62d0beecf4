// Seeds of random tests: printed, and taken from HONGYAN_SEED to run a failure again.

/** The seed from the environment, else a random one; prints it either way. */
export function testSeed(
  name: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): number {
  const given = environment.HONGYAN_SEED;
  const seed = given === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(given);
  console.log(`${name}: HONGYAN_SEED=${seed}`);
  return seed;
}

/** mulberry32: small, fast, and the same everywhere for a seed. Numbers in [0, 1). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
