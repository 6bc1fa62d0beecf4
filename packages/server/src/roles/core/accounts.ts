// Accounts: sign-up and login. Passwords are kept as argon2id hashes.

import { availableParallelism } from 'node:os';
import type { UserId } from '@hongyan/protocol/ids';
import type { Core, Outcome } from '../../ports/core/core.ts';
import type { CoreDeps } from './deps.ts';
import { ok, refused } from './outcome.ts';

type Account = { readonly userId: UserId; readonly displayName: string };

/** OWASP's second recommendation for argon2id: 19 MiB, 2 passes. */
const argon2id = { algorithm: 'argon2id', memoryCost: 19_456, timeCost: 2 } as const;

/** Hashing is costly on purpose, so no more than this run or wait at once; others are told to come back. */
const hashesInFlightMax = 64;

/** The runtime's threads also check the signatures of tokens and read files: hashing leaves one to them. */
const hashesAtOnceMax = Math.max(1, availableParallelism() - 1);

export function createAccounts({
  directory,
  clock,
}: Pick<CoreDeps, 'directory' | 'clock'>): Pick<Core, 'signup' | 'login' | 'getUser' | 'searchUsers'> {
  let inFlight = 0;
  let hashing = 0;
  const waiting: (() => void)[] = [];
  let decoy: Promise<string> | undefined;

  async function bounded<T>(work: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
    if (inFlight >= hashesInFlightMax) return refused('overloaded', 'too many logins at once');
    inFlight++;
    try {
      return await work();
    } finally {
      inFlight--;
    }
  }

  async function inTurn<T>(hash: () => Promise<T>): Promise<T> {
    if (hashing < hashesAtOnceMax) hashing++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await hash();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else hashing--;
    }
  }

  return {
    signup({ userId, password, displayName = userId }) {
      return bounded<Account>(async () => {
        if (await directory.getUser(userId)) return refused('conflict', `the user id ${userId} is taken`);
        const passwordHash = await inTurn(() => hashPassword(password));
        const isCreated = await directory.createUser({ userId, displayName, createdAtMs: clock.nowMs(), passwordHash });
        return isCreated ? ok({ userId, displayName }) : refused('conflict', `the user id ${userId} is taken`);
      });
    },
    login({ userId, password }) {
      return bounded<Account>(async () => {
        const user = await directory.getUser(userId);
        // An unknown user costs as much as a wrong password, so that time does not tell which ids exist.
        decoy ??= inTurn(() => hashPassword('decoy'));
        const hash = (user && (await directory.getPasswordHash(userId))) ?? (await decoy);
        const isRight = await inTurn(() => Bun.password.verify(password, hash));
        return user && isRight
          ? ok({ userId, displayName: user.displayName })
          : refused('unauthorized', 'wrong user id or password');
      });
    },
    async getUser(userId) {
      const user = await directory.getUser(userId);
      return user ? ok({ userId, displayName: user.displayName }) : refused('not_found', `there is no user ${userId}`);
    },
    async searchUsers(request) {
      const users = await directory.searchUsers(request);
      return users.map(({ userId, displayName }) => ({ userId, displayName }));
    },
  };
}

const hashPassword = (password: string): Promise<string> => Bun.password.hash(password, argon2id);
