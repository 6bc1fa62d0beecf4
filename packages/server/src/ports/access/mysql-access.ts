// The access store of a cluster, on the MySQL protocol. It caches nothing, so that a key or token that one process revoked is revoked for
// all processes at once.

import type { Clock } from '@hongyan/base/clock';
import type { Random } from '@hongyan/base/random';
import type { UserId } from '@hongyan/protocol/ids';
import { migrateDatabase } from '../../adapters/mysql/migrate.ts';
import type { MysqlOptions } from '../../adapters/mysql/options.ts';
import { MysqlPool } from '../../adapters/mysql/pool.ts';
import type { Access } from './access.ts';
import { KeyRows } from './mysql/key-rows.ts';
import { RevocationRows } from './mysql/revocation-rows.ts';
import { accessLayout } from './mysql/schema.ts';
import { TokenRows } from './mysql/token-rows.ts';

export interface MysqlAccessOptions {
  /** A database that no other store shares. */
  readonly mysql: MysqlOptions;
  /** The maximum number of revocations. Further ones return `full`. */
  readonly revocationsMax: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** Connects and migrates the tables. */
export async function openMysqlAccess({ mysql, revocationsMax, clock, random }: MysqlAccessOptions): Promise<Access> {
  const pool = await MysqlPool.open(mysql, { clock, random });
  try {
    await migrateDatabase(pool, accessLayout);
    return new MysqlAccess(pool, revocationsMax);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

type Request<Method extends keyof Access> = Parameters<Access[Method]>[0];

class MysqlAccess implements Access {
  readonly #pool: MysqlPool;
  readonly #keys: KeyRows;
  readonly #revocations: RevocationRows;
  readonly #tokens: TokenRows;

  constructor(pool: MysqlPool, revocationsMax: number) {
    this.#pool = pool;
    this.#keys = new KeyRows(pool);
    this.#revocations = new RevocationRows(pool, revocationsMax);
    this.#tokens = new TokenRows(pool);
  }

  findKey(keyId: string) {
    return this.#keys.find(keyId);
  }

  listKeys() {
    return this.#keys.list();
  }

  createKey(key: Request<'createKey'>) {
    return this.#keys.create(key);
  }

  revokeKey(keyId: string) {
    return this.#keys.revoke(keyId);
  }

  touchKey(use: Request<'touchKey'>) {
    return this.#keys.touch(use);
  }

  async revoke(revocations: Request<'revoke'>) {
    return revocations.length === 0 ? 'revoked' : this.#revocations.revoke(revocations);
  }

  revocations(page: Request<'revocations'>) {
    return this.#revocations.page(page);
  }

  issuedBefore(userId: UserId) {
    return this.#revocations.issuedBefore(userId);
  }

  recordUse(use: Request<'recordUse'>) {
    return this.#tokens.note(use);
  }

  signedIn(user: Request<'signedIn'>) {
    return this.#tokens.signedIn(user);
  }

  tokensOf(device: Request<'tokensOf'>) {
    return this.#tokens.tokensOf(device);
  }

  devicesOf(tokenId: string) {
    return this.#tokens.devicesOf(tokenId);
  }

  async forgetExpired(request: Request<'forgetExpired'>) {
    return (await this.#revocations.forget(request)) + (await this.#tokens.forget(request));
  }

  close() {
    return this.#pool.close();
  }
}
