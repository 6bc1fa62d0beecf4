// The access store on the MySQL protocol: the contract of every one, and several processes that write it at once.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { systemClock } from '@hongyan/base/clock';
import type { DeviceId, UserId } from '@hongyan/protocol/ids';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { createConnection } from 'mysql2/promise';
import { hashOfSecret } from '../../domain/api-key.ts';
import type { Access } from './access.ts';
import { openMysqlAccess } from './mysql-access.ts';
import { usesPerUserMax } from './revocations.ts';
import { accessContract, revocationsMax } from './testing/contract.ts';

const open = (mysql: ScratchDatabase) =>
  openMysqlAccess({ mysql, revocationsMax, clock: systemClock, random: Math.random });

describeWith(['mysql'], 'access on MySQL', ({ mysql }) => {
  const scratch = new Scratch({ mysql });
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await scratch.database('access');
    await (await open(database)).close();
  });
  afterAll(() => scratch.remove());

  accessContract('mysql access', async () => {
    await empty(database);
    const access = await open(database);
    let current = access;
    return {
      access,
      async reopen() {
        await current.close();
        current = await open(database);
        return current;
      },
      remove: () => current.close(),
    };
  });

  test('[F2, A21] a key created or revoked by another process is so for this one at once', async () => {
    await empty(database);
    const [server, command] = [await open(database), await open(database)];
    const secretHash = hashOfSecret('a secret that only its holder has');
    const key = { keyId: 'k1', name: 'shop', scopes: ['messages:send'] as const, secretHash, createdAtMs: 1 };
    await command.createKey(key);
    expect(await server.findKey('k1')).toEqual(key);
    await command.revokeKey('k1');
    expect(await server.findKey('k1')).toBeUndefined();
    await command.close();
    await server.close();
  });

  test('[A12] a reader that continues from its last page misses nothing of two concurrent writers', async () => {
    await empty(database);
    const [one, other, reader] = [await open(database), await open(database), await open(database)];
    const ids = Array.from({ length: 200 }, (_, index) => `t${index}`);
    const revoke = (tokenId: string, index: number) =>
      (index % 2 === 0 ? one : other).revoke([{ type: 'token', tokenId, userId: 'ann' as UserId, untilMs: 1 }]);
    let isDone = false;
    const writing = Promise.all([0, 1, 2, 3].map((from) => inTurn(ids, { from, step: 4, run: revoke }))).then(() => {
      isDone = true;
    });
    const read = await follow(reader, () => isDone);
    await writing;
    expect(read.toSorted()).toEqual(ids.toSorted());
    for (const access of [one, other, reader]) await access.close();
  }, 60_000);

  test('[F3, A14] of two processes that note devices of one token at once none passes the bound', async () => {
    await empty(database);
    const [one, other] = [await open(database), await open(database)];
    const note = (index: number) =>
      (index % 2 === 0 ? one : other).recordUse({
        ...{ tokenId: 't1', userId: 'ann' as UserId, expiresAtMs: 100 },
        deviceId: `d${index % 130}` as DeviceId,
      });
    const all = Array.from({ length: 260 }, (_, index) => index);
    await Promise.all([0, 1, 2, 3, 4, 5].map((from) => inTurn(all, { from, step: 6, run: note })));
    expect(await one.devicesOf('t1')).toHaveLength(100);
    await one.close();
    await other.close();
  }, 60_000);

  test('[A14] the uses of a user are bounded: a new one replaces the one that expires first', async () => {
    await empty(database);
    const access = await open(database);
    const note = (index: number) =>
      access.recordUse({
        ...{ tokenId: `t${index}`, userId: 'ann' as UserId, expiresAtMs: 1_000 + index },
        deviceId: `d${index}` as DeviceId,
      });
    const indexes = Array.from({ length: usesPerUserMax }, (_, index) => index);
    for (let from = 0; from < usesPerUserMax; from += 100) await Promise.all(indexes.slice(from, from + 100).map(note));
    await note(usesPerUserMax);
    const kept = await access.signedIn({ userId: 'ann' as UserId, nowMs: 0 });
    expect(kept).toHaveLength(usesPerUserMax);
    expect(kept).not.toContain('d0' as DeviceId);
    expect(kept).toContain(`d${usesPerUserMax}` as DeviceId);
    await access.close();
  }, 60_000);
});

/** Every `step`th one, one after another: the number of concurrent calls equals the number of callers, however slow the machine is. */
async function inTurn<T>(
  all: readonly T[],
  {
    from,
    step,
    run,
  }: { readonly from: number; readonly step: number; readonly run: (one: T, index: number) => Promise<unknown> },
): Promise<void> {
  for (let index = from; index < all.length; index += step) await run(all[index] as T, index);
}

/** Reads forward only, one by one, until the writers are done and nothing is left. */
async function follow(access: Access, isDone: () => boolean): Promise<readonly string[]> {
  const read: string[] = [];
  for (let after = 0; ; ) {
    const wasDone = isDone();
    const { revocations, next } = await access.revocations({ after, limit: 1 });
    for (const revocation of revocations) read.push(revocation.type === 'token' ? revocation.tokenId : '');
    if (next === undefined && wasDone) return read;
    after = next ?? after;
  }
}

/** Deleting rows is quicker than making tables. */
async function empty(database: ScratchDatabase): Promise<void> {
  const connection = await createConnection({ ...database });
  for (const table of ['api_key', 'revocation', 'token', 'token_use']) await connection.query(`delete from ${table}`);
  await connection.query('update numbered set held = 0');
  await connection.end();
}
