// For tests on real servers: where those of tools/services are, and what belongs to one test on them. Many tests, and many runs of them,
// share one set; a test that stops, kills or pauses a server takes a set of its own (ownServices).

import { describe, test } from 'bun:test';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PartName } from './services/parts.ts';
import { ServiceSet } from './services/service-set.ts';
import { type Addresses, servicesFolder } from './services/state.ts';

/** The addresses of the parts that were asked for. */
export type AddressesOf<Name extends PartName> = Required<Pick<Addresses, Name>>;

/**
 * `describe` for tests that need these servers. Without them it is skipped and says so; with CI=true that is a failure. With
 * HONGYAN_SERVICES=none it is left to `make test`.
 */
export function describeWith<Name extends PartName>(
  needs: readonly Name[],
  title: string,
  body: (addresses: AddressesOf<Name>) => void,
): void {
  if (process.env.HONGYAN_SERVICES === 'none') return skip(title);
  const set = ServiceSet.open(servicesFolder());
  const missing = needs.filter((name) => !set?.has(name));
  if (set !== undefined && missing.length === 0) {
    describe(title, () => body(set.addresses as AddressesOf<Name>));
    return;
  }
  const why = `${title}: ${missing.join(', ')} not up in ${servicesFolder()}; run tools/services up`;
  if (process.env.CI === 'true') throw new Error(why);
  console.warn(`SKIPPED: ${why}`);
  skip(title);
}

/** The body is not run, which may use the addresses. */
const skip = (title: string): void => describe.skip(title, () => test('on real servers', () => {}));

const own = new Set<ServiceSet>();

process.on('exit', () => {
  for (const set of own) set.killAll();
});

/** A set for one test, which may break it; `set.down()` at its end. */
export async function ownServices(options: {
  readonly parts: readonly PartName[];
  readonly brokers?: number;
  readonly fronts?: number;
}): Promise<ServiceSet> {
  const folder = await mkdtemp(join(tmpdir(), 'hongyan-services-'));
  const { set, missing } = await ServiceSet.up({ folder, ...options });
  own.add(set);
  if (missing.length === 0) return set;
  await set.down();
  throw new Error(`not all servers could be started:\n${missing.join('\n')}`);
}
