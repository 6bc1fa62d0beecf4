// Operations of back ends with an API key: tokens and accounts for their users.

import { ok } from '@hongyan/base/result';
import { isSystemUser, type UserId } from '@hongyan/protocol/ids';
import type { AuthResult } from '@hongyan/protocol/operations/accounts';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { type Result, refusal } from '@hongyan/protocol/refusals';
import { checkDisplayName } from '../../domain/names.ts';
import type { UserRecord } from '../../ports/directory/users.ts';
import type { Accounts } from './accounts.ts';
import type { CoreDeps } from './deps.ts';
import type { SignOuts } from './sign-outs.ts';

type Deps = Pick<CoreDeps, 'directory' | 'clock' | 'tokenTtlS' | 'tiers'>;

export class BackEnd {
  readonly #deps: Deps;
  readonly #accounts: Accounts;
  readonly #signOuts: SignOuts;

  constructor(deps: Deps, parts: { readonly accounts: Accounts; readonly signOuts: SignOuts }) {
    this.#deps = deps;
    this.#accounts = parts.accounts;
    this.#signOuts = parts.signOuts;
  }

  /** [A24] */
  async mintToken(input: Input<'mintToken'>): Promise<Result<AuthResult>> {
    const { user_id: userId, display_name: displayName, tier, ttl_s: ttlS, create = false } = input;
    const { tokenTtlS, tiers } = this.#deps;
    if (ttlS !== undefined && ttlS > tokenTtlS) return refusal.lifeTooLong(tokenTtlS);
    const checked = tiers.check(tier);
    if (checked.type !== 'ok') return checked;
    const user = create ? await this.#create(userId, displayName) : await this.#find(userId);
    if (user.type !== 'ok') return user;
    if (user.value.isDisabled === true) return refusal.disabledUser(userId);
    return this.#accounts.grant(user.value, { tier, ttlS });
  }

  /** [A25] */
  async putUser(input: Input<'putUser'>): Promise<Result<Output<'putUser'>>> {
    const { directory, tiers } = this.#deps;
    const { user_id: givenId, display_name: displayName, disabled, tier } = input;
    const checked = tiers.check(tier);
    if (checked.type !== 'ok') return checked;
    const isKnown = (await directory.getUsers([givenId])).has(givenId);
    const made = await this.#create(givenId, displayName);
    if (made.type !== 'ok') return made;
    const { userId } = made.value;
    if (tier !== undefined) {
      const set = await tiers.set(userId, tier);
      if (set.type !== 'ok') return set;
    }
    const name = displayName === undefined ? undefined : checkDisplayName(displayName);
    if (name && name.type !== 'ok') return name;
    await directory.updateUser({ userId, displayName: name?.value, isDisabled: disabled });
    // Disabled before the sign-out, so that the user cannot log in between.
    const signedOut = disabled === true ? await this.#signOuts.logoutAll({ userId }) : ok(undefined);
    if (signedOut.type !== 'ok') return signedOut;
    const user = await this.#find(userId);
    if (user.type !== 'ok') return user;
    const { displayName: display_name, isDisabled = false } = user.value;
    return ok({ user_id: userId, display_name, disabled: isDisabled, created: !isKnown });
  }

  async #find(userId: UserId): Promise<Result<UserRecord>> {
    if (isSystemUser(userId)) return refusal.reservedUserId();
    const user = (await this.#deps.directory.getUsers([userId])).get(userId);
    return user === undefined ? refusal.noSuch(`user ${userId}`) : ok(user);
  }

  /** Creates the user without a password, because users log in to the application. An existing user stays unchanged. */
  async #create(userId: UserId, displayName = userId as string): Promise<Result<UserRecord>> {
    const name = checkDisplayName(displayName);
    if (name.type !== 'ok') return name;
    if (isSystemUser(userId)) return refusal.reservedUserId();
    await this.#deps.directory.createUser({ userId, displayName: name.value, createdAtMs: this.#deps.clock.nowMs() });
    return this.#find(userId);
  }
}
