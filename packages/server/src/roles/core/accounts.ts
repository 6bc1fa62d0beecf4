// Accounts: sign-up, login and profiles. Passwords are stored as argon2id hashes.

import { availableParallelism } from 'node:os';
import { FairTurns } from '@hongyan/base/fair-turns';
import { ok } from '@hongyan/base/result';
import { isSystemUser, type UserId } from '@hongyan/protocol/ids';
import type { AuthResult } from '@hongyan/protocol/operations/accounts';
import type { Input, Output } from '@hongyan/protocol/operations/operations';
import { onceStored, type Result, refusal } from '@hongyan/protocol/refusals';
import type { User } from '@hongyan/protocol/user';
import { checkDisplayName } from '../../domain/names.ts';
import { checkNewPassword, preparePassword } from '../../domain/password.ts';
import type { AnonymousCaller, Caller } from '../../ports/core/core.ts';
import type { UserRecord } from '../../ports/directory/users.ts';
import type { SignOptions } from '../../ports/tokens/tokens.ts';
import type { CoreDeps } from './deps.ts';
import { LoginLimits } from './login-limits.ts';

type Deps = Pick<
  CoreDeps,
  'access' | 'directory' | 'tokens' | 'clock' | 'limits' | 'rateLimiter' | 'isSignupEnabled' | 'mayIssuerCreate'
>;

/** OWASP's second recommendation for argon2id: 19 MiB, 2 passes. */
const argon2id = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const;

/** Hashes that wait; further requests fail as overloaded. Hashing is expensive by design. */
const waitingMax = 256;
/** Waiting hashes per account and address; more of them are guesses. */
const waitingPerKeyMax = 4;
/** One thread of the runtime stays free: threads also verify tokens and read files. */
const hashesAtOnceMax = Math.max(1, availableParallelism() - 1);

const searchLimitDefault = 20;

export class Accounts {
  readonly #deps: Deps;
  /** Accounts take turns: a flood of guesses against one account does not block the others. */
  readonly #hashing: FairTurns<string>;
  readonly #attempts: LoginLimits;
  readonly #onIssued: (issuedAtMs: number) => void;
  #decoy: Promise<string> | undefined;

  constructor(deps: Deps, { onIssued }: { readonly onIssued: (issuedAtMs: number) => void }) {
    this.#deps = deps;
    this.#onIssued = onIssued;
    const { clock, rateLimiter } = deps;
    this.#attempts = new LoginLimits({
      limiter: rateLimiter,
      get loginsPerMinute() {
        return deps.limits.addressLoginsPerMinute;
      },
      get signupsPerHour() {
        return deps.limits.addressSignupsPerHour;
      },
    });
    this.#hashing = new FairTurns({ clock, runningMax: hashesAtOnceMax, waitingPerKeyMax, waitingMax });
  }

  async signup(caller: AnonymousCaller, input: Input<'signup'>): Promise<Result<AuthResult>> {
    const { directory, clock, isSignupEnabled } = this.#deps;
    if (!isSignupEnabled) return refusal.signupDisabled();
    const { user_id: userId } = input;
    if (isSystemUser(userId)) return refusal.reservedUserId();
    const name = checkDisplayName(input.display_name ?? userId);
    if (name.type !== 'ok') return name;
    const password = checkNewPassword(input.password, userId);
    if (password.type !== 'ok') return password;
    if ((await directory.getUsers([userId])).has(userId)) return refusal.taken(`the user id ${userId}`);
    const allowed = await this.#attempts.signup(caller);
    if (allowed.type !== 'ok') return allowed;
    const passwordHash = await this.#hashing.run(keyOf(caller, userId), () => hashPassword(password.value));
    const user = { userId, displayName: name.value, createdAtMs: clock.nowMs() };
    const isCreated = await directory.createUser({ ...user, passwordHash });
    return isCreated ? onceStored(this.grant(user)) : refusal.taken(`the user id ${userId}`);
  }

  /** An unknown user takes as long as a wrong password, so that the response time does not reveal which ids exist. */
  async login(caller: AnonymousCaller, { user_id: userId, password }: Input<'login'>): Promise<Result<AuthResult>> {
    const { directory } = this.#deps;
    const allowed = await this.#attempts.login(caller, userId);
    if (allowed.type !== 'ok') return allowed;
    const user = (await directory.getUsers([userId])).get(userId);
    const stored = user && (await directory.getPasswordHash(user.userId));
    const isRight = await this.#hashing.run(keyOf(caller, userId), async () =>
      verifies(password, stored ?? (await this.#decoyHash())),
    );
    if (user === undefined || stored === undefined || !isRight || isSystemUser(userId))
      return refusal.wrongCredentials();
    if (user.isDisabled === true) return refusal.disabledAccount();
    this.#attempts.succeeded(caller, userId);
    return this.grant(user);
  }

  /** [A4] Admits a user authenticated by an issuer, and returns the stored id. Such a user has no password here. */
  async admit({
    userId,
    displayName,
  }: {
    readonly userId: UserId;
    readonly displayName?: string;
  }): Promise<Result<UserId>> {
    const { directory, clock, mayIssuerCreate } = this.#deps;
    if (isSystemUser(userId)) return refusal.badToken();
    const known = (await directory.getUsers([userId])).get(userId);
    if (known?.isDisabled === true) return refusal.disabledAccount();
    if (known !== undefined) return ok(known.userId);
    if (!mayIssuerCreate) return refusal.noAccount(userId);
    const name = checkDisplayName(displayName ?? userId);
    const user = { userId, displayName: name.type === 'ok' ? name.value : userId, createdAtMs: clock.nowMs() };
    // A concurrent request may have created the user in another spelling.
    if (await directory.createUser(user)) return ok(userId);
    return ok((await directory.getUsers([userId])).get(userId)?.userId ?? userId);
  }

  async getUser(userId: UserId): Promise<Result<User>> {
    const user = (await this.#deps.directory.getUsers([userId])).get(userId);
    return user ? ok(toUser(user)) : refusal.noSuch(`user ${userId}`);
  }

  async search(_caller: Caller, { query, limit }: Input<'searchUsers'>): Promise<Result<Output<'searchUsers'>>> {
    const { directory, limits } = this.#deps;
    const found = await directory.searchUsers({ query, limit: Math.min(limit ?? searchLimitDefault, limits.pageMax) });
    return ok({ users: found.map(toUser) });
  }

  /** Issues an access token to the user. */
  async grant(user: UserRecord, more: Pick<SignOptions, 'tier' | 'ttlS'> = {}): Promise<Result<AuthResult>> {
    const { access, directory, tokens } = this.#deps;
    const issuedFromMs = await access.issuedBefore(user.userId);
    const { accessToken, expiresInS, issuedAtMs } = await tokens.sign(user.userId, { ...more, issuedFromMs });
    this.#onIssued(issuedAtMs);
    // [A25] Checked after signing: a user who is disabled later has this token revoked with all others.
    const current = (await directory.getUsers([user.userId])).get(user.userId);
    if (current?.isDisabled === true) return refusal.disabledAccount();
    return ok({ access_token: accessToken, token_type: 'Bearer', expires_in: expiresInS, user: toUser(user) });
  }

  /** Computed once; a failed computation is repeated. */
  #decoyHash(): Promise<string> {
    this.#decoy ??= hashPassword('decoy').catch((error: unknown) => {
      this.#decoy = undefined;
      throw error;
    });
    return this.#decoy;
  }
}

export const hashPassword = (password: string): Promise<string> => Bun.password.hash(password, argon2id);

/** Older hashes are of passwords that were not normalised: they match the password as typed. */
async function verifies(password: string, hash: string): Promise<boolean> {
  const prepared = preparePassword(password);
  if (prepared !== undefined && (await Bun.password.verify(prepared, hash))) return true;
  return prepared !== password && password !== '' && Bun.password.verify(password, hash);
}

const keyOf = ({ address }: AnonymousCaller, userId: UserId): string => `${address}|${userId.toLowerCase()}`;

const toUser = ({ userId, displayName }: UserRecord): User => ({ user_id: userId, display_name: displayName });
