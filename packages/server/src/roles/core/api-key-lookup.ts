// [A21] Looks API keys up in the store. A flood of invented keys causes only a few queries per second.

import type { Clock } from '@hongyan/base/clock';
import type { ApiKeyRecord, ApiKeys } from '../../ports/access/api-keys.ts';

/** After an unknown key, the set of existing ids is cached for this long. */
const idsFreshMs = 250;

export class ApiKeyLookup {
  readonly #keys: Pick<ApiKeys, 'findKey' | 'listKeys'>;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** The existing ids, read after a key was not found. */
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
