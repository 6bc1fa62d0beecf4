// Fills a data folder through the ports' own adapters before the server starts, in a process of its own: the server's stores
// without its sockets.

import { join } from 'node:path';
import { createLog } from '@hongyan/base/log';
import { createUuidV7 } from '@hongyan/base/uuid';
import { directMembers } from '@hongyan/protocol/direct';
import type { ClientMsgId, ConversationId, MsgId, Seq, UserId } from '@hongyan/protocol/ids';
import { readOrCreateSecrets } from '../packages/server/src/config/secret.ts';
import { defaultRules } from '../packages/server/src/domain/membership.ts';
import { unchanged, withReaction } from '../packages/server/src/domain/message-state.ts';
import { encodeState } from '../packages/server/src/domain/stored-state.ts';
import type { Directory } from '../packages/server/src/ports/directory/directory.ts';
import { openSqliteDirectory } from '../packages/server/src/ports/directory/sqlite-directory.ts';
import { openSqliteTimeline } from '../packages/server/src/ports/timeline/sqlite-timeline.ts';
import type { NewEntry, Timeline } from '../packages/server/src/ports/timeline/timeline.ts';
import { onCore } from './cores.ts';
import { type Reading, readingOf, usageOf } from './cost.ts';

export interface SeedRequest {
  readonly dataFolder: string;
  readonly users: readonly string[];
  readonly groups: readonly { readonly conversationId: string; readonly members: readonly string[] }[];
  readonly directs: readonly string[];
  /** Written to every direct conversation in turn, so that its entries lie far from each other in the file. */
  readonly messagesEach: number;
  /** Of each message, after all messages are written. */
  readonly reactionsEach?: number;
  /** How the devices make their client_msg_ids: as the docs ask and with the same clock when it is absent. */
  readonly clientMsgIds?: ClientMsgIds;
  /** The process's CPU time is read after so many messages again and again; never when it is absent. */
  readonly readingEvery?: number;
}

/** UUIDv7 of clocks that differ by up to ten minutes, or UUIDs that do not begin with the time. */
export type ClientMsgIds = 'clocks_differ' | 'random';

/** After `rows` messages in all were durable; the first has none. */
export interface SeedReading extends Reading {
  readonly rows: number;
}

/** Runs in a child process, on one core when `core` is given, and shows its progress on stderr. */
export async function seed(request: SeedRequest, core?: number): Promise<readonly SeedReading[]> {
  const path = join(request.dataFolder, 'seed.json');
  await Bun.write(path, JSON.stringify(request));
  const child = Bun.spawn(onCore(core, [process.execPath, import.meta.path, path]), {
    stdout: 'inherit',
    stderr: 'inherit',
  });
  if ((await child.exited) !== 0) throw new Error('seeding failed');
  await Bun.file(path).delete();
  const readings = Bun.file(readingsPath(request.dataFolder));
  return (await readings.exists()) ? ((await readings.json()) as SeedReading[]) : [];
}

const readingsPath = (dataFolder: string): string => join(dataFolder, 'seed-readings.json');

const queueMax = 1_000_000;
const batchMax = 5_000;
const log = createLog({ level: 'warn' });

/** `atOnce`: writes that wait at the same time. */
export async function fillDirectory(
  directory: Pick<Directory, 'createUser' | 'createConversation'>,
  { users, groups, directs }: Pick<SeedRequest, 'users' | 'groups' | 'directs'>,
  atOnce: number,
): Promise<void> {
  const atMs = Date.now();
  const done = progress('users and conversations', users.length + groups.length + directs.length);
  // No password: these users have tokens only.
  const passwordHash = '';
  const inSlices = slicesOf(atOnce);
  await inSlices(users, done, (userId) =>
    directory.createUser({ userId: userId as UserId, displayName: userId, createdAtMs: atMs, passwordHash }),
  );
  await inSlices(groups, done, ({ conversationId, members }) =>
    directory.createConversation({
      conversationId: conversationId as ConversationId,
      kind: 'group',
      title: conversationId,
      isHistoryVisible: true,
      rules: defaultRules('group'),
      members: members.map((userId) => ({ userId: userId as UserId, role: 'member' })),
      atMs,
    }),
  );
  await inSlices(directs, done, (conversationId) =>
    directory.createConversation({
      conversationId: conversationId as ConversationId,
      kind: 'direct',
      title: '',
      isHistoryVisible: true,
      rules: defaultRules('direct'),
      members: membersOf(conversationId).map((userId) => ({ userId, role: 'member' })),
      atMs,
    }),
  );
}

async function fillTimeline(request: SeedRequest): Promise<void> {
  const { dataFolder, directs, messagesEach, readingEvery = Number.POSITIVE_INFINITY } = request;
  const dir = join(dataFolder, 'timeline');
  const timeline = await openSqliteTimeline({ dir, log, queueMax, batchMax });
  const uuid = createUuidV7(() => Date.now());
  const clientMsgId = clientMsgIdsOf(request);
  const total = directs.length * messagesEach;
  const done = progress('messages', total);
  const contentJson = JSON.stringify({ type: 'text', text: 'x'.repeat(64) });
  const indexes = Array.from({ length: batchMax }, (_, index) => index);
  const waiting: Promise<unknown>[] = [];
  const readings = [readSelf(0)];
  for (let from = 0; from < total; from += batchMax) {
    const batch = indexes.slice(0, Math.min(batchMax, total - from)).map((index) => {
      const conversationId = directs[(from + index) % directs.length] as ConversationId;
      return {
        msgId: uuid() as MsgId,
        conversationId,
        from: membersOf(conversationId)[0],
        clientMsgId: clientMsgId(from + index),
        timestampMs: Date.now(),
        contentJson,
        isCounted: true,
      };
    });
    waiting.push(timeline.append(batch));
    const rows = from + batch.length;
    if (Math.floor(rows / readingEvery) > Math.floor(from / readingEvery)) {
      await Promise.all(waiting.splice(0));
      readings.push(readSelf(rows));
    }
    if (waiting.length > 2) await waiting.shift();
    done(batch.length);
  }
  await Promise.all(waiting);
  await react(timeline, request);
  await timeline.close();
  if (request.readingEvery !== undefined) await Bun.write(readingsPath(dataFolder), JSON.stringify(readings));
}

/** Of the message with this number. */
function clientMsgIdsOf({ clientMsgIds }: SeedRequest): (message: number) => ClientMsgId {
  if (clientMsgIds === 'random') return () => crypto.randomUUID() as ClientMsgId;
  const clocks = clientMsgIds === 'clocks_differ' ? clockCount : 1;
  const uuids = Array.from({ length: clocks }, (_, index) =>
    createUuidV7(() => Date.now() - (index / clocks) * clocksDifferByMs),
  );
  return (message) => (uuids[message % clocks] as () => string)() as ClientMsgId;
}

const clockCount = 100;
const clocksDifferByMs = 600_000;

/** Every message gets reactions with as many keys, by one member and the other in turn. */
async function react(timeline: Timeline, { directs, messagesEach, reactionsEach = 0 }: SeedRequest): Promise<void> {
  const uuid = createUuidV7(() => Date.now());
  const done = progress('reactions', directs.length * messagesEach * reactionsEach);
  for (const id of reactionsEach > 0 ? directs : []) {
    const members = membersOf(id);
    let state = unchanged;
    const batch = Array.from({ length: messagesEach * reactionsEach }, (_, index): NewEntry => {
      const [target_seq, no] = [Math.floor(index / reactionsEach) + 1, index % reactionsEach];
      const from = members[no % 2] ?? members[0];
      const key = `key ${no}`;
      state = withReaction(no === 0 ? unchanged : state, key, from);
      return {
        msgId: uuid() as MsgId,
        conversationId: id as ConversationId,
        from,
        clientMsgId: uuid() as ClientMsgId,
        timestampMs: Date.now(),
        contentJson: JSON.stringify({ type: 'hongyan.reaction', target_seq, key, op: 'add' }),
        isCounted: false,
        target: { seq: target_seq as Seq, stateJson: encodeState(state) },
      };
    });
    for (let from = 0; from < batch.length; from += batchMax) await timeline.append(batch.slice(from, from + batchMax));
    done(batch.length);
  }
}

/** This process stands where the server does in other figures; there is no generator. */
const readSelf = (rows: number): SeedReading => ({
  rows,
  ...readingOf(usageOf(process.pid), { userS: 0, systemS: 0 }, undefined),
});

function membersOf(conversationId: string): readonly [UserId, UserId] {
  const pair = directMembers(conversationId as ConversationId);
  if (!pair) throw new Error(`${conversationId} is not a direct conversation`);
  return pair;
}

const slicesOf =
  (atOnce: number) =>
  async <T>(
    items: readonly T[],
    done: (count: number) => void,
    write: (item: T) => Promise<unknown>,
  ): Promise<void> => {
    for (let from = 0; from < items.length; from += atOnce) {
      const slice = items.slice(from, from + atOnce);
      await Promise.all(slice.map(write));
      done(slice.length);
    }
  };

/** A line a second. */
function progress(what: string, total: number): (count: number) => void {
  const startedAt = performance.now();
  let [sum, shownAt] = [0, startedAt];
  return (count) => {
    sum += count;
    const now = performance.now();
    if (total < 50_000 || (now - shownAt < 1000 && sum < total)) return;
    shownAt = now;
    const perS = Math.round(sum / ((now - startedAt) / 1000));
    console.error(
      `  seed: ${sum.toLocaleString('en')} of ${total.toLocaleString('en')} ${what}, ${perS.toLocaleString('en')}/s`,
    );
  };
}

if (import.meta.main) {
  const request = JSON.parse(await Bun.file(process.argv[2] ?? '').text()) as SeedRequest;
  await readOrCreateSecrets(request.dataFolder);
  const path = join(request.dataFolder, 'directory.db');
  const directory = await openSqliteDirectory({ path, log, queueMax, batchMax });
  await fillDirectory(directory, request, batchMax);
  await directory.close();
  if (request.messagesEach > 0) await fillTimeline(request);
  process.exit(0);
}
