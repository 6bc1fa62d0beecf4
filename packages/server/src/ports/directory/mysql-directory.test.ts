// The directory on the MySQL protocol: the contracts of a directory and of a shared directory, and a paused process.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { join } from 'node:path';
import { assert } from '@hongyan/base/assert';
import { systemClock } from '@hongyan/base/clock';
import { rejectionOf } from '@hongyan/testing/rejection';
import { Scratch, type ScratchDatabase } from '@hongyan/testing/scratch';
import { describeWith } from '@hongyan/testing/services';
import { createConnection } from 'mysql2/promise';
import { listSql } from './mysql/conversation-reads.ts';
import { searchSql } from './mysql/user-rows.ts';
import { openMysqlDirectory } from './mysql-directory.ts';
import { conversationOf, group, newUser, user } from './testing/builders.ts';
import { directoryContract } from './testing/contract.ts';
import { sharedDirectoryContract } from './testing/shared-contract.ts';

const open = (database: ScratchDatabase) => openMysqlDirectory(database, { clock: systemClock, random: Math.random });

describeWith(['mysql'], 'directory on MySQL', ({ mysql }) => {
  const scratch = new Scratch({ mysql });
  let database: ScratchDatabase;
  beforeAll(async () => {
    database = await scratch.database('directory');
    await (await open(database)).close();
  });
  afterAll(() => scratch.remove());

  directoryContract('mysql directory', async () => {
    await empty(database);
    const directory = await open(database);
    let current = directory;
    return {
      directory,
      async reopen() {
        await current.close();
        current = await open(database);
        return current;
      },
      remove: () => current.close(),
    };
  });

  sharedDirectoryContract('mysql directory of two processes', async () => {
    await empty(database);
    const directories = [await open(database), await open(database)] as const;
    return {
      directories,
      async remove() {
        for (const directory of directories) await directory.close();
      },
    };
  });

  test('[F1] a process that was stopped past its time and continued writes nothing more', async () => {
    await empty(database);
    const directory = await open(database);
    await directory.claim({ partition: 1, epoch: 1 });
    await directory.createConversation(group('g:1', ['ann']));
    const writer = Bun.spawn([process.execPath, join(import.meta.dir, 'testing/fenced-writer.ts')], {
      env: { ...process.env, DIRECTORY_DATABASE: JSON.stringify(database) },
      stdout: 'pipe',
      stderr: 'inherit',
    });
    const lines = linesOf(writer.stdout);
    for (let count = 0; count < 20; count++) await lines.next();
    await claimWhileStopped(directory, writer);
    const atClaim = (await conversationOf(directory, 'g:1'))?.memberCount;
    assert(atClaim, 'the conversation is there');
    writer.kill('SIGCONT');
    let last = '';
    for await (const line of lines) last = line;
    expect(last).toBe('fenced');
    expect(await writer.exited).toBe(0);
    expect((await conversationOf(directory, 'g:1'))?.memberCount).toBe(atClaim);
    expect(atClaim).toBeGreaterThan(20);
    await directory.close();
  }, 60_000);

  test('a search costs no more the more users match: it reads along an index to the limit', async () => {
    await empty(database);
    const directory = await open(database);
    const ids = Array.from({ length: 500 }, (_, index) => `u${index}`);
    for (let from = 0; from < ids.length; from += 20)
      await Promise.all(ids.slice(from, from + 20).map((id) => directory.createUser(newUser(id, 'Same Name'))));
    for (const query of ['same', 'name', 'u1'])
      expect(await directory.searchUsers({ query, limit: 20 })).toHaveLength(20);
    for (const id of ids.slice(0, 40)) await directory.createConversation(group(`g:${id}`, ['ann']));
    expect(await directory.searchConversations({ query: 'title', limit: 20 })).toHaveLength(20);
    await directory.close();
    const connection = await createConnection({ ...database });
    const stepsOf = async (sql: string, values: readonly (string | number)[]) => {
      const [rows] = await connection.query(`explain ${sql}`, [...values]);
      return rows as { table: string; type: string; Extra: string }[];
    };
    const range = ['same', 'same\u{10ffff}'];
    const steps = [
      ...(await stepsOf(searchSql.byId, [...range, 20])),
      ...(await stepsOf(searchSql.byWord, [...range, 1_280, 20])),
      ...(await stepsOf(listSql.byTitle, [...range, 1_280, 20])),
      ...(await stepsOf(listSql.listAfter, ['g:u1', 'g:u2', 20])),
    ];
    // The server sorts what it derived within the limit; of the tables it sorts and scans none.
    const ofTables = steps.filter(({ table }) => !table.startsWith('<derived'));
    expect(ofTables.map(({ table, type }) => `${table} ${type}`).toSorted()).toEqual([
      'c eq_ref',
      'c range',
      'conversation_word range',
      'u eq_ref',
      'user range',
      'user_word range',
    ]);
    for (const { Extra } of ofTables) expect(Extra).not.toContain('filesort');
    await connection.end();
  }, 60_000);

  test('[O31] titles from before titles could be searched are found', async () => {
    await empty(database);
    const directory = await open(database);
    await directory.createConversation(group('g:1', ['ann']));
    await directory.createConversation({ ...group('d:ann:bob', ['ann', 'bob']), title: '' });
    await directory.close();
    const connection = await createConnection({ ...database });
    await connection.query('drop table conversation_word');
    await connection.query("update layout set version = 1 where what = 'directory'");
    await connection.end();
    const later = await open(database);
    expect(await later.searchConversations({ query: 'title of', limit: 10 })).toHaveLength(1);
    await later.close();
  });

  test('a write after close rejects, and closing again is harmless', async () => {
    const directory = await open(database);
    await directory.close();
    expect(await rejectionOf(directory.createUser(newUser('ann')))).toHaveProperty('code', 'unavailable');
    await directory.close();
    expect(await rejectionOf(directory.getUsers([user('ann')]))).toHaveProperty('code', 'unavailable');
  });
});

/** Of the server: deleting rows is quicker than making tables. */
async function empty(database: ScratchDatabase): Promise<void> {
  const connection = await createConnection({ ...database });
  const [tables] = await connection.query(
    "select table_name as name from information_schema.tables where table_schema = database() and table_name <> 'layout'",
  );
  for (const { name } of tables as { name: string }[]) await connection.query(`delete from ${name}`);
  await connection.end();
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of stream) {
    const parts = (text + decoder.decode(chunk, { stream: true })).split('\n');
    text = parts.pop() ?? '';
    yield* parts;
  }
}

/** It may be stopped in the moment between its last look and its commit: then the row is free again when the server ends its session. */
async function claimWhileStopped(
  directory: Awaited<ReturnType<typeof open>>,
  writer: { kill(signal: NodeJS.Signals): void },
): Promise<void> {
  writer.kill('SIGSTOP');
  for (;;) {
    const failure = await directory.claim({ partition: 1, epoch: 2 }).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) return;
    expect(failure).toHaveProperty('code', 'unavailable');
  }
}
