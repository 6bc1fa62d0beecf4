// A process that handles commands as a core does: it shares the log's partitions, appends each batch with the position, and publishes
// what it appended. It is killed and paused at any moment. Its one argument is a JSON of `CommandCore`; it prints "ready", the partitions
// whenever they change, and, asked by SIGUSR2, the CPU time it took so far.

import { systemClock } from '@hongyan/base/clock';
import { silentLog } from '@hongyan/base/log';
import { systemRandom } from '@hongyan/base/random';
import { ok } from '@hongyan/base/result';
import { createUuidV7 } from '@hongyan/base/uuid';
import type { MsgId } from '@hongyan/protocol/ids';
import { failure } from '@hongyan/protocol/refusals';
import { RedisClient } from '@hongyan/server/adapters/redis/redis-client';
import { redisDefaults } from '@hongyan/server/adapters/redis/redis-options';
import type { BatchPlace, Command } from '@hongyan/server/ports/command-log/command-log';
import { KafkaCommandConsumer } from '@hongyan/server/ports/command-log/kafka-command-log';
import { type BusEvent, conversationTopic } from '@hongyan/server/ports/event-bus/event-bus';
import { RedisEventBus } from '@hongyan/server/ports/event-bus/redis-event-bus';
import { openMysqlTimeline } from '@hongyan/server/ports/timeline/mysql-timeline';
import type { NewEntry, StoredEntry } from '@hongyan/server/ports/timeline/timeline';
import type { ScratchDatabase } from '@hongyan/testing/scratch';

export interface CommandCore {
  readonly brokers: readonly string[];
  readonly redis: string;
  readonly prefix: string;
  readonly database: ScratchDatabase;
  readonly sessionTimeoutMs: number;
}

const given = JSON.parse(process.argv[2] ?? '{}') as CommandCore;
const surroundings = { clock: systemClock, log: silentLog };
const newMsgId = createUuidV7(() => Date.now()) as () => MsgId;

const timeline = await openMysqlTimeline({
  // A paused owner keeps its rows for so long.
  mysql: { ...given.database, limits: { idleMin: 1, sessionIdleS: 2, lockWaitS: 1, attemptsMax: 10 } },
  ...{ ...surroundings, random: systemRandom, appendsMax: 1_000 },
});
const client = await RedisClient.open(
  { ...redisDefaults, keyPrefix: `${given.prefix}:`, addresses: [given.redis] },
  surroundings,
);
const bus = await RedisEventBus.open({ ...surroundings, client, busId: crypto.randomUUID() });
const published = new Map<number, number>();

function entryOf(command: Command): NewEntry {
  if (command.type !== 'message') throw new Error(`no command of this test: ${command.type}`);
  const { conversationId, from, clientMsgId, contentJson } = command;
  return {
    ...{ msgId: newMsgId(), conversationId, from, clientMsgId, contentJson },
    timestampMs: Date.now(),
    isCounted: true,
  };
}

const frameOf = ({ conversationId, seq }: StoredEntry): BusEvent => ({
  ...{ type: 'frame', topic: conversationTopic(conversationId), frame: String(seq) },
});

async function handle(batch: readonly Command[], place?: BatchPlace) {
  if (!place) throw new Error('a batch of a partition has a place');
  const { fence, offset, mayBeRepeated } = place;
  const position = { ...fence, offset, publishedOffset: Math.min(published.get(fence.partition) ?? 0, offset) };
  const results = await timeline.append(batch.map(entryOf), position);
  const fresh = results.filter(({ type }) => mayBeRepeated || type === 'committed');
  const note = () => published.set(fence.partition, Math.max(published.get(fence.partition) ?? 0, offset));
  bus.publish(fresh.map(({ entry }) => frameOf(entry))).then(note, note);
  return results.map(({ type, entry: { msgId, seq, timestampMs } }) =>
    ok({ type: 'message' as const, msgId, seq, timestampMs, isDuplicate: type === 'duplicate' }),
  );
}

const owner = {
  async claim(partition: number) {
    const position = await timeline.claim(partition);
    published.set(partition, position.publishedOffset);
    return position;
  },
  async recover(batch: readonly Command[]) {
    return Promise.all(
      batch.map(async (command) => {
        const { from, clientMsgId } = entryOf(command);
        const entry = await timeline.findByClientMsgId({ from, clientMsgId });
        if (!entry) return failure.unknownOutcome();
        await bus.publish([frameOf(entry)]).catch(() => undefined);
        const { msgId, seq, timestampMs } = entry;
        return ok({ type: 'message' as const, msgId, seq, timestampMs, isDuplicate: true });
      }),
    );
  },
};

const consumer = new KafkaCommandConsumer({
  ...{ kafka: { brokers: given.brokers, clientId: 'core', prefix: `${given.prefix}.` }, bus, ...surroundings },
  ...{ sessionTimeoutMs: given.sessionTimeoutMs, batchMax: 200, batchPerUserMax: 20 },
});
consumer.consume(handle, owner);
process.on('SIGTERM', async () => {
  await consumer.drain();
  bus.close();
  await client.close();
  await timeline.close();
  process.exit(0);
});
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  process.stdout.write(`cpu ${user + system}\n`);
});
let shown = '';
setInterval(() => {
  const partitions = consumer.partitions.join();
  if (partitions !== shown) process.stdout.write(`owns ${partitions}\n`);
  shown = partitions;
}, 20);
process.stdout.write('ready\n');
