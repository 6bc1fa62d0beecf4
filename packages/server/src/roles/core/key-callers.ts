// Identifies callers with an API key: checks the key, and finds the user on whose behalf it calls.

import type { Clock } from '@hongyan/base/clock';
import { ok } from '@hongyan/base/result';
import { systemUserId, type UserId } from '@hongyan/protocol/ids';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { isSecretOf, parseApiKey } from '../../domain/api-key.ts';
import type { KeyIdentity } from '../../ports/core/core.ts';
import type { ApiKeyLookup } from './api-key-lookup.ts';
import type { CoreDeps } from './deps.ts';

type Deps = Pick<CoreDeps, 'access' | 'directory' | 'log'> & { readonly clock: Pick<Clock, 'nowMs'> };

/** [A22] Precision of the stored time of last use. */
const useStepMs = 60_000;

export class KeyCallers {
  readonly #deps: Deps;
  readonly #keys: ApiKeyLookup;
  /** When each key's use was last stored. Bounded by the number of keys. */
  readonly #touchedAtMs = new Map<string, number>();
  #systemExists = false;

  constructor(deps: Deps, keys: ApiKeyLookup) {
    this.#deps = deps;
    this.#keys = keys;
  }

  /** [A20, A21, A23] */
  async identify({
    key,
    asUser,
  }: {
    readonly key: string;
    readonly asUser?: UserId | undefined;
  }): Promise<Result<KeyIdentity>> {
    const given = parseApiKey(key);
    const record = given && (await this.#keys.find(given.keyId));
    if (!given || !record || !isSecretOf(record.secretHash, given.secret)) return refusal.badApiKey();
    const { keyId, scopes } = record;
    this.#touch(keyId, record.lastUsedAtMs ?? 0);
    const userId = await this.#user(asUser);
    return userId.type === 'ok' ? ok({ keyId, scopes, userId: userId.value }) : userId;
  }

  async #user(asUser: UserId | undefined): Promise<Result<UserId>> {
    if (asUser === undefined || asUser === systemUserId) return ok(await this.#system());
    const user = (await this.#deps.directory.getUsers([asUser])).get(asUser);
    if (user === undefined) return refusal.noSuch(`user ${asUser}`);
    return user.isDisabled === true ? refusal.disabledUser(asUser) : ok(user.userId);
  }

  /** Creates the account of the system, so that clients can look up its name. */
  async #system(): Promise<UserId> {
    const { directory, clock } = this.#deps;
    if (!this.#systemExists)
      await directory.createUser({ userId: systemUserId, displayName: 'System', createdAtMs: clock.nowMs() });
    this.#systemExists = true;
    return systemUserId;
  }

  #touch(keyId: string, storedAtMs: number): void {
    const { access, clock, log } = this.#deps;
    const nowMs = clock.nowMs();
    if (nowMs - Math.max(storedAtMs, this.#touchedAtMs.get(keyId) ?? 0) < useStepMs) return;
    this.#touchedAtMs.set(keyId, nowMs);
    access
      .touchKey({ keyId, atMs: nowMs })
      .catch((error: unknown) => log.warn('use of an API key not stored', { keyId, error }));
  }
}
