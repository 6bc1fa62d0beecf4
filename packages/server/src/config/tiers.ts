// Tiers of service as configuration writes them.

export interface ConfiguredTier {
  readonly name: string;
  readonly perS: number;
  readonly burst: number;
  readonly storedBytesPerDay: number;
}

/** Built in, independent of the configuration. */
const unlimitedTier = 'unlimited';

const mebibyte = 1024 * 1024;
const pattern = /^([a-z][a-z0-9_-]{0,31})=(\d+(?:\.\d+)?)\/(\d+)\/(\d+)$/;

/** `free=10/20/100,paid=100/200/1000`: requests a second, burst, MiB stored a day. Throws, saying what is wrong. */
export function parseTiers(text: string): ReadonlyMap<string, ConfiguredTier | undefined> {
  const tiers = new Map<string, ConfiguredTier | undefined>([[unlimitedTier, undefined]]);
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const [, name = '', perS, burst, mebibytes] = part.match(pattern) ?? [];
    const tier = {
      name,
      perS: Number(perS),
      burst: Number(burst),
      storedBytesPerDay: Number(mebibytes) * mebibyte,
    };
    if (name === '' || tier.perS <= 0 || tier.burst < 1 || tier.storedBytesPerDay < 1)
      throw new Error(
        `tiers must be name=requests per second/burst/MiB a day, separated by commas, for example free=10/20/100; not "${part}"`,
      );
    if (tiers.has(name))
      throw new Error(`tiers define "${name}" twice, or "${name}" is the built-in tier without limits`);
    tiers.set(name, tier);
  }
  return tiers;
}
