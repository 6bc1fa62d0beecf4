// The reads and writes of API keys.

import { insertNew } from '../../../adapters/mysql/insert-new.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import { type ApiKeyRow, apiKeyColumns, toApiKey } from '../api-key-row.ts';
import { type ApiKeyRecord, type ApiKeys, apiKeysMax, type NewApiKey } from '../api-keys.ts';
import { lockNumbers, saveNumbers } from './numbers.ts';

export class KeyRows {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async find(keyId: string): Promise<ApiKeyRecord | undefined> {
    const [row] = await this.#pool.read<ApiKeyRow>(`select ${apiKeyColumns} from api_key where id = ?`, [keyId]);
    return row && toApiKey(row);
  }

  async list(): Promise<readonly ApiKeyRecord[]> {
    return (await this.#pool.read<ApiKeyRow>(`select ${apiKeyColumns} from api_key order by no`)).map(toApiKey);
  }

  create({ keyId, name, scopes, secretHash, createdAtMs }: NewApiKey): ReturnType<ApiKeys['createKey']> {
    return this.#pool.transaction(async (db) => {
      const { next, held } = await lockNumbers(db, 'api_key');
      if (held >= apiKeysMax) return 'full';
      const into = 'api_key (id, no, name, scopes, secret_hash, created_at)';
      const row = [keyId, next, name, scopes.join(' '), secretHash, createdAtMs];
      if (!(await insertNew(db, { into, row }))) return 'taken';
      await saveNumbers(db, 'api_key', { next: next + 1, held: held + 1 });
      return 'created';
    });
  }

  revoke(keyId: string): Promise<boolean> {
    return this.#pool.transaction(async (db) => {
      const numbers = await lockNumbers(db, 'api_key');
      if ((await db.run('delete from api_key where id = ?', [keyId])) === 0) return false;
      await saveNumbers(db, 'api_key', { ...numbers, held: numbers.held - 1 });
      return true;
    });
  }

  async touch({ keyId, atMs }: Parameters<ApiKeys['touchKey']>[0]): Promise<void> {
    const sql = 'update api_key set last_used_at = greatest(coalesce(last_used_at, 0), ?) where id = ?';
    await this.#pool.write(sql, [atMs, keyId]);
  }
}
