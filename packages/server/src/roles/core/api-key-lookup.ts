// [A21] API keys as they are stored now. Made-up ones cost the store a few looks a second, however many come.

import type { Clock } from '@hongyan/base/clock';
import type { ApiKeyRecord, ApiKeys } from '../../ports/access/api-keys.ts';

/** After a key that is not there the ids of those that are there are known for this long: so often a flood of made-up keys asks the store. */
const idsFreshMs = 250;

export class ApiKeyLookup {
  readonly #keys: Pick<ApiKeys, 'findKey' | 'listKeys'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** As of a key that was not found. */
  #ids: { readonly all: ReadonlySet<string>; readonly atMs: number } | undefined;

  constructor(keys: Pick<ApiKeys, 'findKey' | 'listKeys'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#keys = keys;
    this.#clock = clock;
  }

  async find(keyId: string): Promise<ApiKeyRecord | undefined> {
    const isFresh = this.#ids !== undefined && this.#clock.monotonicMs() - this.#ids.atMs < idsFreshMs;
    if (isFresh && this.#ids?.all.has(keyId) === false) return undefined;
    const record = await this.#keys.findKey(keyId);
    if (record === undefined) {
      const atMs = this.#clock.monotonicMs();
      this.#ids = { all: new Set((await this.#keys.listKeys()).map((key) => key.keyId)), atMs };
    }
    return record;
  }
}
