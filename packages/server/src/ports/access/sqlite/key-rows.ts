// The reads and writes of API keys.

import type { Database } from 'bun:sqlite';
import { type ApiKeyRow, apiKeyColumns, toApiKey } from '../api-key-row.ts';
import { type ApiKeyRecord, apiKeysMax } from '../api-keys.ts';
import type { ResultOf, ValueOf } from './ops.ts';

export class KeyReads {
  readonly #statements: ReturnType<typeof prepareReads>;

  constructor(db: Database) {
    this.#statements = prepareReads(db);
  }

  find(keyId: string): ApiKeyRecord | undefined {
    const row = this.#statements.find.get(keyId);
    return row === null ? undefined : toApiKey(row);
  }

  list(): readonly ApiKeyRecord[] {
    return this.#statements.list.all().map(toApiKey);
  }
}

export class KeyWrites {
  readonly #statements: ReturnType<typeof prepareWrites>;

  constructor(db: Database) {
    this.#statements = prepareWrites(db);
  }

  create({ keyId, name, scopes, secretHash, createdAtMs }: ValueOf<'createKey'>): ResultOf<'createKey'> {
    const { count } = this.#statements.count.get() ?? { count: 0 };
    if (count >= apiKeysMax) return 'full';
    const { changes } = this.#statements.create.run(keyId, name, scopes.join(' '), secretHash, createdAtMs);
    return changes > 0 ? 'created' : 'taken';
  }

  revoke(keyId: string): boolean {
    return this.#statements.revoke.run(keyId).changes > 0;
  }

  touch({ keyId, atMs }: ValueOf<'touchKey'>): void {
    this.#statements.touch.run(atMs, keyId);
  }
}

const prepareReads = (db: Database) => ({
  find: db.prepare<ApiKeyRow, [string]>(`SELECT ${apiKeyColumns} FROM api_key WHERE id = ?`),
  list: db.prepare<ApiKeyRow, []>(`SELECT ${apiKeyColumns} FROM api_key ORDER BY no`),
});

const prepareWrites = (db: Database) => ({
  count: db.prepare<{ count: number }, []>('SELECT count(*) AS count FROM api_key'),
  create: db.prepare<unknown, [string, string, string, string, number]>(
    `INSERT INTO api_key(id, name, scopes, secret_hash, created_at) VALUES(?, ?, ?, ?, ?) ON CONFLICT(id) DO NOTHING`,
  ),
  revoke: db.prepare<unknown, [string]>('DELETE FROM api_key WHERE id = ?'),
  touch: db.prepare<unknown, [number, string]>(
    'UPDATE api_key SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?',
  ),
});
