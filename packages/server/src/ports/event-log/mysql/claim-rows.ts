// Claims of jobs as rows, with the time of the database, which all processes share.

import { insertRows } from '../../../adapters/mysql/insert.ts';
import type { MysqlPool } from '../../../adapters/mysql/pool.ts';
import type { Statements } from '../../../adapters/mysql/session.ts';
import { utcNowMs } from '../../../adapters/mysql/utc-time.ts';
import { type Claim, type Claims, workerPrefix } from '../claims.ts';

/** The time after which rows of dead workers are deleted, because each run of a process creates one. */
const workerKeptMs = 3_600_000;

export class ClaimRows implements Claims {
  readonly #pool: MysqlPool;

  constructor(pool: MysqlPool) {
    this.#pool = pool;
  }

  async claim({ jobs, limit, ttlMs }: Parameters<Claims['claim']>[0]): Promise<readonly Claim[]> {
    if (jobs.length === 0 || limit < 1) return [];
    // Usually other processes hold all jobs. This check locks nothing.
    const held = await this.#pool.read<{ job: string }>(
      `select job from claim where job in (?) and until_ms > ${utcNowMs}`,
      [[...jobs]],
    );
    const isHeld = new Set(held.map(({ job }) => job));
    const free = jobs.filter((job) => !isHeld.has(job)).sort();
    if (free.length === 0) return [];
    return this.#pool.transaction(async (statements) => {
      const rows = free.map((job) => [job, 0, 0]);
      const insert = { into: 'claim (job, epoch, until_ms)', rows, onDuplicate: 'on duplicate key update job = job' };
      await insertRows(statements, insert, this.#pool.statementBytesMax);
      const claimed = await statements.rows<Claim>(
        `select job, epoch + 1 epoch from claim where job in (?) and until_ms <= ${utcNowMs} order by job limit ? for update`,
        [free, limit],
      );
      const taken = claimed.map(({ job }) => job);
      if (taken.length > 0)
        await statements.run(`update claim set epoch = epoch + 1, until_ms = ${utcNowMs} + ? where job in (?)`, [
          ttlMs,
          taken,
        ]);
      if (taken.some((job) => job.startsWith(workerPrefix))) await removeGoneWorkers(statements);
      return claimed.map(({ job, epoch }) => ({ job, epoch }));
    });
  }

  async renew(claims: readonly Claim[], ttlMs: number): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    await this.#pool.write(`update claim set until_ms = ${utcNowMs} + ? where (job, epoch) in (?)`, [
      ttlMs,
      pairsOf(claims),
    ]);
    return this.held(claims);
  }

  async release(claims: readonly Claim[]): Promise<void> {
    if (claims.length === 0) return;
    await this.#pool.write('update claim set epoch = epoch + 1, until_ms = 0 where (job, epoch) in (?)', [
      pairsOf(claims),
    ]);
  }

  async held(claims: readonly Claim[]): Promise<readonly Claim[]> {
    if (claims.length === 0) return [];
    const rows = await this.#pool.read<Claim>('select job, epoch from claim where (job, epoch) in (?)', [
      pairsOf(claims),
    ]);
    return rows.map(({ job, epoch }) => ({ job, epoch }));
  }

  async workers(): Promise<readonly string[]> {
    const rows = await this.#pool.read<{ job: string }>(
      `select job from claim where job like '${workerPrefix}%' and until_ms > ${utcNowMs}`,
    );
    return rows.map(({ job }) => job.slice(workerPrefix.length)).toSorted();
  }
}

async function removeGoneWorkers(statements: Statements): Promise<void> {
  await statements.run(
    `delete from claim where job like '${workerPrefix}%' and until_ms < ${utcNowMs} - ${workerKeptMs}`,
  );
}

/** Ends the claim of the job, within the transaction of the caller. */
export async function endClaim(statements: Statements, job: string): Promise<void> {
  await statements.run('update claim set epoch = epoch + 1, until_ms = 0 where job = ?', [job]);
}

const pairsOf = (claims: readonly Claim[]) => claims.map(({ job, epoch }) => [job, epoch]);
